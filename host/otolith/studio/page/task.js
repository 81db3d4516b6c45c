// What pages with long work share: one job at a time, its progress, its problem, its log.
import { finished, get, post, text } from "./api.js";
import { attempt, html, nothing, progress } from "./ui.js";

/** @typedef {import("./api.js").Job} Job */

export class Task {
  /** @param {import("./ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}`;
    /** @type {import("./api.js").JobEvent | null} The last step of the job that runs. */
    this.step = null;
    /** @type {Job | null} The job that runs, or ran last. */
    this.job = null;
    this.problem = "";
    this.log = "";
    this.left = false; // the page is not shown any more
    /** @type {(() => void)[]} */
    this.ends = [];
  }

  get busy() {
    return this.step !== null;
  }

  /**
   * The newest job of some kinds. @param {string[]} kinds @returns {Promise<Job | undefined>}
   */
  async newest(...kinds) {
    /** @type {Job[]} */
    const jobs = await get(`${this.at}/jobs`);
    return jobs.find((job) => kinds.includes(job.kind));
  }

  /**
   * Start a job and watch it. @param {string} path @param {any} [value]
   * @returns {Promise<any>} Its result; undefined if it failed, which `trouble` shows.
   */
  async start(path, value) {
    this.problem = this.log = "";
    this.step = { kind: "step" };
    this.context.update();
    try {
      return await this.watch(await post(`${this.at}/${path}`, value));
    } catch (error) {
      this.step = null;
      this.context.update();
      throw error;
    }
  }

  /** @param {Job} job @returns {Promise<any>} As start(). */
  async watch(job) {
    this.job = job;
    this.problem = this.log = "";
    this.step = { kind: "step" };
    this.context.update();
    let result;
    try {
      result = await finished(this.context.project, job, (event) => {
        if (event.kind === "step") {
          this.step = event;
          this.stepped(event);
        } else if (event.kind === "end") {
          const { state = "", message = "" } = event;
          this.job = { ...job, state, message, result: event.result };
        }
        if (!this.left) this.context.update();
      }, this.ends);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.log = await text(`${this.at}/jobs/${job.id}/log`).catch(() => "");
    }
    this.step = null;
    if (!this.left) this.context.update();
    return result;
  }

  /** Called with each step of the job. @param {import("./api.js").JobEvent} event */
  stepped(event) {}

  async stop() {
    if (this.job) await post(`${this.at}/jobs/${this.job.id}/stop`);
  }

  leave() {
    this.left = true;
    for (const end of this.ends) end();
  }

  /** The job's progress, with a button that stops it. @param {string} waiting */
  working(waiting) {
    if (!this.step) return nothing;
    return html`<section class="card working" aria-label=${waiting}>
      ${progress(this.step, waiting)}
      <button @click=${() => attempt(() => this.stop())}>Stop</button>
    </section>`;
  }

  /** Why the last job failed. */
  trouble() {
    if (!this.problem) return nothing;
    return html`<p class="problem" role="alert">${this.problem}</p>
      ${this.log
        ? html`<details><summary>Log</summary><pre tabindex="0">${this.log}</pre></details>`
        : nothing}`;
  }
}
