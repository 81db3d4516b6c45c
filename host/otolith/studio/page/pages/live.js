// Live: the model hears the computer's microphone, in the chip's own C.
import { socket } from "../api.js";
import { Microphone } from "../mic.js";
import { attempt, drawFeatures, html, nothing, say } from "../ui.js";

const SECONDS = 8; // of the picture
const MOST_EVENTS = 30;

export class Live {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    /** @type {any} */
    this.hello = null;
    /** @type {Microphone | null} */
    this.microphone = null;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.opening = false;
    /** @type {number[] | null} */
    this.scores = null;
    this.ms = 0;
    /** @type {{label: string, score: number, t_ms: number, number: number}[]} */
    this.events = [];
    this.count = 0;
    /** @type {number[][]} */
    this.frames = [];
    /** @type {Record<string, number>} */
    this.thresholds = {};
    this.drawn = 0;
    this.missed = "";
  }

  async enter() {}

  leave() {
    this.close();
  }

  async start() {
    this.opening = true;
    this.context.update();
    try {
      await this.open();
    } catch (error) {
      this.close();
      throw error;
    } finally {
      this.opening = false;
      this.context.update();
    }
  }

  async open() {
    const line = socket(`/p/${this.context.project}/live`);
    this.socket = line;
    this.hello = await new Promise((done, failed) => {
      line.onmessage = (message) => {
        const event = JSON.parse(message.data);
        if (event.kind === "hello") done(event);
        else failed(new Error(event.text));
      };
      line.onclose = () => failed(new Error("Studio does not answer: is `host studio` still running?"));
    });
    this.thresholds = this.hello.thresholds;
    this.missed = this.listening()[0] ?? "";
    line.onmessage = (message) => this.take(JSON.parse(message.data));
    line.onclose = () => {
      if (this.microphone) say("Studio does not answer any more: start it again.", { bad: true });
      this.close();
    };
    this.microphone = await Microphone.open(
      (block) => {
        // A slow computer skips sound rather than falling behind.
        if (line.readyState === WebSocket.OPEN && line.bufferedAmount < 64000) line.send(block);
      },
      () => {
        say("The microphone is gone: plug it in and start again.", { bad: true });
        this.close();
      },
    );
  }

  close() {
    this.microphone?.close();
    this.microphone = null;
    this.socket?.close();
    this.socket = null;
    this.context.update();
  }

  listening() {
    const labels = /** @type {string[]} */ (this.hello?.labels ?? []);
    return labels.filter((label) => this.thresholds[label] > 0);
  }

  /** @param {any} event */
  take(event) {
    if (event.kind === "error") say(event.text, { bad: true });
    if (event.kind === "settings") this.thresholds = event.thresholds;
    if (event.kind === "filed") {
      say(`${event.file} is in the dataset as ${event.label}: it counts from the next training.`);
    }
    if (event.kind === "hop") {
      this.frames.push(...event.frames);
      if (event.scores) this.scores = event.scores;
      this.ms = 0.9 * this.ms + 0.1 * event.ms;
      if (event.event) {
        this.count += 1;
        this.events.unshift({ ...event.event, t_ms: event.t_ms, number: this.count });
        this.events.length = Math.min(this.events.length, MOST_EVENTS);
      }
    }
    if (!this.drawn) this.drawn = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawn = 0;
    this.context.update();
    const canvas = /** @type {HTMLCanvasElement | null} */ (document.getElementById("picture"));
    if (!canvas || !this.frames.length) return;
    const bands = this.frames[0].length;
    const perHop = this.frames.length;
    const most = Math.round((SECONDS * 1000) / (this.context.about.frame_ms || 16));
    if (perHop > most) this.frames.splice(0, perHop - most);
    let low = Infinity;
    let high = -Infinity;
    for (const frame of this.frames)
      for (const value of frame) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    const values = new Uint8Array(most * bands);
    const start = (most - this.frames.length) * bands;
    this.frames.forEach((frame, x) =>
      frame.forEach((value, y) => {
        values[start + x * bands + y] = (255 * (value - low)) / Math.max(1, high - low);
      }),
    );
    drawFeatures(canvas, values, most, bands);
  }

  /** @param {string} label @param {number} value */
  set(label, value) {
    this.thresholds[label] = value;
    this.socket?.send(JSON.stringify({ do: "set", name: `detect.threshold.${label}`, value }));
    this.context.update();
  }

  /** @param {string} verdict @param {string} label */
  file(verdict, label) {
    this.socket?.send(JSON.stringify({ do: verdict, label }));
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
    const on = this.microphone !== null;
    return html`<h1>Live</h1>
      <p class="lead">The model hears this computer's microphone and decides as the chip does, bit for bit.</p>
      <div class="actions">
        ${on
          ? html`<button @click=${() => this.close()}>Stop listening</button>
              <span class="muted">${this.ms.toFixed(1)} ms a decision on this computer</span>`
          : html`<button class="main" ?disabled=${this.opening}
              @click=${() => attempt(() => this.start())}>
              ${this.opening ? "Getting ready ..." : "Start listening"}
            </button>`}
      </div>
      <canvas id="picture" class="picture" role="img" aria-label="What the chip's front end makes of the sound"></canvas>
      ${this.hello ? html`<div class="columns">${this.bars()} ${this.heard()}</div>` : nothing}`;
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
          <progress max="1" .value=${score} aria-label=${`Score of ${label}`}></progress>
          ${threshold > 0
            ? html`<label class="inline wide"
                >Threshold
                <input class="slider" type="range" min="0.05" max="0.99" step="0.01" .value=${String(threshold)}
                  aria-label=${`Threshold of ${label}`}
                  @change=${(/** @type {Event} */ e) =>
                    this.set(label, Number(/** @type {HTMLInputElement} */ (e.target).value))} />
                <span>${threshold.toFixed(2)}</span></label
              >`
            : nothing}
        </div>`;
      })}
    </section>`;
  }

  heard() {
    const listening = this.listening();
    const on = this.microphone !== null && this.hello.can_file;
    return html`<section class="card" aria-labelledby="heard">
      <h2 id="heard">Heard</h2>
      ${on
        ? html`<div class="row">
            <label>Missed
              <select @change=${(/** @type {Event} */ e) => (this.missed = /** @type {HTMLSelectElement} */ (e.target).value)}>
                ${listening.map((l) => html`<option value=${l}>${l}</option>`)}
              </select>
            </label>
            <button @click=${() => this.file("missed", this.missed)}>You missed one</button>
          </div>`
        : nothing}
      ${this.events.length
        ? html`<ul class="plain list" aria-live="polite">
            ${this.events.map(
              (e, i) => html`<li class="spread">
                <span><b>${e.label}</b> ${(100 * e.score).toFixed(0)} %
                  <span class="muted">at ${(e.t_ms / 1000).toFixed(1)} s</span></span>
                ${on && i === 0
                  ? html`<button @click=${() => this.file("wrong", e.label)}>That was wrong</button>`
                  : nothing}
              </li>`,
            )}
          </ul>`
        : html`<p class="muted">Nothing yet. Make the sound near the microphone.</p>`}
    </section>`;
  }
}
