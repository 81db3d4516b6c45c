// Features: the front end's settings, what the network sees with them, what they cost.
import { get, post } from "../api.js";
import { attempt, drawPicture, html, nothing, percent, say, size } from "../ui.js";

const WAIT_MS = 150; // after a slider has moved
const MOST_CLIPS = 300; // in the list
const SIDES = ["A", "B"];

/**
 * @typedef {{key: string, group: string, text: string, unit: string, type: string, low: number,
 *   high: number, names: (string | number)[], default: any, fixed: string}} Knob
 * @typedef {Record<string, any>} Settings
 */

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
const unpacked = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Settings of one side, with their picture and cost. */
class Side {
  /** @param {Settings} settings */
  constructor(settings) {
    this.settings = settings;
    /** @type {any} */
    this.seen = null;
    this.problem = "";
    this.asked = 0;
    this.timer = 0;
  }
}

export class Features {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}/features`;
    /** @type {any} */
    this.all = null;
    /** @type {Side[]} */
    this.sides = [];
    /** @type {{file: string, label: string}[]} */
    this.clips = [];
    this.file = "";
    this.board = "";
    this.augment = "";
    this.seed = 1;
    /** @type {any} */
    this.made = null;
    this.making = false;
    this.player = new Audio();
    this.playing = "";
    this.player.onended = () => this.stopped();
  }

  async enter() {
    const [all, listing] = await Promise.all([get(this.at), get(`/p/${this.context.project}/clips`)]);
    this.all = all;
    this.board = all.board;
    this.sides = [new Side({ ...all.now })];
    const newest = listing.clips.toReversed();
    const events = /** @type {string[]} */ (this.context.about.events);
    this.clips = [
      ...newest.filter((/** @type {any} */ c) => events.includes(c.label)),
      ...newest.filter((/** @type {any} */ c) => !events.includes(c.label)),
    ].slice(0, MOST_CLIPS);
    this.file = this.clips[0]?.file ?? "";
    this.context.update();
    for (const side of this.sides) await this.look(side);
  }

  leave() {
    this.stopped();
  }

  stopped() {
    this.player.pause();
    this.playing = "";
    this.context.update();
  }

  /** @param {string} name @param {string} source */
  play(name, source) {
    const other = name !== this.playing;
    this.stopped();
    if (!other) return;
    this.player.src = source;
    this.playing = name;
    attempt(() => this.player.play());
    this.context.update();
  }

  // ---- settings ----

  /** @param {Side} side */
  soon(side) {
    clearTimeout(side.timer);
    side.timer = window.setTimeout(() => attempt(() => this.look(side)), WAIT_MS);
    this.context.update();
  }

  /** @param {Side} side */
  async look(side) {
    const turn = ++side.asked;
    const seen = await post(`${this.at}/look`, {
      features: side.settings,
      board: this.board,
      file: this.file,
    });
    if (turn !== side.asked) return; // a newer picture is on its way
    side.problem = seen.problem;
    if (!seen.problem) {
      side.seen = seen;
      side.settings = { ...side.settings, ...seen.settings };
    }
    this.context.update();
    const canvas = document.getElementById(`seen-${this.sides.indexOf(side)}`);
    if (!seen.problem && canvas instanceof HTMLCanvasElement)
      drawPicture(unpacked(seen.picture).buffer, canvas);
  }

  /** @param {Side} side @param {string} key @param {any} value */
  set(side, key, value) {
    side.settings = { ...side.settings, [key]: value };
    if (key !== "minimum" && key !== "maximum") {
      delete side.settings.minimum; // limits follow the other settings
      delete side.settings.maximum;
    }
    this.made = null;
    this.soon(side);
  }

  /** @param {Side} side @param {string} name "now", a preset, or "kind:" and a kind. */
  start(side, name) {
    const kind = name.startsWith("kind:") ? name.slice(5) : "";
    const found = kind ? this.all.defaults[kind] : name === "now" ? this.all.now : this.all.presets[name];
    side.settings = { ...found };
    this.made = null;
    this.soon(side);
  }

  compare() {
    if (this.sides.length > 1) this.sides.pop();
    else {
      this.sides.push(new Side({ ...this.sides[0].settings }));
      attempt(() => this.look(this.sides[1]));
    }
    this.context.update();
  }

  /** @param {Side} side */
  async use(side) {
    const { undo } = await post(`${this.at}/use`, { features: side.settings });
    this.all.now = { ...side.settings };
    const again = this.all.trained ? " Train again: the network knows the old ones." : "";
    say(`spec.toml has these settings now.${again}`, {
      label: "Undo",
      act: () => this.undo(undo),
    });
    this.context.update();
  }

  /** @param {string} id */
  async undo(id) {
    await post(`${this.at}/back`, { id });
    const all = await get(this.at);
    this.all = all;
    say("spec.toml is as it was.");
    this.context.update();
  }

  async draw() {
    this.making = true;
    this.context.update();
    try {
      this.made = await post(`${this.at}/augment`, {
        features: this.sides[0].settings,
        file: this.file,
        names: this.augment ? [this.augment] : [],
        seed: this.seed,
      });
    } finally {
      this.making = false;
      this.context.update();
    }
    for (const part of ["before", "after"]) {
      const canvas = document.getElementById(`augmented-${part}`);
      if (canvas instanceof HTMLCanvasElement)
        drawPicture(unpacked(this.made[part].picture).buffer, canvas);
    }
  }

  /** @param {string} part */
  hear(part) {
    const sound = new Blob([unpacked(this.made[part].sound)], { type: "audio/wav" });
    this.play(part, URL.createObjectURL(sound));
  }

  // ---- what is seen ----

  view() {
    if (!this.all) return html`<p class="loading">Loading ...</p>`;
    return html`<h1>Features</h1>
      <p class="lead">What the network sees of a sound, and what it costs. Move a setting and look.</p>
      <div class="actions">${this.chooseClip()} ${this.chooseBoard()}
        <button aria-pressed=${this.sides.length > 1} @click=${() => this.compare()}>
          ${this.sides.length > 1 ? "Only A" : "Compare with another"}
        </button>
      </div>
      ${this.file
        ? nothing
        : html`<p class="card empty">No clips yet: record one on the Sounds page to see its picture.</p>`}
      <div class=${`sides ${this.sides.length > 1 ? "two" : ""}`}>
        ${this.sides.map((side, at) => this.top(side, at))}
      </div>
      ${this.table()} ${this.augmenter()}`;
  }

  chooseClip() {
    if (!this.clips.length) return nothing;
    const chosen = (/** @type {Event} */ e) => {
      this.file = /** @type {HTMLSelectElement} */ (e.target).value;
      this.made = null;
      for (const side of this.sides) this.soon(side);
    };
    const source = `/api/p/${this.context.project}/sound?file=${encodeURIComponent(this.file)}`;
    return html`<label class="inline"
        >Clip
        <select class="clip-choice" @change=${chosen}>
          ${this.clips.map(
            (c) => html`<option value=${c.file} ?selected=${c.file === this.file}>
              ${c.label}: ${c.file.split("/").pop()}
            </option>`,
          )}
        </select></label
      >
      <button @click=${() => this.play("clip", source)}>${this.playing === "clip" ? "■ Stop" : "▶ Play"}</button>`;
  }

  chooseBoard() {
    const chosen = (/** @type {Event} */ e) => {
      this.board = /** @type {HTMLSelectElement} */ (e.target).value;
      for (const side of this.sides) this.soon(side);
    };
    return html`<label class="inline"
      >Board
      <select @change=${chosen}>
        ${this.all.boards.map(
          (/** @type {any} */ b) =>
            html`<option value=${b.id} ?selected=${b.id === this.board}>${b.name}</option>`,
        )}
      </select></label
    >`;
  }

  /** @param {Side} side @param {number} at */
  top(side, at) {
    const both = this.sides.length > 1;
    const name = both ? `Settings ${SIDES[at]}` : "Settings";
    const started = (/** @type {Event} */ e) => {
      const select = /** @type {HTMLSelectElement} */ (e.target);
      this.start(side, select.value);
      select.value = "";
    };
    return html`<section class="card" aria-label=${name}>
      <div class="spread wrap">
        <h2>${name} <span class="muted">${side.settings.kind}</span></h2>
        <select aria-label=${`Start ${name.toLowerCase()} from`} @change=${started}>
          <option value="" selected>start from ...</option>
          <option value="now">those of spec.toml</option>
          ${Object.keys(this.all.presets).map((p) => html`<option value=${p}>preset ${p}</option>`)}
          ${Object.keys(this.all.kinds).map((k) => html`<option value=${`kind:${k}`}>kind ${k}</option>`)}
        </select>
      </div>
      <canvas class="picture" id=${`seen-${at}`} width="1" height="1" role="img"
        aria-label=${`What the network sees of the clip, ${name.toLowerCase()}`}></canvas>
      ${side.problem
        ? html`<p class="problem" role="alert">${side.problem}</p>`
        : side.seen
          ? this.cost(side.seen)
          : html`<p class="muted">Computing ...</p>`}
      <button class="main" ?disabled=${side.problem !== "" || !side.seen}
        @click=${() => attempt(() => this.use(side))}>Use these settings</button>
    </section>`;
  }

  /** @param {any} seen */
  cost(seen) {
    const { settings, cost_ms: ms, frame_ms: frame } = seen;
    const amount = ms && (ms[0] === ms[1] ? ms[1].toFixed(2) : `${ms[0].toFixed(2)} to ${ms[1].toFixed(2)}`);
    const over = ms && ms[1] > frame;
    return html`<p class="cost">
      ${ms
        ? html`<b class=${over ? "bad" : ""}>${amount} ms</b> of ${frame.toFixed(1)} ms a frame
            (${percent(ms[1] / frame)})${over ? ": too slow for this board" : ""}`
        : html`<b>${frame.toFixed(1)} ms</b> a frame; its cost on this board was not measured`}<br />
      <span class="muted"
        >one window: ${seen.window_s.toFixed(2)} s, ${settings.frames} × ${settings.bands} values,
        ${size(seen.window_bytes)} of ${size(seen.ram)} RAM</span
      >
    </p>`;
  }

  /** @returns {Knob[]} Settings of all sides, each once. */
  knobs() {
    /** @type {Map<string, Knob>} */
    const found = new Map();
    for (const side of this.sides)
      for (const knob of this.all.kinds[side.settings.kind]) if (!found.has(knob.key)) found.set(knob.key, knob);
    return [...found.values()];
  }

  table() {
    const knobs = this.knobs();
    const groups = [...new Set(knobs.map((k) => k.group))];
    return html`<section class="card knobs" aria-label="All settings">
      ${groups.map(
        (group, at) => html`<details ?open=${at < 2}>
          <summary>${group}</summary>
          ${knobs.filter((k) => k.group === group).map((k) => this.row(k))}
        </details>`,
      )}
    </section>`;
  }

  /** @param {Knob} knob */
  row(knob) {
    const values = this.sides.map((s) => JSON.stringify(s.settings[knob.key]));
    const differ = this.sides.length > 1 && values[0] !== values[1];
    return html`<div class=${`knob ${differ ? "differ" : ""}`}>
      <div>
        <b>${knob.key.replace("fe.", "").replaceAll("_", " ")}</b>
        ${knob.key.startsWith("fe.") ? html`<small class="mltk">MLTK</small>` : nothing}
        <small>${knob.text}${knob.fixed ? ` Fixed: ${knob.fixed}.` : ""}</small>
      </div>
      ${this.sides.map(
        (side, at) => html`<div class="control" data-side=${this.sides.length > 1 ? SIDES[at] : nothing}>
          ${this.control(knob, side, at)}
        </div>`,
      )}
    </div>`;
  }

  /** @param {Knob} shared @param {Side} side @param {number} at */
  control(shared, side, at) {
    const own = /** @type {Knob[]} */ (this.all.kinds[side.settings.kind]);
    const knob = own.find((k) => k.key === shared.key);
    const both = this.sides.length > 1;
    if (!knob) return html`<span class="muted">${side.settings.kind} has none</span>`;
    const value = side.settings[knob.key] ?? knob.default;
    const name = `${knob.key.replaceAll("_", " ")}${both ? `, ${SIDES[at]}` : ""}`;
    if (knob.type === "list")
      return html`<span class="muted small">${value?.length ? `${value.length} values` : "none"}</span>`;
    const fixed = knob.fixed !== "";
    const target = (/** @type {Event} */ e) => /** @type {HTMLInputElement} */ (e.target);
    if (knob.type === "bool")
      return html`<label class="inline"
        ><input type="checkbox" .checked=${value} ?disabled=${fixed} aria-label=${name}
          @change=${(/** @type {Event} */ e) => this.set(side, knob.key, target(e).checked)} />
        ${value ? "on" : "off"}</label
      >`;
    if (knob.names.length) {
      const chosen = (/** @type {Event} */ e) =>
        this.set(side, knob.key, knob.type === "int" ? Number(target(e).value) : target(e).value);
      return html`<select aria-label=${name} ?disabled=${fixed} @change=${chosen}>
        ${knob.names.map((n) => html`<option value=${n} ?selected=${n === value}>${n}</option>`)}
      </select>`;
    }
    const step = knob.type === "int" ? 1 : knob.high > 100 ? 5 : 0.005;
    const moved = (/** @type {Event} */ e) => {
      const number = Number(target(e).value);
      if (target(e).value !== "" && Number.isFinite(number))
        this.set(side, knob.key, knob.type === "int" ? Math.round(number) : number);
    };
    return html`<span class="dial">
      <input class="slider" type="range" min=${knob.low} max=${knob.high} step=${step}
        .value=${String(value)} ?disabled=${fixed} aria-label=${name} @input=${moved} />
      <input type="number" step="any" .value=${String(value)} ?disabled=${fixed}
        aria-label=${`${name}, as a number`} @change=${moved} />
      <small>${knob.unit}</small>
    </span>`;
  }

  augmenter() {
    if (!this.file) return nothing;
    const { augmentations, in_spec: inSpec } = this.all;
    const about = augmentations.find((/** @type {any} */ a) => a.name === this.augment)?.about;
    const again = () => {
      this.seed = Math.floor(Math.random() * 2 ** 31);
      attempt(() => this.draw());
    };
    return html`<section class="card" aria-labelledby="augment">
      <h2 id="augment">What training makes of it</h2>
      <div class="row">
        <label>Augmentation
          <select @change=${(/** @type {Event} */ e) => {
            this.augment = /** @type {HTMLSelectElement} */ (e.target).value;
            this.made = null;
            attempt(() => this.draw());
          }}>
            <option value="">those of spec.toml${inSpec.length ? ` (${inSpec.join(", ")})` : ": none"}</option>
            ${augmentations.map((/** @type {any} */ a) => html`<option value=${a.name}>${a.name}</option>`)}
          </select>
        </label>
        <button ?disabled=${this.making} @click=${again}>
          ${this.making ? "Drawing ..." : this.made ? "Draw again" : "Draw"}
        </button>
      </div>
      ${about ? html`<p class="muted small">${about}</p>` : nothing}
      ${this.made
        ? html`<p role="status">${this.made.title}</p>
            <div class="sides two">
              ${["before", "after"].map(
                (part) => html`<figure>
                  <canvas class="picture" id=${`augmented-${part}`} width="1" height="1" role="img"
                    aria-label=${`What the network sees ${part} augmentation`}></canvas>
                  <figcaption class="spread">
                    ${part}
                    <button @click=${() => this.hear(part)}>
                      ${this.playing === part ? "Stop" : `Play ${part}`}
                    </button>
                  </figcaption>
                </figure>`,
              )}
            </div>`
        : nothing}
    </section>`;
  }
}
