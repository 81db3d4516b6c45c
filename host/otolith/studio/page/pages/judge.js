// Judge: which clips the network gets wrong, and what a threshold costs.
import uPlot from "/lib/uplot/uPlot.esm.js";
import { ref } from "/lib/lit-html/directives/ref.js";
import { finished, get, post } from "../api.js";
import { attempt, colour, html, nothing, percent, progress } from "../ui.js";

export class Judge {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    this.context = context;
    this.at = `/p/${context.project}`;
    /** @type {any} */
    this.found = null;
    /** @type {import("../api.js").JobEvent | null} */
    this.step = null;
    this.problem = "";
    /** @type {[string, string] | null} Truth and what was said, of the open cell. */
    this.cell = null;
    /** @type {Record<string, number>} */
    this.thresholds = {};
    this.player = new Audio();
    /** @type {uPlot[]} */
    this.plots = [];
  }

  async enter() {
    if (!this.context.about.trained) return;
    const jobs = await get(`${this.at}/jobs`);
    const newest = (/** @type {string} */ kind) =>
      jobs.find((/** @type {any} */ j) => j.kind === kind);
    const judged = newest("judge");
    const trained = newest("train");
    if (judged?.state === "running") await this.watch(judged);
    else if (judged?.state === "done" && (!trained || judged.started > trained.started))
      this.take(judged.result);
    else await this.judge();
  }

  leave() {
    this.player.pause();
    for (const plot of this.plots) plot.destroy();
  }

  async judge() {
    await this.watch(await post(`${this.at}/judge`, { set: "test" }));
  }

  /** @param {any} job */
  async watch(job) {
    this.problem = "";
    this.step = { kind: "step" };
    this.context.update();
    try {
      const result = await finished(this.context.project, job, (event) => {
        if (event.kind === "step") this.step = event;
        this.context.update();
      });
      this.take(result);
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.step = null;
    this.context.update();
  }

  /** @param {any} result */
  take(result) {
    this.found = result;
    for (const curve of result.curves) this.thresholds[curve.label] = curve.threshold;
    this.cell = null;
  }

  /** @param {any} clip @returns {string} What the network says with the thresholds of the page. */
  said(clip) {
    const { labels } = this.found;
    const best = clip.scores.indexOf(Math.max(...clip.scores));
    const threshold = this.thresholds[labels[best]] ?? 0;
    return clip.scores[best] >= threshold ? labels[best] : "unsure";
  }

  view() {
    if (!this.context.about.trained)
      return html`<h1>Judge</h1>
        <section class="card empty">
          <h2>Nothing to judge yet</h2>
          <p><a href=${`#/${this.context.project}/train`}>Train the model</a> first.</p>
        </section>`;
    return html`<h1>Judge</h1>
      <p class="lead">How the trained network hears the test clips, which it has not learned from.</p>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
      ${this.step ? progress(this.step, "listening to the test clips") : nothing}
      ${this.found ? this.judged() : nothing}`;
  }

  judged() {
    const { clips, accuracy, accuracy_95: range, warnings, curves } = this.found;
    return html`<p class="figure">
        <b>${percent(accuracy)}</b> of ${clips.length} clips right
        <span class="muted">(95 %: ${percent(range[0])} to ${percent(range[1])})</span>
      </p>
      ${warnings.map((/** @type {string} */ w) => html`<p class="muted">${w}</p>`)}
      <div class="columns">
        <section class="card" aria-labelledby="matrix">
          <h2 id="matrix">What was played, and what was heard</h2>
          ${this.matrix()} ${this.cell ? this.clipsOf(...this.cell) : nothing}
        </section>
        <section class="card" aria-labelledby="curves">
          <h2 id="curves">Misses against false alarms</h2>
          ${curves.map((/** @type {any} */ c) => this.curve(c))}
        </section>
      </div>`;
  }

  matrix() {
    const { labels, clips } = this.found;
    const columns = [...labels, "unsure"];
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Confusion matrix"><table class="matrix">
        <thead>
          <tr><th scope="col">played</th>${columns.map((c) => html`<th scope="col">${c}</th>`)}</tr>
        </thead>
        <tbody>
          ${labels.map((/** @type {string} */ truth) => {
            const mine = clips.filter((/** @type {any} */ c) => c.truth === truth);
            return html`<tr>
              <th scope="row">${truth}</th>
              ${columns.map((said) => this.count(truth, said, mine))}
            </tr>`;
          })}
        </tbody>
      </table></div>`;
  }

  /** @param {string} truth @param {string} said @param {any[]} mine */
  count(truth, said, mine) {
    const some = mine.filter((c) => this.said(c) === said).length;
    if (!some) return html`<td class="none">0</td>`;
    const kind = truth === said ? "right" : "wrong";
    return html`<td>
      <button class=${`cell ${kind}`} aria-label=${`${some} clips of ${truth}, heard as ${said}`}
        @click=${() => {
          this.cell = [truth, said];
          this.context.update();
        }}>${some}</button>
    </td>`;
  }

  /** @param {string} truth @param {string} said */
  clipsOf(truth, said) {
    const some = this.found.clips.filter(
      (/** @type {any} */ c) => c.truth === truth && this.said(c) === said,
    );
    return html`<h3>${truth}, heard as ${said}</h3>
      <ul class="plain list">
        ${some.slice(0, 50).map(
          (/** @type {any} */ c) => html`<li class="spread">
            <button class="play" aria-label=${`Play ${c.file}`} @click=${() => this.play(c.file)}>▶</button>
            <span class="grow">${c.file}</span>
            <span class="muted">${percent(Math.max(...c.scores))} ${c.best}</span>
          </li>`,
        )}
      </ul>`;
  }

  /** @param {string} file */
  play(file) {
    this.player.src = `/api${this.at}/sound?file=${encodeURIComponent(file)}`;
    attempt(() => this.player.play());
  }

  /** @param {any} c */
  curve(c) {
    const threshold = this.thresholds[c.label];
    const at = Math.round(threshold * 100);
    const id = `threshold-${c.label}`;
    return html`<div>
      <div class="plot" ${ref((box) => this.draw(/** @type {any} */ (box), c))}></div>
      <label for=${id}>${c.label} from a score of ${threshold.toFixed(2)}</label>
      <input id=${id} class="slider" type="range" min="0" max="1" step="0.01" .value=${String(threshold)}
        @input=${(/** @type {Event} */ e) => {
          this.thresholds[c.label] = Number(/** @type {HTMLInputElement} */ (e.target).value);
          this.context.update();
        }} />
      <p class="muted small">
        misses ${c.misses[at]} of ${c.positives}, ${c.alarms[at]} false alarms in ${c.others} other clips
        ${threshold === c.threshold ? "" : `(the model's own is ${c.threshold.toFixed(2)}: [detect.thresholds] in spec.toml)`}
      </p>
    </div>`;
  }

  /** @param {HTMLElement & {plot?: uPlot} | undefined} box @param {any} c */
  draw(box, c) {
    if (!box || box.plot) return;
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line") } };
    box.plot = new uPlot(
      {
        width: Math.max(260, box.clientWidth),
        height: 180,
        scales: { x: { time: false } },
        axes: [axis, axis],
        series: [
          { label: "threshold" },
          { label: `misses of ${c.label}`, stroke: colour("--accent"), width: 2 },
          { label: "false alarms", stroke: colour("--bad"), width: 2 },
        ],
      },
      [c.thresholds, c.misses, c.alarms],
      box,
    );
    const plot = box.plot;
    this.plots.push(plot);
    requestAnimationFrame(() => plot.setSize({ width: Math.max(260, box.clientWidth), height: 180 }));
  }
}
