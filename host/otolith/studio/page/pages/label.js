// Label: a long recording, its sounds as regions with names, cut into the dataset.
import { bytes, finished, get, post, put, text } from "../api.js";
import { attempt, html, many, nothing, progress, say } from "../ui.js";
import { clock, Timeline } from "./timeline.js";

const ROW = 52; // pixels of a row of the list
const SPARE = 4; // rows drawn beyond the visible ones
const MOST_UNDO = 200;
const NEW_S = 1; // of a label made by the key N
const TRACKS = ".txt,.TextGrid,.csv,.tsv,.json";
const COLOURS = ["#94a3b8", "#2dd4bf", "#f59e0b", "#60a5fa", "#f472b6", "#a3e635", "#c084fc", "#fb7185", "#fde047"];

/**
 * A label, or a suggestion while it has no place among the labels.
 * @typedef {{id: string, start: number, end: number, label: string, low?: number | null,
 *   high?: number | null, score?: number | null}} Mark
 * @typedef {{labels: Mark[], suggestions: Mark[]}} State
 */

let count = 0;
const newId = () => `m${++count}`;
/** @param {number} seconds */
const rounded = (seconds) => Math.round(seconds * 1e6) / 1e6;

export class Label {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}/recordings`;
    /** @type {any} */
    this.list = null;
    this.name = "";
    /** @type {any} */
    this.about = null;
    /** @type {Timeline | null} */
    this.timeline = null;
    /** @type {State} */
    this.state = { labels: [], suggestions: [] };
    /** @type {State[]} */
    this.before = [];
    /** @type {State[]} */
    this.after = [];
    this.selected = "";
    this.brush = this.classes[1] ?? this.classes[0] ?? "sound";
    this.saved = "";
    this.version = "";
    this.timer = 0;
    /** @type {Promise<void>} */
    this.saving = Promise.resolve();
    this.dirty = false;
    /** @type {import("../api.js").JobEvent | null} */
    this.opening = null;
    /** @type {{what: string, event: import("../api.js").JobEvent | null, id: string} | null} */
    this.work = null;
    this.onDb = 12;
    this.top = 0;
    this.height = 420;
    this.problem = "";
    this.over = false;
    this.playing = false;
    this.left = false;
    this.keys = (/** @type {KeyboardEvent} */ event) => this.key(event);
  }

  /** @returns {string[]} */
  get classes() {
    return this.context.about.classes;
  }

  async enter() {
    document.addEventListener("keydown", this.keys);
    await this.load();
    const last = sessionStorage.getItem(this.at);
    const names = this.list.recordings.map((/** @type {any} */ r) => r.name);
    const first = names.includes(last) ? last : names[0];
    if (first) attempt(() => this.open(first)); // the page is there meanwhile
  }

  leave() {
    this.left = true;
    document.removeEventListener("keydown", this.keys);
    if (this.dirty) attempt(() => this.save());
    this.timeline?.destroy();
    this.timeline = null;
  }

  async load() {
    this.list = await get(this.at);
    this.context.update();
  }

  // ---- recordings ----

  /** @param {string} name */
  async open(name) {
    if (this.dirty) await this.save();
    this.timeline?.destroy();
    this.timeline = null;
    this.about = null;
    this.problem = "";
    this.name = name;
    this.opening = { kind: "step", step: "opening", share: 0 };
    this.change({ labels: [], suggestions: [] }, false);
    sessionStorage.setItem(this.at, name);
    const { project } = this.context;
    try {
      const jobs = await get(`/p/${project}/jobs`);
      const other = jobs.find((/** @type {any} */ j) => j.kind === "recording" && j.state === "running");
      const take = (/** @type {any} */ event) => {
        if (this.name === name && event.kind === "step") this.opening = event;
        this.context.update();
      };
      if (other) await finished(project, other, take).catch(() => {});
      if (this.name !== name) return;
      const { job } = await post(`${this.at}/open`, { name });
      if (job) await finished(project, job, take);
      const where = `name=${encodeURIComponent(name)}`;
      const [about, peaks] = await Promise.all([
        get(`${this.at}/about?${where}`),
        bytes(`${this.at}/peaks?${where}`),
      ]);
      if (this.name !== name || this.left) return;
      this.about = about;
      this.version = about.version;
      this.saved = JSON.stringify(this.plain(about.labels));
      this.opening = null;
      const labels = about.labels.map((/** @type {any} */ l) => ({ ...l, id: newId() }));
      this.change({ labels, suggestions: [] }, false);
      for (const line of about.problems.slice(0, 3)) say(line, { bad: true });
      await this.draw(peaks);
      const running = jobs.find(
        (/** @type {any} */ j) =>
          ["suggest", "cut"].includes(j.kind) && j.state === "running" && j.options.name === name,
      );
      if (running) attempt(() => (running.kind === "cut" ? this.cutting(running) : this.looking(running)));
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.opening = null;
    }
    this.context.update();
  }

  /** @param {ArrayBuffer} data */
  async draw(data) {
    const box = document.getElementById("timeline");
    if (!box) return;
    const peaks = Float32Array.from(new Uint8Array(data), (value) => value / 255);
    const { opened, tile, pool } = this.about;
    this.timeline = new Timeline(box, { at: this.at, name: this.name, opened, tile, pool }, peaks, {
      drawn: (start, end) => this.add(start, end),
      changed: (id, start, end) => this.edit(id, { start: rounded(start), end: rounded(end) }),
      chosen: (id) => this.select(id),
      moved: (time) => this.moved(time),
      playing: (is) => {
        this.playing = is;
        this.context.update();
      },
    });
    this.show();
    await this.timeline.ready;
    this.moved(0);
  }

  /** @param {number} time */
  moved(time) {
    const place = document.getElementById("position");
    if (place) place.textContent = `${clock(time)} / ${clock(this.about?.opened.seconds ?? 0)}`;
  }

  /** @param {File[]} files */
  async bring(files) {
    let last = "";
    for (const file of files) {
      this.opening = { kind: "step", step: `copying ${file.name} into the project`, share: 0 };
      this.context.update();
      try {
        const { name } = await put(`${this.at}/file/${encodeURIComponent(file.name)}`, file);
        last = name;
      } finally {
        this.opening = null;
        this.context.update();
      }
    }
    await this.load();
    if (last) await this.open(last);
  }

  /** @param {DragEvent} event */
  async drop(event) {
    event.preventDefault();
    this.over = false;
    this.context.update();
    const files = [...(event.dataTransfer?.files ?? [])];
    const tracks = files.filter((f) => /\.(txt|textgrid|csv|tsv|json)$/i.test(f.name));
    const sounds = files.filter((f) => !tracks.includes(f));
    if (sounds.length) await attempt(() => this.bring(sounds));
    for (const track of tracks) await attempt(() => this.read(track));
  }

  // ---- labels ----

  /** @param {State} state @param {boolean} [remember] */
  change(state, remember = true) {
    if (remember) {
      this.before.push(this.state);
      if (this.before.length > MOST_UNDO) this.before.shift();
    } else {
      this.before = [];
    }
    this.after = [];
    this.become(state);
  }

  /** @param {State} state */
  become(state) {
    state.labels.sort((a, b) => a.start - b.start || a.end - b.end);
    this.state = state;
    if (!this.find(this.selected)) this.selected = "";
    this.show();
    if (this.about && JSON.stringify(this.plain(state.labels)) !== this.saved) this.saveSoon();
    this.context.update();
  }

  undo() {
    const state = this.before.pop();
    if (!state) return;
    this.after.push(this.state);
    this.become(state);
  }

  redo() {
    const state = this.after.pop();
    if (!state) return;
    this.before.push(this.state);
    this.become(state);
  }

  /** @param {string} id @returns {Mark | undefined} */
  find(id) {
    const { labels, suggestions } = this.state;
    return labels.find((m) => m.id === id) ?? suggestions.find((m) => m.id === id);
  }

  /** @param {number} start @param {number} end */
  add(start, end) {
    const mark = { id: newId(), start: rounded(start), end: rounded(end), label: this.brush };
    this.selected = mark.id;
    this.change({ ...this.state, labels: [...this.state.labels, mark] });
  }

  /** @param {string} id @param {Partial<Mark>} values A suggestion that gets a name becomes a label. */
  edit(id, values) {
    const { labels, suggestions } = this.state;
    const replaced = (/** @type {Mark} */ m) => (m.id === id ? { ...m, ...values } : m);
    const taken = values.label ? suggestions.filter((m) => m.id === id).map(replaced) : [];
    this.change({
      labels: [...labels.map(replaced), ...taken],
      suggestions: suggestions.filter((m) => !taken.length || m.id !== id).map(replaced),
    });
  }

  /** @param {string} id */
  remove(id) {
    const next = this.neighbour(1) ?? this.neighbour(-1);
    const kept = (/** @type {Mark} */ m) => m.id !== id;
    const { labels, suggestions } = this.state;
    if (id === this.selected) this.selected = next?.id ?? "";
    this.change({ labels: labels.filter(kept), suggestions: suggestions.filter(kept) });
  }

  /** @param {number} step @returns {Mark | undefined} */
  neighbour(step) {
    const all = this.marks();
    const at = all.findIndex((m) => m.id === this.selected);
    return at < 0 ? (step > 0 ? all[0] : all.at(-1)) : all[at + step];
  }

  /** @returns {Mark[]} Labels and suggestions in their order. */
  marks() {
    return [...this.state.labels, ...this.state.suggestions].sort((a, b) => a.start - b.start);
  }

  /** @param {string} id */
  select(id) {
    this.selected = id;
    const mark = this.find(id);
    if (mark?.label) this.brush = mark.label;
    this.show();
    const row = this.marks().findIndex((m) => m.id === id);
    const box = document.querySelector(".marks");
    if (box && (ROW * row < box.scrollTop || ROW * (row + 1) > box.scrollTop + box.clientHeight))
      box.scrollTop = Math.max(0, ROW * (row - 1));
    this.context.update();
  }

  /** @param {string} label */
  nameIt(label) {
    this.brush = label;
    const mark = this.find(this.selected);
    if (!mark) {
      this.context.update();
      return;
    }
    const isSuggestion = this.state.suggestions.includes(mark);
    this.edit(mark.id, { label });
    if (!isSuggestion) return;
    const all = this.marks();
    const at = all.findIndex((m) => m.id === mark.id);
    const next = all.slice(at + 1).find((m) => this.state.suggestions.includes(m));
    if (next) this.go(next);
  }

  /** @param {Mark} mark Selected, in view, and played from there. */
  go(mark) {
    this.select(mark.id);
    this.timeline?.seek(mark.start);
  }

  /** @param {Mark} mark */
  play(mark) {
    this.select(mark.id);
    this.timeline?.play(mark.start, Math.max(mark.end, mark.start + 0.05));
  }

  show() {
    const suggested = new Set(this.state.suggestions);
    this.timeline?.show(
      this.marks().map((m) => ({
        id: m.id,
        start: m.start,
        end: m.end,
        text: suggested.has(m) ? `${m.label || "sound"}?` : m.label,
        colour: `${this.colour(m.label)}55`,
        dashed: suggested.has(m),
        selected: m.id === this.selected,
      })),
    );
  }

  /** @param {string} label @returns {string} */
  colour(label) {
    const at = this.names().indexOf(label);
    return at < 0 ? "#e2e8f0" : COLOURS[at % COLOURS.length];
  }

  /** @returns {string[]} Classes, then other names that labels have. */
  names() {
    const others = new Set(this.state.labels.map((m) => m.label));
    return [...this.classes, ...[...others].filter((l) => !this.classes.includes(l)).sort()];
  }

  // ---- saving ----

  /** @param {Mark[]} labels */
  plain(labels) {
    return labels.map(({ start, end, label, low = null, high = null }) => ({ start, end, label, low, high }));
  }

  saveSoon() {
    this.dirty = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => attempt(() => this.save()), 500);
  }

  /** @returns {Promise<void>} */
  save() {
    clearTimeout(this.timer);
    const name = this.name;
    const labels = this.plain(this.state.labels);
    const work = async () => {
      const value = JSON.stringify({ labels, version: this.version });
      const where = `${this.at}/labels?name=${encodeURIComponent(name)}`;
      const { version } = await put(where, new Blob([value]));
      if (this.name !== name) return;
      this.version = version;
      this.saved = JSON.stringify(labels);
      this.dirty = JSON.stringify(this.plain(this.state.labels)) !== this.saved;
      this.context.update();
    };
    this.saving = this.saving.catch(() => {}).then(work);
    return this.saving;
  }

  /** @param {File} file */
  async read(file) {
    if (!this.about) throw new Error("Open a recording first: the labels belong to one.");
    const where = `name=${encodeURIComponent(this.name)}&file=${encodeURIComponent(file.name)}`;
    const { labels, problems } = await post(`${this.at}/track?${where}`, file);
    const marks = labels.map((/** @type {any} */ l) => ({ ...l, id: newId() }));
    if (marks.length) this.change({ ...this.state, labels: [...this.state.labels, ...marks] });
    say(`${many(marks.length, "label")} read from ${file.name}.`, { label: "Undo", act: () => this.undo() });
    for (const line of problems.slice(0, 3)) say(line, { bad: true });
  }

  async download() {
    if (this.dirty) await this.save();
    const data = await text(`${this.at}/track?name=${encodeURIComponent(this.name)}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([data], { type: "text/plain" }));
    link.download = this.name.replace(/\.[^.]*$/, "") + ".txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // ---- suggestions and cutting ----

  /** @param {string} by */
  async suggest(by) {
    if (this.dirty) await this.save();
    const wish = { name: this.name, by, on_db: this.onDb };
    await this.looking(await post(`${this.at}/suggest`, wish));
  }

  /** @param {any} job */
  async looking(job) {
    const { suggestions } = await this.watch("looking for sounds", job);
    const { labels } = this.state;
    const free = suggestions.filter(
      (/** @type {Mark} */ s) => !labels.some((l) => l.start < s.end && s.start < l.end),
    );
    const marks = free.map((/** @type {Mark} */ s) => ({
      ...s,
      id: newId(),
      start: rounded(s.start),
      end: rounded(s.end),
    }));
    this.change({ labels, suggestions: marks });
    if (marks.length) this.go(marks[0]);
    else say(suggestions.length ? "Nothing new: all of them have labels." : "No sound stands out. Lower the dB, or draw labels by hand.");
  }

  /** @param {string} what @param {any} job @returns {Promise<any>} */
  async watch(what, job) {
    this.work = { what, event: null, id: job.id };
    this.context.update();
    try {
      return await finished(this.context.project, job, (event) => {
        if (this.work && event.kind === "step") this.work.event = event;
        this.context.update();
      });
    } finally {
      this.work = null;
      this.context.update();
    }
  }

  async stop() {
    await post(`/p/${this.context.project}/jobs/${this.work?.id}/stop`);
  }

  /** @param {string} label "" takes each with its own name. */
  takeAll(label) {
    const { labels, suggestions } = this.state;
    const taken = suggestions.map((m) => ({ ...m, label: label || m.label }));
    const named = taken.filter((m) => m.label);
    const rest = suggestions.filter((m) => !named.some((n) => n.id === m.id));
    this.change({ labels: [...labels, ...named], suggestions: rest });
  }

  /** @param {SubmitEvent} event */
  async cut(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    await this.save();
    const seconds = Number(form.get("seconds")) || null;
    const wish = {
      name: this.name,
      seconds,
      set: String(form.get("set") ?? ""),
      speaker: String(form.get("speaker") ?? ""),
    };
    await this.cutting(await post(`${this.at}/cut`, wish));
  }

  /** @param {any} job */
  async cutting(job) {
    const { clips, counts, already, problems } = await this.watch("cutting", job);
    const each = Object.entries(counts).map(([label, n]) => `${n} ${label}`);
    const old = already ? ` ${already} were cut before.` : "";
    const said = clips ? `${many(clips, "clip")} ${clips === 1 ? "is" : "are"} in the dataset: ${each.join(", ")}.` : "No new clips.";
    say(said + old, { label: "See them", act: () => this.context.go("sounds") });
    for (const line of problems.slice(0, 3)) say(line, { bad: true });
  }

  // ---- keys ----

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = event.composedPath()[0];
    const element = target instanceof Element ? target : document.body;
    if (!this.timeline || event.altKey || element.closest("input, select, textarea, dialog")) return;
    const { timeline } = this;
    const control = event.ctrlKey || event.metaKey;
    const mark = this.find(this.selected);
    const inTimeline = event.composedPath().some((e) => e instanceof Element && e.id === "timeline");
    const key = event.key;
    const far = event.shiftKey ? 1 : 0.1;
    /** @type {(() => void) | undefined} */
    let act;
    if (control && (key === "y" || key === "Z")) act = () => this.redo();
    else if (control && key === "z") act = () => this.undo();
    else if (control) return;
    else if (/^[1-9]$/.test(key)) {
      const label = this.names()[Number(key) - 1];
      if (label) act = () => this.nameIt(label);
    } else if (key === " " && !element.closest("button, a, summary, label")) act = () => timeline.wave.playPause();
    else if ((key === "Delete" || key === "Backspace") && mark) act = () => this.remove(mark.id);
    else if (key === "n" || key === "N") act = () => this.add(timeline.time, Math.min(timeline.seconds, timeline.time + NEW_S));
    else if (key === "[" && mark && timeline.time < mark.end) act = () => this.edit(mark.id, { start: rounded(timeline.time) });
    else if (key === "]" && mark && timeline.time > mark.start) act = () => this.edit(mark.id, { end: rounded(timeline.time) });
    else if (key === "p" && mark) act = () => this.play(mark);
    else if (key === "+" || key === "=") act = () => timeline.zoom(2, mark?.start ?? timeline.time);
    else if (key === "-") act = () => timeline.zoom(0.5, mark?.start ?? timeline.time);
    else if (inTimeline && key === "ArrowLeft") act = () => timeline.seek(timeline.time - far);
    else if (inTimeline && key === "ArrowRight") act = () => timeline.seek(timeline.time + far);
    else if (inTimeline && (key === "ArrowDown" || key === "ArrowUp")) {
      const next = this.neighbour(key === "ArrowDown" ? 1 : -1);
      if (next) act = () => this.go(next);
    }
    if (!act) return;
    event.preventDefault();
    act();
  }

  // ---- what is seen ----

  view() {
    if (!this.list) return html`<p class="loading">Loading ...</p>`;
    const { recordings } = this.list;
    return html`<div
      class=${this.over ? "dropping" : ""}
      @dragover=${(/** @type {DragEvent} */ e) => this.dragged(e)}
      @drop=${(/** @type {DragEvent} */ e) => attempt(() => this.drop(e))}
    >
      <h1>Label</h1>
      <p class="lead">Mark the sounds in a long recording, then cut them into the dataset.</p>
      ${recordings.length
        ? html`<div class="actions">${this.chooser()} ${this.adder("Add a recording")}</div>`
        : nothing}
      ${this.opening ? progress(this.opening, "opening") : nothing}
      ${this.problem
        ? html`<p class="problem" role="alert">${this.problem}</p>
            <div class="actions"><button @click=${() => attempt(() => this.open(this.name))}>Try again</button></div>`
        : nothing}
      ${!recordings.length && !this.opening ? this.empty() : nothing}
      ${this.about ? this.editor() : nothing}
    </div>`;
  }

  /** @param {DragEvent} event */
  dragged(event) {
    event.preventDefault();
    if (this.over) return;
    this.over = true;
    this.context.update();
  }

  empty() {
    return html`<section class="card empty">
      <h2>No recordings yet</h2>
      <p>
        Let a phone or recorder run while the sounds happen: an hour is fine. Drop the file here, or
        put it into the project's folder <b>recordings</b>.
      </p>
      ${this.adder("Choose a recording")}
    </section>`;
  }

  /** @param {string} words */
  adder(words) {
    const chosen = async (/** @type {Event} */ event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      await this.bring([...(input.files ?? [])]);
      input.value = "";
    };
    return html`<label class="button"
      >${words}<input type="file" class="hidden" accept="audio/*,video/*"
        @change=${(/** @type {Event} */ e) => attempt(() => chosen(e))}
    /></label>`;
  }

  chooser() {
    return html`<label class="inline"
      >Recording
      <select @change=${(/** @type {Event} */ e) =>
        attempt(() => this.open(/** @type {HTMLSelectElement} */ (e.target).value))}>
        ${this.list.recordings.map(
          (/** @type {any} */ r) => html`<option value=${r.name} ?selected=${r.name === this.name}>
            ${r.name}${r.labels ? ` (${many(r.labels, "label")})` : ""}
          </option>`,
        )}
      </select></label
    >`;
  }

  editor() {
    const { problem } = this.about.opened;
    const zoom = (/** @type {number} */ by) => () =>
      this.timeline?.zoom(by, this.find(this.selected)?.start ?? this.timeline.time);
    return html`${problem ? html`<p class="problem">${problem}</p>` : nothing}
      <section class="card" aria-label="Recording">
        <div class="tools">
          <button class="main" @click=${() => this.timeline?.wave.playPause()}>
            ${this.playing ? "■ Pause" : "▶ Play"}
          </button>
          <span id="position" class="figure"></span>
          <span class="grow"></span>
          <span class="group" role="group" aria-label="Zoom">
            <button aria-label="Zoom out" @click=${zoom(0.5)}>−</button>
            <button aria-label="Zoom in" @click=${zoom(2)}>+</button>
            <button @click=${() => this.timeline?.whole()}>All of it</button>
          </span>
          <span class="group" role="group" aria-label="Changes of labels">
            <button ?disabled=${!this.before.length} @click=${() => this.undo()}>Undo</button>
            <button ?disabled=${!this.after.length} @click=${() => this.redo()}>Redo</button>
          </span>
        </div>
        <div id="timeline" class="timeline"></div>
        <div class="names" role="group" aria-label="Name of the selected label">
          ${this.names().map((label, at) => this.chip(label, at))}
        </div>
        ${this.help()}
      </section>
      ${this.suggester()} ${this.marksList()} ${this.cutter()}`;
  }

  /** @param {string} label @param {number} at */
  chip(label, at) {
    const chosen = (this.find(this.selected)?.label ?? this.brush) === label;
    return html`<button class="name-chip" aria-pressed=${chosen} @click=${() => this.nameIt(label)}>
      <i style=${`background: ${this.colour(label)}`}></i>${label}${at < 9
        ? html`<kbd>${at + 1}</kbd>`
        : nothing}
    </button>`;
  }

  help() {
    return html`<details class="help">
      <summary>Mouse and keys</summary>
      <ul class="plain">
        <li>Drag over the picture: a new label. Drag its edges or its middle: it moves. Double-click: it plays.</li>
        <li><kbd>1</kbd> to <kbd>9</kbd> name the selected label. <kbd>Delete</kbd> removes it. <kbd>P</kbd> plays it.</li>
        <li><kbd>N</kbd> adds a label at the cursor. <kbd>[</kbd> and <kbd>]</kbd> set its start and end to the cursor.</li>
        <li><kbd>Space</kbd> plays and pauses. <kbd>+</kbd> and <kbd>−</kbd> zoom. <kbd>Ctrl</kbd>+<kbd>Z</kbd> undoes.</li>
        <li>In the picture: <kbd>←</kbd> <kbd>→</kbd> move the cursor, <kbd>↑</kbd> <kbd>↓</kbd> choose a label.</li>
      </ul>
    </details>`;
  }

  suggester() {
    const { suggestions } = this.state;
    const busy = this.work !== null;
    const named = suggestions.filter((m) => m.label).length;
    return html`<section class="card" aria-labelledby="suggest">
      <h2 id="suggest">Suggestions</h2>
      ${this.work
        ? html`${progress(this.work.event, this.work.what)}
            <button @click=${() => attempt(() => this.stop())}>Stop</button>`
        : suggestions.length
          ? html`<p>
                ${many(suggestions.length, "suggestion")}, dashed in the picture. Name one to take it (keys 1
                to 9): the next is selected. Delete drops it.
              </p>
              <div class="actions">
                ${named
                  ? html`<button @click=${() => this.takeAll("")}>Take ${named} as they are</button>`
                  : nothing}
                <button @click=${() => this.takeAll(this.brush)}>Take all as ${this.brush}</button>
                <button class="quiet"
                  @click=${() => this.change({ ...this.state, suggestions: [] })}>Drop all</button>
              </div>`
          : html`<div class="row">
              <label>Louder than the noise by ${this.onDb} dB
                <input class="slider" type="range" min="3" max="40" step="1" .value=${String(this.onDb)}
                  @input=${(/** @type {Event} */ e) => this.setDb(e)} />
              </label>
              <button ?disabled=${busy} @click=${() => attempt(() => this.suggest("energy"))}>
                Find loud sounds
              </button>
              <button ?disabled=${busy || !this.list.trained}
                @click=${() => attempt(() => this.suggest("model"))}>Let the model find them</button>
            </div>
            ${this.list.trained
              ? nothing
              : html`<p class="muted small">The model can suggest once it is trained.</p>`}`}
    </section>`;
  }

  /** @param {Event} event */
  setDb(event) {
    this.onDb = Number(/** @type {HTMLInputElement} */ (event.target).value);
    this.context.update();
  }

  marksList() {
    const all = this.marks();
    const { labels } = this.state;
    const first = Math.max(0, Math.floor(this.top / ROW) - SPARE);
    const last = Math.min(all.length, Math.ceil((this.top + this.height) / ROW) + SPARE);
    const names = this.names();
    const read = async (/** @type {Event} */ event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      for (const file of input.files ?? []) await this.read(file);
      input.value = "";
    };
    return html`<section aria-labelledby="labels">
      <div class="spread wrap">
        <h2 id="labels">${many(labels.length, "label")}</h2>
        <span class="muted small" role="status">${this.dirty ? "saving ..." : labels.length ? "saved" : ""}</span>
        <span class="grow"></span>
        <label class="button">Read a label file<input type="file" class="hidden" accept=${TRACKS}
          @change=${(/** @type {Event} */ e) => attempt(() => read(e))} /></label>
        <button ?disabled=${!labels.length} @click=${() => attempt(() => this.download())}>
          Save for Audacity
        </button>
      </div>
      ${all.length
        ? html`<div class="marks card" tabindex="0" role="group" aria-label="Labels"
            @scroll=${(/** @type {Event} */ e) => this.scrolled(e)}>
            <div class="all" style=${`height: ${ROW * all.length}px`}>
              <ul class="plain" style=${`top: ${ROW * first}px`}>
                ${all.slice(first, last).map((m) => this.row(m, names))}
              </ul>
            </div>
          </div>`
        : html`<section class="card empty">
            <p>No labels yet. Drag over the picture, press N, or let Studio suggest some.</p>
          </section>`}
    </section>`;
  }

  /** @param {Event} event */
  scrolled(event) {
    const box = /** @type {HTMLElement} */ (event.target);
    this.top = box.scrollTop;
    this.height = box.clientHeight;
    this.context.update();
  }

  /** @param {Mark} m @param {string[]} names */
  row(m, names) {
    const suggested = this.state.suggestions.includes(m);
    const at = clock(m.start);
    const number = (/** @type {Event} */ e) => Number(/** @type {HTMLInputElement} */ (e.target).value);
    const { seconds } = this.about.opened;
    const start = (/** @type {Event} */ e) => this.times(m, number(e), m.end);
    const end = (/** @type {Event} */ e) => this.times(m, m.start, number(e));
    return html`<li class=${`mark ${m.id === this.selected ? "chosen" : ""}`} data-id=${m.id}>
      <button class="play" aria-label=${`Play ${m.label || "sound"} at ${at}`}
        @click=${() => this.play(m)}>▶</button>
      <button class="quiet go" aria-pressed=${m.id === this.selected} @click=${() => this.go(m)}>${at}</button>
      <input type="number" min="0" max=${seconds} step="0.01" aria-label=${`Start of ${at}, seconds`}
        .value=${m.start.toFixed(2)} @change=${start} />
      <input type="number" min="0" max=${seconds} step="0.01" aria-label=${`End of ${at}, seconds`}
        .value=${m.end.toFixed(2)} @change=${end} />
      <select aria-label=${`Sound at ${at}`} .value=${suggested ? "" : m.label}
        @change=${(/** @type {Event} */ e) =>
          this.edit(m.id, { label: /** @type {HTMLSelectElement} */ (e.target).value })}>
        ${suggested ? html`<option value="" selected>${m.label || "sound"}? choose</option>` : nothing}
        ${names.map((l) => html`<option value=${l} ?selected=${!suggested && l === m.label}>${l}</option>`)}
      </select>
      <button class="quiet" aria-label=${`Delete ${m.label || "sound"} at ${at}`}
        @click=${() => this.remove(m.id)}>Delete</button>
    </li>`;
  }

  /** @param {Mark} m @param {number} start @param {number} end */
  times(m, start, end) {
    const { seconds } = this.about.opened;
    if (!(start >= 0 && start <= end && end <= seconds)) {
      say("A label ends after it starts, within the recording.", { bad: true });
      this.context.update();
      return;
    }
    this.edit(m.id, { start, end });
  }

  cutter() {
    const { labels } = this.state;
    if (!labels.length) return nothing;
    return html`<section class="card" aria-labelledby="cut">
      <h2 id="cut">Cut into the dataset</h2>
      <form class="row" @submit=${(/** @type {SubmitEvent} */ e) => attempt(() => this.cut(e))}>
        <label>Seconds of a clip
          <input type="number" name="seconds" min="0.05" max="3600" step="0.05" placeholder="as labelled" />
        </label>
        <label>Set
          <select name="set">
            <option value="">later, by the split</option>
            <option>train</option><option>validate</option><option>test</option>
          </select>
        </label>
        <label>Who or what<input name="speaker" placeholder="anna" autocomplete="off" /></label>
        <button class="main" ?disabled=${this.work !== null}>Cut ${many(labels.length, "label")}</button>
      </form>
      <p class="muted small">
        Clips of one recording stay in one set. Labels that were cut before are left out.
      </p>
    </section>`;
  }
}
