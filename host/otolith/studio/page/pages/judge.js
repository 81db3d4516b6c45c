// Judge: which clips the network gets wrong, and what a threshold costs.
import uPlot from "/lib/uplot/uPlot.esm.js";
import { ref } from "/lib/lit-html/directives/ref.js";
import { bytes, get } from "../api.js";
import { axis, draw as drawPlot } from "../plot.js";
import { Task } from "../task.js";
import { attempt, colour, drawPicture, html, many, nothing, percent } from "../ui.js";

const MOST_SHOWN = 40; // clips of a cell
const HEIGHT = 200; // of a curve
const LABEL_FONT = "13px system-ui, sans-serif";

/** @param {number} perHour */
const rate = (perHour) => perHour.toFixed(perHour < 100 ? 1 : 0);

export class Judge extends Task {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    super(context);
    /** @type {any} */
    this.found = null;
    /** @type {[string, string] | null} Truth and what was said, of the open cell. */
    this.cell = null;
    /** @type {Record<string, number>} */
    this.thresholds = {};
    this.player = new Audio();
    /** @type {Map<string, ArrayBuffer>} What the network saw, by clip. */
    this.windows = new Map();
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
    if (judged?.state === "running") this.take(await this.watch(judged));
    else if (judged?.state === "done" && (!trained || judged.started > trained.started))
      this.take(judged.result);
    else await this.judge();
  }

  leave() {
    super.leave();
    this.player.pause();
    for (const plot of this.plots) plot.destroy();
  }

  async judge() {
    this.take(await this.start("judge", { set: "test" }));
  }

  /** @param {any} result */
  take(result) {
    if (!result) return;
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
      ${this.trouble()} ${this.working("listening to the test clips")}
      ${this.found ? this.judged() : nothing}`;
  }

  judged() {
    const { clips, accuracy, accuracy_95: range, warnings, curves } = this.found;
    return html`<p class="figure">
        <b>${percent(accuracy)}</b> of ${many(clips.length, "clip")} right
        <span class="muted">(95 %: ${percent(range[0])} to ${percent(range[1])})</span>
      </p>
      ${warnings.map((/** @type {string} */ w) => html`<p class="muted remark">${w}</p>`)}
      <div class="columns">
        <section class="card" aria-labelledby="matrix">
          <h2 id="matrix">What was played, and what was heard</h2>
          ${this.matrix()} ${this.cell ? this.clipsOf(...this.cell) : nothing}
        </section>
        <section class="card" aria-labelledby="curves">
          <h2 id="curves">Misses against false alarms</h2>
          <p class="muted small">
            All test clips, played one after another${curves[0] ? `: ${(60 * curves[0].hours).toFixed(1)} minutes` : ""}.
            Drag the point, or the slider.
          </p>
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
      <button class=${`cell ${kind}`} aria-label=${`${many(some, "clip")} of ${truth}, heard as ${said}`}
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
        ${some.slice(0, MOST_SHOWN).map(
          (/** @type {any} */ c) => html`<li class="spread">
            <button class="play" aria-label=${`Play ${c.file}`} @click=${() => this.play(c.file)}>▶</button>
            <canvas class="seen" role="img" aria-label=${`What the network saw of ${c.file}`}
              data-file=${c.file} ${ref((/** @type {any} */ box) => this.see(box))}></canvas>
            <span class="grow">${c.file}</span>
            <span class="muted">${percent(Math.max(...c.scores))} ${c.best}</span>
          </li>`,
        )}
      </ul>
      <p class="muted small">
        The pictures are what the network saw: its input at the moment of its highest score.
        ${some.length > MOST_SHOWN ? `The first ${MOST_SHOWN} of ${some.length} clips are shown.` : ""}
      </p>`;
  }

  /** Draw what the network saw. @param {(HTMLCanvasElement & {seen?: string}) | undefined} canvas */
  see(canvas) {
    const file = canvas?.dataset.file ?? "";
    if (!canvas || canvas.seen === file) return;
    canvas.seen = file;
    attempt(async () => {
      const data = this.windows.get(file) ?? (await bytes(`${this.at}/window?file=${encodeURIComponent(file)}`));
      this.windows.set(file, data);
      if (canvas.seen === file) drawPicture(data, canvas);
    });
  }

  /** @param {string} file */
  play(file) {
    this.player.src = `/api${this.at}/sound?file=${encodeURIComponent(file)}`;
    attempt(() => this.player.play());
  }

  /** @param {any} c @returns {any} Its point at the threshold of the page. */
  point(c) {
    const threshold = this.thresholds[c.label];
    return c.points.findLast((/** @type {any} */ p) => p.threshold >= threshold) ?? c.points[0];
  }

  /** @param {any} c */
  curve(c) {
    const threshold = this.thresholds[c.label];
    const p = this.point(c);
    const id = `threshold-${c.label}`;
    // Below the last point there are too many false alarms to count.
    const lowest = c.points.at(-1)?.threshold ?? 0;
    return html`<div class="curve">
      <h3>${c.label}</h3>
      <div class="plot" data-label=${c.label} data-at=${threshold}
        ${ref((box) => this.draw(/** @type {any} */ (box), c))}></div>
      <label for=${id}>${c.label} from a score of ${threshold.toFixed(2)}</label>
      <input id=${id} class="slider" type="range" min="0" max="1" step="0.01" .value=${String(threshold)}
        @input=${(/** @type {Event} */ e) => {
          this.thresholds[c.label] = Number(/** @type {HTMLInputElement} */ (e.target).value);
          this.context.update();
        }} />
      <p class="muted small">
        ${threshold < lowest
          ? "More false alarms than are worth counting."
          : html`misses ${p.misses} of ${c.positives}, ${rate(p.per_hour)} false alarms an hour
              (${p.false_accepts} in ${(60 * c.hours).toFixed(1)} minutes; with 95 % confidence at most
              ${rate(p.high)})`}
        ${Math.abs(threshold - c.threshold) < 0.005
          ? ""
          : `The model's own is ${c.threshold.toFixed(2)}: [detect.thresholds] in spec.toml.`}
      </p>
    </div>`;
  }

  /** @param {(HTMLElement & {plot?: uPlot}) | undefined} box @param {any} c */
  draw(box, c) {
    if (!box) return;
    if (box.plot) {
      box.plot.redraw(false); // the threshold may have moved
      return;
    }
    const points = [...c.points].sort((a, b) => a.per_hour - b.per_hour || b.misses - a.misses);
    const share = (/** @type {any} */ p) => (100 * p.misses) / Math.max(1, c.positives);
    const page = this;
    /** Choose the threshold of the nearest point. @param {uPlot} u @param {PointerEvent} event */
    const choose = (u, event) => {
      const area = u.over.getBoundingClientRect();
      const [x, y] = [event.clientX - area.left, event.clientY - area.top];
      const far = (/** @type {any} */ p) =>
        Math.hypot(u.valToPos(p.per_hour, "x") - x, u.valToPos(share(p), "y") - y);
      const nearest = points.reduce((best, p) => (far(p) < far(best) ? p : best), points[0]);
      if (nearest) page.thresholds[c.label] = nearest.threshold;
      page.context.update();
    };
    box.plot = drawPlot(
      box,
      HEIGHT,
      {
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, range: (_, low, high) => [0, Math.max(1, high)] }, y: { range: [0, 100] } },
        axes: [
          { ...axis(), label: "false alarms an hour", labelSize: 20, labelFont: LABEL_FONT },
          { ...axis(), label: "% missed", labelSize: 20, labelFont: LABEL_FONT },
        ],
        series: [
          {},
          {
            label: `misses of ${c.label}`,
            stroke: () => colour("--accent"),
            width: 2,
            paths: uPlot.paths.stepped?.({ align: 1 }),
            points: { show: points.length < 60 },
          },
        ],
        hooks: {
          draw: [
            (u) => {
              const p = page.point(c);
              if (!p) return;
              const x = u.valToPos(p.per_hour, "x", true);
              const y = u.valToPos(share(p), "y", true);
              u.ctx.beginPath();
              u.ctx.arc(x, y, 6 * devicePixelRatio, 0, 2 * Math.PI);
              u.ctx.fillStyle = colour("--bad");
              u.ctx.fill();
            },
          ],
          ready: [
            (u) => {
              let dragged = false;
              u.over.addEventListener("pointerdown", (event) => {
                dragged = true;
                u.over.setPointerCapture(event.pointerId);
                choose(u, event);
              });
              u.over.addEventListener("pointermove", (event) => dragged && choose(u, event));
              u.over.addEventListener("pointerup", () => (dragged = false));
            },
          ],
        },
      },
      [points.map((p) => p.per_hour), points.map(share)],
    );
    this.plots.push(box.plot);
  }
}
