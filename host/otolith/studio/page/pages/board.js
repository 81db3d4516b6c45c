// Board: upload the firmware, or boot it on a virtual board.
import { finished, get, post, text } from "../api.js";
import { attempt, html, nothing, percent, progress, say, size } from "../ui.js";

export class Board {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}`;
    /** @type {any} */
    this.about = null;
    /** @type {import("../api.js").JobEvent | null} */
    this.step = null;
    /** @type {any} What the virtual board did. */
    this.result = null;
    /** @type {any} */
    this.job = null;
    this.problem = "";
    this.log = "";
  }

  async enter() {
    this.about = await get(`${this.at}/board`);
    const jobs = await get(`${this.at}/jobs`);
    const mine = jobs.find((/** @type {any} */ j) => ["virtual", "flash"].includes(j.kind));
    if (mine?.state === "running") attempt(() => this.watch(mine));
    else if (mine?.kind === "virtual" && mine.state === "done") this.result = mine.result;
  }

  leave() {}

  async look() {
    this.about = await get(`${this.at}/board`);
    this.context.update();
  }

  /** @param {string} path @param {any} [value] */
  async start(path, value) {
    await this.watch(await post(`${this.at}/${path}`, value));
  }

  /** @param {any} job */
  async watch(job) {
    this.job = job;
    this.problem = "";
    this.step = { kind: "step" };
    this.context.update();
    try {
      const result = await finished(this.context.project, job, (event) => {
        if (event.kind === "step") this.step = event;
        this.context.update();
      });
      if (job.kind === "virtual") this.result = result;
      else say(`${this.about.name} runs the model now.`);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.log = await text(`${this.at}/jobs/${job.id}/log`);
    }
    this.step = null;
    this.context.update();
  }

  async stop() {
    await post(`${this.at}/jobs/${this.job.id}/stop`);
  }

  view() {
    if (!this.about) return html`<p class="loading">Loading ...</p>`;
    if (!this.context.about.trained)
      return html`<h1>Board</h1>
        <section class="card empty">
          <h2>No model to put on a board yet</h2>
          <p><a href=${`#/${this.context.project}/train`}>Train the model</a> first.</p>
        </section>`;
    const { name, ports, flash, ram, methods } = this.about;
    const busy = this.step !== null;
    return html`<h1>Board</h1>
      <p class="lead">${name}: ${size(flash)} of flash, ${size(ram)} of RAM.</p>
      ${this.problem
        ? html`<p class="problem" role="alert">${this.problem}</p>
            <details><summary>Log</summary><pre tabindex="0">${this.log}</pre></details>`
        : nothing}
      ${busy
        ? html`<section class="card">
            ${progress(this.step, "starting")}
            <button @click=${() => attempt(() => this.stop())}>Stop</button>
          </section>`
        : nothing}
      <div class="columns">
        <section class="card" aria-labelledby="real">
          <h2 id="real">On the board</h2>
          ${ports.length
            ? html`<ul class="plain list">
                ${ports.map(
                  (/** @type {string} */ port) => html`<li class="spread">
                    <span>${port}</span>
                    <button ?disabled=${busy} @click=${() => attempt(() => this.start("flash", { port }))}>
                      Build and upload
                    </button>
                  </li>`,
                )}
              </ul>`
            : html`<p class="muted">
                  No Otolith board is connected. Hold BOOTSEL while you plug a Pico in, or connect the
                  board for ${methods.join(" or ")}.
                </p>
                <button ?disabled=${busy} @click=${() => attempt(() => this.start("flash", { port: "" }))}>
                  Build and upload
                </button>`}
          <button class="quiet" @click=${() => attempt(() => this.look())}>Look again</button>
        </section>
        <section class="card" aria-labelledby="virtual">
          <h2 id="virtual">Without a board</h2>
          <p class="muted">
            A virtual board boots the very image that would be uploaded, hears test clips through its
            microphone, and says what it detects.
          </p>
          <button class="main" ?disabled=${busy} @click=${() => attempt(() => this.start("virtual"))}>
            Build and run on the virtual board
          </button>
        </section>
      </div>
      ${this.result ? this.outcome() : nothing}`;
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
