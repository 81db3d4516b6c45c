// Sounds: record, import, listen, tidy up.
import { bytes, finished, get, post, put, socket } from "../api.js";
import { Microphone, microphones } from "../mic.js";
import { attempt, drawPicture, duration, html, many, nothing, progress, say } from "../ui.js";
import { Trim } from "./trim.js";

// Pixels of a row of the list; style.css has the same.
const narrow = matchMedia("(max-width: 760px)");
const row = () => (narrow.matches ? 104 : 60);
const MOST_DRAWING = 4; // pictures that are fetched at a time
const SPARE = 6; // rows drawn beyond the visible ones
const GOOD = 20; // takes, for the bar of a class
const LONG_S = 60; // of guided background
const PIECE_S = 5; // of it
const PORT = "port:"; // begins the value of a serial port in the list of microphones
const KINDS = /\.(wav|flac|ogg|oga|opus|mp3|m4a|mp4|aac|wma|webm|3gp|amr|aif|aiff|au|caf|w64|zip|csv|tsv|txt)$/i;

/**
 * @typedef {{file: string, label: string, set: string, speaker: string, source: string,
 *   date: string, seconds: number}} Clip
 */

export class Sounds {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}`;
    /** @type {any} */
    this.list = null;
    /** @type {any[]} */
    this.findings = [];
    /** @type {Set<string>} Files that some finding is about. */
    this.marked = new Set();
    this.filter = "";
    this.top = 0;
    this.height = 480;
    /** @type {Recording | null} */
    this.recording = null;
    /** @type {import("../api.js").JobEvent | null} */
    this.importing = null;
    /** @type {Set<string>} Imports whose progress is shown, by the job's id. */
    this.watched = new Set();
    /** @type {Map<string, ArrayBuffer>} */
    this.pictures = new Map();
    /** @type {Set<HTMLCanvasElement>} Rows that wait for their picture. */
    this.wanted = new Set();
    this.drawing = 0;
    this.player = new Audio();
    this.playing = "";
    this.player.onended = () => this.play("");
    /** @type {Trim | null} */
    this.trim = null;
    this.over = "";
  }

  async enter() {
    await this.load();
    const jobs = await get(`${this.at}/jobs`);
    const running = jobs.find((/** @type {any} */ j) => j.kind === "import" && j.state === "running");
    if (running) attempt(() => this.watch(running));
  }

  leave() {
    this.player.pause();
    this.recording?.stop();
  }

  async load() {
    this.list = await get(`${this.at}/clips`);
    this.context.update();
    this.findings = await get(`${this.at}/findings`);
    this.marked = new Set(this.findings.flatMap((a) => a.finding.files));
    this.context.update();
  }

  /** @param {string} said @param {string} [undo] */
  async changed(said, undo) {
    this.pictures.clear();
    const more = undo ? { label: "Undo", act: () => this.undo(undo) } : {};
    say(said, more);
    await this.load();
  }

  /** @param {string} id */
  async undo(id) {
    await post(`${this.at}/undo`, { id });
    await this.changed("Undone.");
  }

  /** @param {string} file */
  play(file) {
    this.player.pause();
    this.playing = file === this.playing ? "" : file;
    if (this.playing) {
      this.player.src = `/api${this.at}/sound?file=${encodeURIComponent(file)}`;
      attempt(() => this.player.play());
    }
    this.context.update();
  }

  /** @param {Clip} clip */
  async remove(clip) {
    const { undo } = await post(`${this.at}/remove`, { files: [clip.file] });
    await this.changed(`Removed ${clip.file}.`, undo);
  }

  /** @param {Clip} clip @param {string} label */
  async relabel(clip, label) {
    await post(`${this.at}/relabel`, { files: [clip.file], label });
    await this.changed(`${clip.file} is ${label} now.`);
  }

  /** @param {any} advice */
  async fix(advice) {
    const { undo } = await post(`${this.at}/fix`, { kind: advice.finding.kind });
    await this.changed(`Done: ${advice.fix}.`, undo);
  }

  // ---- files ----

  /**
   * @param {{path: string, file: File}[]} files
   * @param {string} label Of all of them; "" for the names of their folders.
   */
  async upload(files, label) {
    const good = files.filter(({ path }) => KINDS.test(path) && !/(^|\/)\./.test(path));
    if (!good.length) {
      say("No sounds among these: drop WAV, MP3, M4A, FLAC, Ogg or a zip of them.", { bad: true });
      return;
    }
    const { upload } = await post(`${this.at}/uploads`);
    for (const [number, { path, file }] of good.entries()) {
      this.importing = { kind: "step", step: "sending files", share: number / good.length };
      this.context.update();
      const name = path.split("/").map(encodeURIComponent).join("/");
      await put(`${this.at}/uploads/${upload}/${name}`, file);
    }
    await this.watch(await post(`${this.at}/import`, { upload, label }));
  }

  /**
   * Show an import's progress and tell its end once: who just started it and a page that finds
   * it running may both ask. @param {any} job
   */
  async watch(job) {
    if (this.watched.has(job.id)) return;
    this.watched.add(job.id);
    try {
      const result = await finished(this.context.project, job, (event) => {
        if (event.kind === "step") this.importing = event;
        this.context.update();
      });
      const already = result.already ? `, ${result.already} files were there already` : "";
      await this.changed(`${many(result.clips, "clip")} imported${already}.`);
      for (const line of result.problems.slice(0, 3)) say(line, { bad: true });
    } finally {
      this.importing = null;
      this.context.update();
    }
  }

  /** @param {DragEvent} event @param {string} label */
  async drop(event, label) {
    event.preventDefault();
    event.stopPropagation();
    this.over = "";
    const items = [...(event.dataTransfer?.items ?? [])];
    // Not everything that is dropped is a file on the disk: an attachment of a mail has no entry.
    const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
    const parts = found.map(async ({ entry, file }) =>
      entry ? walk(entry) : file ? [{ path: file.name, file }] : [],
    );
    const files = (await Promise.all(parts)).flat();
    await attempt(() => this.upload(files, label));
    this.importing = null;
    this.context.update();
  }

  /** @param {Event} event @param {string} label */
  async choose(event, label) {
    const input = /** @type {HTMLInputElement} */ (event.target);
    const files = [...(input.files ?? [])].map((file) => ({
      path: file.webkitRelativePath || file.name,
      file,
    }));
    await this.upload(files, label);
    input.value = "";
  }

  // ---- what is seen ----

  view() {
    if (!this.list) return html`<p class="loading">Loading ...</p>`;
    const { hint, problems } = this.list;
    return html`<div
      @dragover=${(/** @type {DragEvent} */ e) => this.dragged(e, "*")}
      @drop=${(/** @type {DragEvent} */ e) => this.drop(e, "")}
    >
      <h1>Sounds</h1>
      <p class="lead">
        ${hint ? `${hint}.` : "Enough to train with. More places and more people make it better."}
      </p>
      ${problems.map((/** @type {string} */ p) => html`<p class="problem">${p}</p>`)}
      <ul class="plain classes">
        ${this.list.classes.map((/** @type {any} */ c) => this.classCard(c))}
      </ul>
      ${this.recording?.view()} ${this.importing ? progress(this.importing, "importing") : nothing}
      <div class="actions">
        <label class="button"
          >Import files<input type="file" multiple class="hidden" accept="audio/*,.zip"
            @change=${(/** @type {Event} */ e) => attempt(() => this.choose(e, this.filter))}
        /></label>
        <label class="button"
          >Import a folder<input type="file" class="hidden" webkitdirectory
            @change=${(/** @type {Event} */ e) => attempt(() => this.choose(e, ""))}
        /></label>
        <span class="muted"
          >or drop them here. Folders name their sounds; drop single files on a sound above.</span
        >
      </div>
      ${this.advice()} ${this.clips()} ${this.trim?.view()}
    </div>`;
  }

  /** @param {DragEvent} event @param {string} label */
  dragged(event, label) {
    event.preventDefault();
    event.stopPropagation();
    if (this.over === label) return;
    this.over = label;
    this.context.update();
  }

  /** @param {any} c */
  classCard(c) {
    const full = c.background ? c.minutes / 3 : c.clips / GOOD;
    const amount = c.background ? `${c.minutes.toFixed(1)} min` : many(c.clips, "take");
    return html`<li
      class=${`card class ${this.over === c.label ? "over" : ""}`}
      @dragover=${(/** @type {DragEvent} */ e) => this.dragged(e, c.label)}
      @drop=${(/** @type {DragEvent} */ e) => this.drop(e, c.label)}
    >
      <div class="spread"><h2>${c.label}</h2><span>${amount}</span></div>
      <progress max="1" .value=${Math.min(1, full)} aria-label=${`${c.label}: ${amount}`}></progress>
      <p class="muted small">${c.hint || `${c.minutes.toFixed(1)} min in ${many(c.clips, "clip")}`}</p>
      <button ?disabled=${this.recording !== null}
        @click=${() => this.record(c)} aria-label=${`Record ${c.label}`}>Record</button>
    </li>`;
  }

  /** @param {Clip} clip A new take replaces it. */
  again(clip) {
    const c = this.list.classes.find((/** @type {any} */ one) => one.label === clip.label);
    if (c) this.record(c, clip);
  }

  /** @param {any} c @param {Clip} [clip] That the take replaces. */
  record(c, clip) {
    this.player.pause();
    this.recording = new Recording(this, c, clip);
    document.getElementById("main")?.scrollIntoView();
    attempt(() => /** @type {Recording} */ (this.recording).enter());
    this.context.update();
  }

  advice() {
    const shown = this.findings.filter((a) => a.finding.kind !== "few");
    if (!shown.length) return nothing;
    return html`<section class="card" aria-labelledby="advice">
      <h2 id="advice">Worth a look</h2>
      <ul class="plain list findings">
        ${shown.slice(0, 12).map(
          (a) => html`<li class="spread">
            <span>${a.finding.error ? html`<b class="bad">Error:</b> ` : ""}${a.finding.text}</span>
            ${a.fix
              ? html`<button @click=${() => attempt(() => this.fix(a))}>${a.fix}</button>`
              : nothing}
          </li>`,
        )}
      </ul>
      ${shown.length > 12 ? html`<p class="muted">and ${shown.length - 12} more</p>` : nothing}
    </section>`;
  }

  clips() {
    /** @type {Clip[]} */
    const all = this.list.clips;
    if (!all.length)
      return html`<section class="card empty">
        <h2>No clips yet</h2>
        <p>Press Record at a sound, or drop recordings here.</p>
      </section>`;
    const mine = (this.filter ? all.filter((c) => c.label === this.filter) : all).toReversed();
    const high = row();
    const first = Math.max(0, Math.floor(this.top / high) - SPARE);
    const last = Math.min(mine.length, Math.ceil((this.top + this.height) / high) + SPARE);
    const labels = this.list.classes.map((/** @type {any} */ c) => c.label);
    return html`<section aria-labelledby="clips">
      <div class="spread">
        <h2 id="clips">${many(mine.length, "clip")}</h2>
        <label class="inline"
          >Show
          <select @change=${(/** @type {Event} */ e) => this.show(e)}>
            <option value="">all sounds</option>
            ${labels.map((/** @type {string} */ l) => html`<option value=${l}>${l}</option>`)}
          </select></label
        >
      </div>
      <div class="clips card" tabindex="0" role="group" aria-label="Clips"
        @scroll=${(/** @type {Event} */ e) => this.scrolled(e)}>
        <div class="all" style=${`height: ${high * mine.length}px`}>
          <ul class="plain" style=${`top: ${high * first}px`}>
            ${mine.slice(first, last).map((clip) => this.row(clip, labels))}
          </ul>
        </div>
      </div>
    </section>`;
  }

  /** @param {Event} event */
  show(event) {
    this.filter = /** @type {HTMLSelectElement} */ (event.target).value;
    this.top = 0;
    this.context.update();
  }

  /** @param {Event} event */
  scrolled(event) {
    const box = /** @type {HTMLElement} */ (event.target);
    this.top = box.scrollTop;
    this.height = box.clientHeight;
    this.context.update();
  }

  /** @param {Clip} clip @param {string[]} labels */
  row(clip, labels) {
    const name = clip.file.split("/").pop() ?? "";
    const playing = this.playing === clip.file;
    return html`<li class="clip" data-file=${clip.file}>
      <button class="play" aria-label=${`${playing ? "Stop" : "Play"} ${name}`}
        @click=${() => this.play(clip.file)}>${playing ? "■" : "▶"}</button>
      <canvas class="thumb" aria-hidden="true" ${shown(this, clip.file)}></canvas>
      <span class="about">
        <span class="name">${name}</span>
        <span class="muted small"
          >${about(clip)}${this.marked.has(clip.file)
            ? html` · <b class="bad">worth a look</b>`
            : nothing}</span
        >
      </span>
      <select aria-label=${`Sound of ${name}`} .value=${clip.label}
        @change=${(/** @type {Event} */ e) =>
          attempt(() => this.relabel(clip, /** @type {HTMLSelectElement} */ (e.target).value))}>
        ${labels.map((l) => html`<option value=${l} ?selected=${l === clip.label}>${l}</option>`)}
      </select>
      <button class="quiet" aria-label=${`Redo ${name}`} ?disabled=${this.recording !== null}
        @click=${() => this.again(clip)}>Redo</button>
      <button class="quiet" aria-label=${`Trim ${name}`}
        @click=${() => this.open(clip)}>Trim</button>
      <button class="quiet" aria-label=${`Delete ${name}`}
        @click=${() => attempt(() => this.remove(clip))}>Delete</button>
    </li>`;
  }

  /** @param {Clip} clip */
  open(clip) {
    this.player.pause();
    this.trim = new Trim(this, clip, () => {
      this.trim = null;
      this.context.update();
    });
    this.context.update();
    attempt(() => /** @type {Trim} */ (this.trim).enter());
  }

  /** @param {HTMLCanvasElement} canvas Gets its picture; rows that were scrolled past get none. */
  want(canvas) {
    this.wanted.delete(canvas);
    this.wanted.add(canvas);
    queueMicrotask(() => this.next()); // the row is in the page then
  }

  next() {
    while (this.drawing < MOST_DRAWING && this.wanted.size) {
      const canvas = /** @type {HTMLCanvasElement} */ ([...this.wanted].pop());
      this.wanted.delete(canvas);
      const { file } = canvas.dataset;
      if (!file || !canvas.isConnected) continue;
      this.drawing += 1;
      this.thumb(file, canvas)
        .catch(() => {
          canvas.dataset.file = ""; // a damaged clip: the findings say more
        })
        .finally(() => {
          this.drawing -= 1;
          this.next();
        });
    }
  }

  /** @param {string} file @param {HTMLCanvasElement} canvas */
  async thumb(file, canvas) {
    let data = this.pictures.get(file);
    if (!data) {
      data = await bytes(`${this.at}/picture?columns=120&file=${encodeURIComponent(file)}`);
      if (this.pictures.size > 500) this.pictures.clear();
      this.pictures.set(file, data);
    }
    if (canvas.dataset.file === file) drawPicture(data, canvas);
  }
}

/** @param {Clip} clip @returns {string} */
function about(clip) {
  const from = clip.source ? `from ${clip.source}` : "";
  return [duration(clip.seconds), clip.set, clip.speaker, from].filter(Boolean).join(" · ");
}

/**
 * Draws a clip's picture once its canvas is there. lit-html calls it with the element.
 * @param {Sounds} page
 * @param {string} file
 */
function shown(page, file) {
  return ref((canvas) => {
    if (canvas.dataset.file === file) return;
    canvas.dataset.file = file;
    canvas.width = 1;
    page.want(canvas);
  });
}

/** @param {(canvas: HTMLCanvasElement) => void} call */
const ref = (call) => litRef((element) => element && call(/** @type {any} */ (element)));
import { ref as litRef } from "/lib/lit-html/directives/ref.js";

/**
 * The files below a dropped entry, with their paths.
 * @param {FileSystemEntry} entry
 * @returns {Promise<{path: string, file: File}[]>}
 */
async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) =>
      /** @type {FileSystemFileEntry} */ (entry).file(done, failed),
    );
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {{path: string, file: File}[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const inner of some) found.push(...(await walk(inner)));
  }
}

/** Takes of one sound: the recorder of `host record`, with the browser's microphone. */
class Recording {
  /**
   * @param {Sounds} page
   * @param {any} about Of the class.
   * @param {Clip} [replaced] Goes once a take is kept.
   */
  constructor(page, about, replaced) {
    this.page = page;
    this.about = replaced ? { ...about, background: false } : about;
    this.replaced = replaced;
    this.count = about.background || replaced ? 1 : 10;
    this.seconds = replaced ? Math.max(0.2, Math.round(10 * replaced.seconds) / 10) : about.background ? LONG_S : 1;
    /** @type {MediaDeviceInfo[]} */
    this.devices = [];
    /** @type {any[]} Boards at serial ports. */
    this.ports = [];
    this.device = "";
    this.heading = "";
    this.state = "";
    this.level = { peak: -120, rms: -120, hold: -120, clipped: false };
    /** @type {any[]} */
    this.takes = [];
    this.running = false;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Microphone | null} */
    this.microphone = null;
  }

  async enter() {
    [this.devices, this.ports] = await Promise.all([
      microphones(),
      get(`${this.page.at}/board`).then((board) => board.ports),
    ]);
    this.page.context.update();
    document.getElementById("record-start")?.focus();
  }

  /** @param {SubmitEvent} event */
  async start(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    this.count = Number(form.get("count") ?? 1);
    this.seconds = Number(form.get("seconds"));
    this.device = String(form.get("device") ?? "");
    this.takes = [];
    this.running = true;
    this.state = "opening the microphone";
    this.page.context.update();
    const port = this.device.startsWith(PORT) ? this.device.slice(PORT.length) : "";
    try {
      if (!port) await this.open();
    } catch (error) {
      this.running = false;
      this.page.context.update();
      throw error;
    }
    // Background in pieces, so that each set gets some of it.
    const pieces = this.about.background ? Math.max(1, Math.round(this.seconds / PIECE_S)) : 0;
    const wish = {
      label: this.about.label,
      count: pieces || this.count,
      seconds: pieces ? this.seconds / pieces : this.seconds,
      countdown: pieces ? 0 : 3,
      silence_db: this.about.background ? -100 : -60,
      trim: Boolean(form.get("trim")),
      speaker: String(form.get("speaker") ?? ""),
      device: this.microphone?.name ?? "",
      port,
    };
    this.socket = socket(`${this.page.at}/record`);
    this.socket.onopen = () => this.socket?.send(JSON.stringify(wish));
    this.socket.onmessage = (message) => this.take(JSON.parse(message.data));
    this.socket.onclose = () => {
      if (this.running) this.end("Studio does not answer any more: finished takes are kept.", true);
    };
  }

  async open() {
    this.microphone = await Microphone.open(
      (block) => {
        if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(block);
      },
      () => this.end("The microphone is gone: what was recorded before is kept.", true),
      this.device,
    );
  }

  /** @param {any} event */
  take(event) {
    if (event.kind === "heading") this.heading = event.text;
    if (event.kind === "level") {
      this.state = event.state;
      this.level = event;
    }
    if (event.kind === "take") this.takes.unshift(event);
    if (event.kind === "error") this.end(event.text, true);
    if (event.kind === "end") this.end(`${many(event.kept, "take")} of ${this.about.label} kept.`);
    this.page.context.update();
  }

  /** @param {string} said @param {boolean} [bad] */
  end(said, bad) {
    this.close();
    const kept = this.takes.some((take) => take.kept);
    if (bad) say(said, { bad });
    if (kept && this.replaced) attempt(() => this.replace());
    else if (kept) attempt(() => this.page.changed(bad ? "Finished takes are kept." : said));
    else this.page.context.update();
  }

  async replace() {
    const clip = /** @type {Clip} */ (this.replaced);
    this.page.recording = null;
    const { undo } = await post(`${this.page.at}/remove`, { files: [clip.file] });
    await this.page.changed(`A new take replaces ${clip.file}.`, undo);
  }

  close() {
    this.running = false;
    this.microphone?.close();
    this.microphone = null;
    this.socket?.close();
    this.socket = null;
  }

  stop() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send("stop");
    this.close();
  }

  async done() {
    this.stop();
    this.page.recording = null;
    await this.page.load();
  }

  view() {
    return html`<section class="card recorder" aria-labelledby="recorder">
      <div class="spread">
        <h2 id="recorder">Record ${this.about.label}${this.replaced ? " again" : ""}</h2>
        <button class="quiet" @click=${() => attempt(() => this.done())}>
          ${this.running ? "Stop and close" : "Close"}
        </button>
      </div>
      ${this.running ? this.live() : this.form()}
      ${this.takes.length
        ? html`<ul class="plain list" aria-label="Takes" aria-live="polite">
            ${this.takes.map(
              (t) => html`<li class="spread">
                <span
                  >${t.kept
                    ? html`<b class="good">kept</b> ${t.seconds.toFixed(1)} s`
                    : html`<b class="bad">again</b> ${t.reason}`}</span
                >
                <span class="muted">peak ${t.peak_dbfs == null ? "–" : t.peak_dbfs.toFixed(0)} dBFS</span>
              </li>`,
            )}
          </ul>`
        : nothing}
    </section>`;
  }

  form() {
    const quiet = this.about.background;
    return html`<form class="row" @submit=${(/** @type {SubmitEvent} */ e) => attempt(() => this.start(e))}>
      ${quiet
        ? html`<p class="wide">
            Let the room be as it is when the device listens: fans, steps, talking, music. No
            ${this.page.context.about.events.join(" or ")}.
          </p>`
        : html`<label>Takes<input type="number" name="count" min="1" max="200" .value=${this.count} /></label>`}
      <label>Seconds ${quiet ? "" : "each"}
        <input type="number" name="seconds" min="0.2" max="600" step="0.1" .value=${this.seconds} />
      </label>
      <label>Who or what<input name="speaker" placeholder="anna" autocomplete="off"
        .value=${this.replaced?.speaker ?? ""} /></label>
      <label>Microphone
        <select name="device">
          <option value="">the usual one</option>
          ${this.devices.map(
            (d) => html`<option value=${d.deviceId}>${d.label || "a microphone"}</option>`,
          )}
          ${this.ports.map(
            (p) => html`<option value=${PORT + p.name}>${p.about} at ${p.name}</option>`,
          )}
        </select>
      </label>
      <button class="main" id="record-start">Start</button>
    </form>`;
  }

  live() {
    const { rms, hold, clipped } = this.level;
    const left = this.state.match(/starts in (\d+)/);
    return html`<div class="live" role="status">
      <p class="count">${left ? left[1] : this.state.startsWith("recording") ? "●" : "…"}</p>
      <p><b>${this.heading}</b><br /><span class="muted">${this.state || "waiting for sound"}</span></p>
      <div class="meter">
        <meter min="-60" max="0" low="-50" high="-6" optimum="-20" .value=${rms}
          aria-label="Level"></meter>
        <span class=${clipped ? "bad" : "muted"}
          >${clipped ? "clipped: move away" : hold < -60 ? "quiet" : `${hold.toFixed(0)} dBFS`}</span
        >
      </div>
    </div>`;
  }
}
