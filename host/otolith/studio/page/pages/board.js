// Board: what is connected, upload, serial log, and the virtual board.
import { get, socket } from "../api.js";
import { Task } from "../task.js";
import { attempt, html, nothing, percent, size } from "../ui.js";

const MOST_LINES = 400; // of the serial log

export class Board extends Task {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    super(context);
    /** @type {any} */
    this.about = null;
    /** @type {any} What the virtual board did. */
    this.result = null;
    this.done = "";
    /** @type {WebSocket | null} Serial log. */
    this.socket = null;
    this.port = "";
    this.over = "";
    /** @type {string[]} The newest last. */
    this.lines = [];
  }

  async enter() {
    await this.look();
    const mine = await this.newest("virtual", "flash");
    if (mine?.state === "running") attempt(() => this.follow(mine));
    else if (mine?.kind === "virtual" && mine.state === "done") this.result = mine.result;
  }

  leave() {
    super.leave();
    this.closeLog();
  }

  async look() {
    this.about = await get(`${this.at}/board`);
    this.context.update();
  }

  /** @param {any} job */
  async follow(job) {
    this.shown(job.kind, await this.watch(job));
  }

  /** @param {"flash" | "virtual"} kind @param {any} [value] */
  async run(kind, value) {
    this.done = "";
    this.closeLog();
    this.shown(kind, await this.start(kind, value));
  }

  /** @param {string} kind @param {any} result */
  shown(kind, result) {
    if (!result || this.left) return;
    if (kind === "virtual") this.result = result;
    else this.done = `${this.about.name} runs the model now: ${result.done}.`;
    attempt(() => this.look());
  }

  /** @param {string} port */
  openLog(port) {
    this.closeLog();
    [this.port, this.over, this.lines] = [port, "", []];
    const line = socket(`${this.at}/serial?${new URLSearchParams({ port })}`);
    this.socket = line;
    line.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.kind === "line") {
        this.lines.push(event.text);
        if (this.lines.length > MOST_LINES) this.lines.shift();
      }
      if (event.kind === "error") this.over = event.text;
      this.context.update();
      const log = document.getElementById("serial-log");
      if (log) log.scrollTop = log.scrollHeight;
    };
    line.onclose = () => {
      if (this.socket !== line) return;
      this.socket = null;
      this.over ||= "Studio does not answer any more.";
      this.context.update();
    };
    this.context.update();
  }

  closeLog() {
    const line = this.socket;
    this.socket = null;
    line?.close();
    if (!this.left) this.context.update();
  }

  view() {
    if (!this.about) return html`<p class="loading">Looking for boards ...</p>`;
    if (!this.context.about.trained)
      return html`<h1>Board</h1>
        <section class="card empty">
          <h2>No model to put on a board yet</h2>
          <p><a href=${`#/${this.context.project}/train`}>Train the model</a> first.</p>
        </section>`;
    const { name, flash, ram, has_virtual: hasVirtual } = this.about;
    return html`<h1>Board</h1>
      <p class="lead">${name}: ${size(flash)} of flash, ${size(ram)} of RAM.</p>
      ${this.trouble()} ${this.done ? html`<p class="over" role="status">${this.done}</p>` : nothing}
      ${this.working("starting")}
      <div class="columns">
        ${this.connected()}
        <section class="card" aria-labelledby="virtual">
          <h2 id="virtual">Without a board</h2>
          ${hasVirtual
            ? html`<p class="muted">
                  A virtual board boots the very image that would be uploaded, hears test clips through its
                  microphone, and says what it detects.
                </p>
                <button class="main" ?disabled=${this.busy} @click=${() => attempt(() => this.run("virtual"))}>
                  Build and run on the virtual board
                </button>`
            : html`<p class="muted">Nothing emulates ${name}.</p>`}
        </section>
      </div>
      ${this.port ? this.serial() : nothing} ${this.result ? this.outcome() : nothing}`;
  }

  connected() {
    const { ports, drives, probes, methods } = this.about;
    const none = !ports.length && !drives.length && !probes.length;
    /** @param {string} port @param {string} label */
    const upload = (port, label) =>
      html`<button ?disabled=${this.busy} aria-label=${`Build and upload: ${label}`}
        @click=${() => attempt(() => this.run("flash", { port }))}>Build and upload</button>`;
    return html`<section class="card" aria-labelledby="real">
      <div class="spread">
        <h2 id="real">Connected</h2>
        <button class="quiet" @click=${() => attempt(() => this.look())}>Look again</button>
      </div>
      <ul class="plain list">
        ${drives.map(
          (/** @type {any} */ d) => html`<li class="spread">
            <span class="grow"><b>${d.board}</b>, waiting for firmware<br /><small>${d.folder}</small></span>
            ${upload("", d.folder)}
          </li>`,
        )}
        ${ports.map(
          (/** @type {any} */ p) => html`<li class="spread">
            <span class="grow"><b>${p.about}</b><br /><small>${p.name}</small></span>
            <span class="buttons">
              <button aria-label=${`Serial log of ${p.name}`} @click=${() => this.openLog(p.name)}>Serial log</button>
              ${p.is_otolith ? upload(p.name, p.name) : nothing}
            </span>
          </li>`,
        )}
        ${probes.map(
          (/** @type {string} */ p) => html`<li class="spread">
            <span class="grow"><b>Debug probe</b><br /><small>${p}</small></span>${upload("", p)}
          </li>`,
        )}
      </ul>
      ${none
        ? html`<p class="muted">
              ${methods.includes("uf2") || !methods.length
                ? "No board is connected. Hold BOOTSEL while you plug it in: it appears as a drive."
                : `No board is connected. Connect it for ${methods.join(" or ")}.`}
            </p>
            ${upload("", "any board")}`
        : nothing}
      <form class="row other" @submit=${(/** @type {SubmitEvent} */ e) => {
        e.preventDefault();
        const port = String(new FormData(/** @type {HTMLFormElement} */ (e.target)).get("port")).trim();
        if (port) this.openLog(port);
      }}>
        <label>Another serial port<input name="port" placeholder="/dev/ttyUSB0" autocomplete="off" /></label>
        <button>Serial log</button>
      </form>
    </section>`;
  }

  serial() {
    return html`<section class="card" aria-labelledby="log">
      <div class="spread">
        <h2 id="log">Serial log of ${this.port}</h2>
        <button class="quiet" @click=${() => {
          this.port = "";
          this.closeLog();
        }}>Close</button>
      </div>
      ${this.over
        ? html`<p class="problem" role="alert">${this.over}</p>
            <button @click=${() => this.openLog(this.port)}>Open it again</button>`
        : nothing}
      <pre id="serial-log" tabindex="0" aria-label="Lines of the board">${
        this.lines.length ? this.lines.join("\n") : "waiting for the board"
      }</pre>
      ${this.socket
        ? html`<form class="row" @submit=${(/** @type {SubmitEvent} */ e) => {
            e.preventDefault();
            const field = /** @type {HTMLInputElement} */ (document.getElementById("serial-line"));
            if (field.value) this.socket?.send(field.value);
            field.value = "";
          }}>
            <label>Command<input id="serial-line" placeholder="stats" autocomplete="off" /></label>
            <button>Send</button>
          </form>`
        : nothing}
    </section>`;
  }

  outcome() {
    const { outcomes, passed, board, infer_ms: ms, cpu, led, seconds, not_modelled: not } = this.result;
    const right = outcomes.filter((/** @type {any} */ o) => o.right).length;
    const on = led.filter(
      (/** @type {number[]} */ [, level], /** @type {number} */ i) =>
        level >= 0.5 && (i === 0 || led[i - 1][1] < 0.5),
    );
    return html`<section class="card" aria-labelledby="outcome">
      <h2 id="outcome">What the virtual ${board} did</h2>
      <p class="figure">
        <b class=${passed ? "good" : "bad"}>${right} of ${outcomes.length}</b> sounds as they should be
      </p>
      <p class="muted">
        ${ms == null ? "" : `network ${ms.toFixed(1)} ms a decision, CPU ${percent(cpu)}; `}its LED shone
        ${on.length} times
      </p>
      ${this.lights(led, seconds)}
      <div class="scroll" tabindex="0" role="group" aria-label="Sounds played"><table>
        <thead><tr><th>Played</th><th>At</th><th>Heard</th><th></th></tr></thead>
        <tbody>
          ${outcomes.map(
            (/** @type {any} */ o) => html`<tr>
              <td>${o.name}</td>
              <td>${o.start.toFixed(1)} s</td>
              <td>${o.latency_ms == null ? "nothing" : `${o.label} after ${o.latency_ms.toFixed(0)} ms`}
                ${o.wrong.length ? html`<span class="bad">and ${o.wrong.join(", ")}</span>` : nothing}</td>
              <td class=${o.right ? "good" : "bad"}>${o.right ? "right" : "wrong"}</td>
            </tr>`,
          )}
        </tbody>
      </table></div>
      ${not ? html`<p class="muted small">Not modelled: ${not}</p>` : nothing}
    </section>`;
  }

  /** The LED over time. @param {number[][]} led @param {number} seconds */
  lights(led, seconds) {
    const bars = led.flatMap(([at, level], i) => {
      const end = led[i + 1]?.[0] ?? seconds;
      if (!level || end < 0) return [];
      const left = (100 * Math.max(0, at)) / seconds;
      const width = (100 * (Math.min(end, seconds) - Math.max(0, at))) / seconds;
      return [html`<i style=${`left:${left}%;width:${Math.max(0.3, width)}%;opacity:${level}`}></i>`];
    });
    return html`<div class="led" role="img" aria-label=${`LED over ${seconds.toFixed(0)} seconds`}>${bars}</div>`;
  }
}
