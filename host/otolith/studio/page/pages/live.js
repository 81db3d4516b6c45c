// Live: the model hears this computer's microphone, a board, or a virtual board.
import { get, post, Problem, socket } from "../api.js";
import { Microphone, microphones } from "../mic.js";
import { Task } from "../task.js";
import { attempt, drawFeatures, html, nothing, percent, say, scrollFeatures } from "../ui.js";

const SECONDS = 8; // of the picture
const MOST_EVENTS = 30;
const BLOCK_MS = 16; // two of the browser's own blocks: common hops end with one
const MOST_GATE = 2000; // of the slider; the gate is a mean of absolute samples

export class Live extends Task {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    super(context);
    /** @type {any} */
    this.hello = null;
    /** @type {Microphone | null} */
    this.microphone = null;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.opening = "";
    this.source = "microphone"; // microphone:ID, board:PORT, virtual, or other: what `port` says
    this.port = "";
    /** @type {MediaDeviceInfo[]} */
    this.devices = [];
    /** @type {any} */
    this.board = null;
    /** @type {number[] | null} */
    this.scores = null;
    this.level = 0;
    /** @type {{ms: number | null, cpu: number | null, lost: number}} */
    this.load = { ms: null, cpu: null, lost: 0 };
    /** @type {{label: string, score: number, t_ms: number, number: number, filed?: boolean}[]} */
    this.events = [];
    this.count = 0;
    this.filed = 0;
    /** @type {number[][]} */
    this.frames = [];
    this.fresh = 0; // of them are not drawn yet
    this.low = Infinity; // range of the colours
    this.high = -Infinity;
    this.age = 0; // frames since the range was found anew
    /** @type {Record<string, number>} */
    this.thresholds = {};
    this.gate = 0;
    this.led = 0;
    this.drawn = 0;
    this.missed = "";
    this.over = "";
    this.interrupted = false; // the server went away while it listened
  }

  async enter() {
    [this.board, this.devices] = await Promise.all([get(`${this.at}/board`), microphones()]);
  }

  leave() {
    super.leave();
    this.close();
  }

  /** Studio answers again. */
  async back() {
    if (!this.interrupted) return;
    this.interrupted = false;
    await this.listen();
  }

  get on() {
    return this.socket !== null && !this.opening;
  }

  async listen() {
    this.over = "";
    this.opening = "Getting ready ...";
    this.context.update();
    try {
      if (this.source === "virtual" && !this.board.is_built) {
        if (!(await this.start("image"))) return;
        this.board.is_built = true;
      }
      if (!this.left) await this.open();
    } catch (error) {
      this.close();
      throw error;
    } finally {
      this.opening = "";
      this.context.update();
    }
  }

  async open() {
    const chosen = this.source === "other" ? `board:${this.port}` : this.source;
    const [kind, id = ""] = chosen.split(/:(.*)/s);
    if (kind === "virtual") this.opening = "Booting the virtual board ...";
    const query = new URLSearchParams({ source: kind, ...(kind === "board" ? { port: id } : {}) });
    const line = socket(`${this.at}/live?${query}`);
    this.socket = line;
    this.hello = await new Promise((done, failed) => {
      line.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (event.kind === "hello") done(event);
        else failed(new Problem(event.text));
      };
      line.onclose = () => failed(new Problem("Studio does not answer: is `host studio` still running?"));
    });
    this.scores = null;
    [this.frames, this.fresh, this.age] = [[], 0, Infinity];
    this.load = { ms: null, cpu: null, lost: 0 };
    this.take(this.hello);
    this.missed = this.listening()[0] ?? "";
    line.onmessage = (message) => this.take(JSON.parse(message.data));
    line.onclose = () => {
      if (this.socket !== line) return;
      this.interrupted = true;
      this.close();
    };
    if (kind !== "microphone") return;
    this.microphone = await Microphone.open(
      (block) => {
        // A slow computer skips sound rather than falling behind.
        if (line.readyState === WebSocket.OPEN && line.bufferedAmount < 64000) line.send(block);
        else this.load.lost += (block.byteLength - 4) / 2;
      },
      () => {
        this.over = "The microphone is gone: plug it in and start again.";
        this.close();
      },
      id,
      BLOCK_MS,
    );
  }

  close() {
    this.microphone?.close();
    this.microphone = null;
    const line = this.socket;
    this.socket = null;
    line?.close();
    this.led = 0;
    if (!this.left) this.context.update();
  }

  listening() {
    const labels = /** @type {string[]} */ (this.hello?.labels ?? []);
    return labels.filter((label) => this.thresholds[label] > 0);
  }

  /** @param {any} event */
  take(event) {
    if (event.kind === "error") {
      this.over = event.text;
      this.close();
    }
    if (event.kind === "note") say(event.text, { bad: true });
    if (event.kind === "end") {
      this.over = `It has heard all ${event.seconds} s of its sounds.`;
      this.close();
    }
    if (event.thresholds) [this.thresholds, this.gate] = [event.thresholds, event.gate];
    if (event.kind === "filed") {
      this.filed += 1;
      say(`${event.file} is in the dataset as ${event.label}: it counts from the next training.`);
    }
    if (event.kind === "led") this.led = event.level;
    if (event.kind === "lost") this.load.lost += event.samples;
    if (event.kind === "stats") [this.load.ms, this.load.cpu] = [event.ms, event.cpu];
    if (event.kind === "event") {
      this.count += 1;
      this.events.unshift({ ...event, number: this.count });
      this.events.length = Math.min(this.events.length, MOST_EVENTS);
    }
    if (event.kind === "hop") {
      this.frames.push(...event.frames);
      this.fresh += event.frames.length;
      this.level = event.level;
      if (event.scores) this.scores = event.scores;
      if (event.ms !== undefined) {
        const mix = (/** @type {number | null} */ old, /** @type {number} */ now) =>
          old === null ? now : 0.9 * old + 0.1 * now;
        this.load.ms = mix(this.load.ms, event.ms);
        this.load.cpu = mix(this.load.cpu, event.cpu);
      }
    }
    if (!this.drawn && !this.left) this.drawn = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawn = 0;
    if (this.left) return;
    this.context.update();
    const canvas = /** @type {HTMLCanvasElement | null} */ (document.getElementById("picture"));
    if (!canvas || !this.frames.length) return;
    const bands = this.frames[0].length;
    const most = Math.round((SECONDS * 1000) / (this.context.about.frame_ms || 16));
    if (this.frames.length > most) this.frames.splice(0, this.frames.length - most);
    // All of it only if the colours change: most of the time the picture moves on by a few frames.
    const fresh = Math.min(this.fresh, this.frames.length);
    this.fresh = 0;
    this.age += fresh;
    const { low, high } = this;
    if (this.age > most) [this.low, this.high, this.age] = [Infinity, -Infinity, 0];
    for (const frame of this.age ? this.frames.slice(this.frames.length - fresh) : this.frames)
      for (const value of frame) {
        if (value < this.low) this.low = value;
        if (value > this.high) this.high = value;
      }
    const same = low === this.low && high === this.high && canvas.width === most && canvas.height === bands;
    const shown = same ? this.frames.slice(this.frames.length - fresh) : this.frames;
    const wide = same ? fresh : most;
    const values = new Uint8Array(wide * bands);
    const start = (wide - shown.length) * bands;
    const scale = 255 / Math.max(1, this.high - this.low);
    shown.forEach((frame, x) => {
      for (let y = 0; y < bands; y++) values[start + x * bands + y] = scale * (frame[y] - this.low);
    });
    if (same) scrollFeatures(canvas, values, wide, bands);
    else drawFeatures(canvas, values, most, bands);
  }

  /** @param {any} value */
  send(value) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(value));
  }

  /** @param {string} label @param {number} value */
  set(label, value) {
    this.send({ do: "set", name: `detect.threshold.${label}`, value });
  }

  /** @param {any} event */
  wrong(event) {
    event.filed = true;
    this.send({ do: "wrong", label: event.label, t_ms: event.t_ms });
  }

  /** Train from the last weights, with the clips that were filed here. */
  async again() {
    const [last] = await get(`${this.at}/runs`);
    const size = last && last.architecture !== this.context.about.architecture ? last.architecture : "";
    await post(`${this.at}/train`, { size, resume: true });
    this.context.go("train");
  }

  view() {
    const about = this.context.about;
    if (!about.trained)
      return html`<h1>Live</h1>
        <section class="card empty">
          <h2>Nothing to listen with yet</h2>
          <p>
            ${about.ready
              ? html`This ready model is not trained here: run <code>host train</code> on it, or
                  <a href="#/">start a project of your own</a>.`
              : html`<a href=${`#/${this.context.project}/train`}>Train the model</a> first.`}
          </p>
        </section>`;
    return html`<h1>Live</h1>
      <p class="lead">
        What the model hears, as it hears it. On this computer it decides as the chip does, bit for bit.
      </p>
      ${this.trouble()} ${this.controls()} ${this.working("building firmware")}
      ${this.over ? html`<p class="over" role="status">${this.over}</p>` : nothing}
      ${this.hello?.note ? html`<p class="problem">${this.hello.note}</p>` : nothing}
      <figure class="scrolling">
        <canvas id="picture" class="picture" role="img" aria-label="What the chip's front end makes of the sound"></canvas>
        ${this.frames.length
          ? nothing
          : html`<p>${this.opening || (this.busy ? "Building the firmware ..." : "Choose who hears, then start: the sound scrolls here.")}</p>`}
        <figcaption class="spread small"><span>${SECONDS} s ago</span><span>now</span></figcaption>
      </figure>
      ${this.hello
        ? html`${this.figures()}
            <div class="columns">${this.bars()} ${this.heard()}</div>`
        : nothing}`;
  }

  controls() {
    const { on, opening } = this;
    return html`<div class="actions">
      <label class="inline who"
        >Who hears
        <select id="source" ?disabled=${on || opening !== ""}
          @change=${(/** @type {Event} */ e) => {
            this.source = /** @type {HTMLSelectElement} */ (e.target).value;
            this.context.update();
          }}>
          <option value="microphone">This computer's microphone</option>
          ${this.devices
            .filter((d) => d.label && d.deviceId !== "default")
            .map((d) => html`<option value=${`microphone:${d.deviceId}`}>${d.label}</option>`)}
          ${(this.board?.ports ?? []).map(
            (/** @type {any} */ p) => html`<option value=${`board:${p.name}`}>${p.about} at ${p.name}</option>`,
          )}
          ${this.board?.has_virtual
            ? html`<option value="virtual">Virtual ${this.board.name}, which hears test clips</option>`
            : nothing}
          <option value="other">Another serial port ...</option>
        </select>
      </label>
      ${this.source === "other"
        ? html`<label class="inline"
            >Port
            <input id="port" placeholder="/dev/ttyUSB0" autocomplete="off" ?disabled=${on || opening !== ""} .value=${this.port}
              @input=${(/** @type {Event} */ e) => (this.port = /** @type {HTMLInputElement} */ (e.target).value.trim())}
          /></label>`
        : nothing}
      ${on
        ? html`<button @click=${() => this.close()}>Stop listening</button>`
        : html`<button class="main" ?disabled=${opening !== "" || this.busy}
            @click=${() => attempt(() => this.listen())}>
            ${opening || "Start listening"}
          </button>`}
      ${this.filed && !this.context.about.ready
        ? html`<button @click=${() => attempt(() => this.again())}>
            Train again with ${this.filed} more ${this.filed === 1 ? "clip" : "clips"}
          </button>`
        : nothing}
    </div>`;
  }

  figures() {
    const { ms, cpu, lost } = this.load;
    const db = this.level > 0 ? 20 * Math.log10(this.level / 32768) : -90;
    return html`<div class="figures">
      <div>
        <span id="level-name">Level</span>
        <meter id="level" min="-80" max="0" .value=${Math.max(-80, db)} aria-labelledby="level-name"></meter>
      </div>
      <div><b>${ms === null ? "–" : `${ms.toFixed(1)} ms`}</b> of ${this.hello.hop_ms.toFixed(0)} ms a decision</div>
      <div><b>${cpu === null ? "–" : percent(cpu)}</b> CPU</div>
      ${this.source === "virtual"
        ? html`<div>
            <span class="lamp" role="img" aria-label=${this.led > 0 ? "LED on" : "LED off"}
              style=${`--light:${this.led}`}></span> LED
          </div>`
        : nothing}
      ${lost ? html`<div class="bad">${(lost / 16000).toFixed(1)} s of sound lost</div>` : nothing}
    </div>`;
  }

  bars() {
    const { labels } = this.hello;
    return html`<section class="card" aria-labelledby="scores">
      <h2 id="scores">Scores</h2>
      ${labels.map((/** @type {string} */ label, /** @type {number} */ i) => {
        const score = this.scores?.[i] ?? 0;
        const threshold = this.thresholds[label] ?? 0;
        return html`<div class="score">
          <div class="spread"><b>${label}</b><span>${(100 * score).toFixed(0)} %</span></div>
          <div class="marked" style=${`--at:${threshold}`} ?data-marked=${threshold > 0}>
            <progress class=${threshold > 0 && score >= threshold ? "over" : ""} max="1" .value=${score}
              aria-label=${`Score of ${label}`}></progress>
          </div>
          ${threshold > 0
            ? html`<label class="inline wide"
                >Threshold
                <input class="slider" type="range" min="0.05" max="0.99" step="0.01" .value=${String(threshold)}
                  ?disabled=${!this.on} aria-label=${`Threshold of ${label}`}
                  @change=${(/** @type {Event} */ e) =>
                    this.set(label, Number(/** @type {HTMLInputElement} */ (e.target).value))} />
                <span class="number">${threshold.toFixed(2)}</span></label
              >`
            : nothing}
        </div>`;
      })}
      <label class="inline wide"
        >Gate
        <input class="slider" type="range" min="0" max=${MOST_GATE} step="10" .value=${String(this.gate)}
          ?disabled=${!this.on} aria-label="Energy gate"
          @change=${(/** @type {Event} */ e) =>
            this.send({
              do: "set",
              name: "detect.gate",
              value: Number(/** @type {HTMLInputElement} */ (e.target).value),
            })} />
        <span class="number">${this.gate || "off"}</span></label
      >
      <p class="muted small">
        A hop quieter than the gate scores 0; this one is ${this.level}. Both last until it stops listening.
      </p>
    </section>`;
  }

  heard() {
    const listening = this.listening();
    const on = this.on && this.hello.can_file;
    return html`<section class="card" aria-labelledby="heard">
      <h2 id="heard">Heard</h2>
      ${on
        ? html`<div class="row missed">
            <label>Missed
              <select @change=${(/** @type {Event} */ e) => (this.missed = /** @type {HTMLSelectElement} */ (e.target).value)}>
                ${listening.map((l) => html`<option value=${l}>${l}</option>`)}
              </select>
            </label>
            <button @click=${() => this.send({ do: "missed", label: this.missed })}>You missed one</button>
          </div>
          <p class="muted small">
            Both buttons put two seconds into the dataset. Train again to learn from them.
          </p>`
        : nothing}
      ${this.events.length
        ? html`<ul class="plain list" aria-live="polite">
            ${this.events.map(
              (e) => html`<li class="spread">
                <span><b>${e.label}</b> ${(100 * e.score).toFixed(0)} %
                  <span class="muted once">at ${(e.t_ms / 1000).toFixed(1)} s</span></span>
                ${on
                  ? html`<button ?disabled=${e.filed} @click=${() => this.wrong(e)}>
                      ${e.filed ? "Filed" : "That was wrong"}
                    </button>`
                  : nothing}
              </li>`,
            )}
          </ul>`
        : html`<p class="muted">
            Nothing yet.
            ${this.source === "virtual" ? "It hears a test clip of each class." : "Make the sound near the microphone."}
          </p>`}
    </section>`;
  }
}
