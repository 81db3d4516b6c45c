// Train: choose a size, start, watch, stop and keep the best.
import { ref } from "/lib/lit-html/directives/ref.js";
import { finished, get, post } from "../api.js";
import { axis, draw as drawPlot } from "../plot.js";
import { Task } from "../task.js";
import { attempt, colour, html, nothing, percent, progress, say, size } from "../ui.js";

export class Train extends Task {
  /** @param {import("../ui.js").Context} context */
  constructor(context) {
    super(context);
    /** @type {any} What `sizes` found. */
    this.sizes = null;
    /** @type {import("../api.js").JobEvent | null} */
    this.sizing = null;
    this.size = "";
    /** @type {any[]} */
    this.runs = [];
    /** @type {any} What comparing two trainings found. */
    this.compared = null;
    /** @type {Task} Another job than the training. */
    this.comparing = new Task(context);
    /** @type {number[][]} Points: number, loss, accuracy, validation accuracy. */
    this.curve = [[], [], []];
    /** @type {uPlot | null} */
    this.plot = null;
    this.began = 0; // when the step was at the share `before`
    this.before = 0;
    this.named = ""; // the step that runs
    this.missing = "";
    /** One function for all renderings: a new one would draw the plot anew. */
    this.boxed = (/** @type {Element | undefined} */ box) =>
      this.draw(/** @type {HTMLElement | undefined} */ (box));
  }

  async enter() {
    const [jobs, runs, list] = await Promise.all([
      get(`${this.at}/jobs`),
      get(`${this.at}/runs`),
      get(`${this.at}/clips`),
    ]);
    this.runs = runs;
    // Another network than the spec's stays chosen: its weights are what "train again" goes on from.
    const last = runs[0]?.architecture;
    if (last && last !== this.context.about.architecture) this.size = last;
    const empty = list.classes.filter((/** @type {any} */ c) => !c.clips);
    this.missing = empty.map((/** @type {any} */ c) => c.label).join(", ");
    const newest = (/** @type {string} */ kind) =>
      jobs.find((/** @type {any} */ j) => j.kind === kind);
    const training = newest("train");
    if (training) attempt(() => this.watch(training));
    const sizes = newest("sizes");
    if (sizes?.state === "done") this.sizes = sizes.result;
    else if (sizes?.state === "running") attempt(() => this.watchSizes(sizes));
  }

  leave() {
    super.leave();
    this.comparing.leave();
    this.plot?.destroy();
  }

  async findSizes() {
    await this.watchSizes(await post(`${this.at}/sizes`));
  }

  /** @param {any} job */
  async watchSizes(job) {
    this.sizing = { kind: "step" };
    this.context.update();
    try {
      this.sizes = await finished(this.context.project, job, (event) => {
        if (event.kind === "step") this.sizing = event;
        if (!this.left) this.context.update();
      }, this.ends);
    } finally {
      this.sizing = null;
      if (!this.left) this.context.update();
    }
  }

  /** @param {boolean} resume */
  async train(resume) {
    await this.watch(await post(`${this.at}/train`, { size: this.size, resume }));
  }

  /** @param {any} job @returns {Promise<any>} */
  async watch(job) {
    this.curve = [[], [], []];
    this.named = "";
    const result = await super.watch(job);
    if (this.left) return result;
    this.runs = await get(`${this.at}/runs`);
    this.context.about.trained ||= Boolean(result);
    this.context.update();
    return result;
  }

  /** @param {import("../api.js").JobEvent} event */
  stepped(event) {
    const now = Date.now();
    if (event.step !== this.named) {
      this.named = event.step ?? "";
      [this.began, this.before] = [now, event.share ?? 0];
    }
    // A page that was opened later gets the events so far at once: they tell nothing of the pace.
    if (now - this.began < 300) this.before = event.share ?? 0;
    this.add(event.values ?? {});
  }

  /** How an earlier network compares with the newest. @param {any} run */
  async compare(run) {
    this.compared = null;
    this.compared = await this.comparing.start("compare", { a: run.id, b: this.runs[0].id });
    if (!this.left) this.context.update();
  }

  /** @param {Record<string, number>} values */
  add(values) {
    if (!("val_accuracy" in values)) return;
    this.curve[0].push(this.curve[0].length + 1);
    this.curve[1].push(values.accuracy);
    this.curve[2].push(values.val_accuracy);
    this.plot?.setData(/** @type {any} */ (this.curve));
  }

  async stop() {
    await super.stop();
    say("Stopping: the best network so far is kept.");
  }

  view() {
    const running = this.job?.state === "running";
    return html`<h1>Train</h1>
      <p class="lead">
        The network learns from your takes, on this computer. It takes minutes, not hours.
      </p>
      ${this.missing
        ? html`<p class="problem">No clips of ${this.missing} yet: <a
              href=${`#/${this.context.project}/sounds`}>record some first</a>.</p>`
        : nothing}
      ${running ? this.live() : this.choice()} ${this.job && !running ? this.outcome() : nothing}
      ${this.runs.length ? this.earlier() : nothing}`;
  }

  choice() {
    const trained = this.context.about.trained;
    return html`<section class="card" aria-labelledby="sizes">
      <h2 id="sizes">Size of the network</h2>
      ${this.sizes
        ? this.table()
        : this.sizing
          ? progress(this.sizing, "computing sizes")
          : html`<p class="muted">
              Without a choice, the network fits the kind of sound: ${this.context.about.architecture}.
            </p>
            <button @click=${() => attempt(() => this.findSizes())}>Compare sizes on the board</button>`}
    </section>
    <div class="actions">
      <button class="main" ?disabled=${Boolean(this.missing)}
        @click=${() => attempt(() => this.train(false))}>Train</button>
      ${trained
        ? html`<button ?disabled=${Boolean(this.missing)} @click=${() => attempt(() => this.train(true))}>
            Train again from the last weights
          </button>`
        : nothing}
    </div>`;
  }

  table() {
    const { board, sizes } = this.sizes;
    const chosen = this.size || sizes.find((/** @type {any} */ s) => s.own)?.architecture;
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Sizes"><table class="stack">
        <caption>On ${board}, before any training: the estimates of host compile</caption>
        <thead>
          <tr><th></th><th>Network</th><th>On the board</th><th>Flash</th><th>RAM</th><th>Time a decision</th></tr>
        </thead>
        <tbody>
          ${sizes.map((/** @type {any} */ s) => this.sizeRow(s, chosen))}
        </tbody>
      </table></div>`;
  }

  /** @param {any} s @param {string} chosen */
  sizeRow(s, chosen) {
    const part = (/** @type {number} */ have, /** @type {number} */ of) =>
      `${size(have)} (${((100 * have) / of).toFixed(0)} %)`;
    const ms = s.ms ? `${s.ms[1].toFixed(1)} of ${s.hop_ms.toFixed(0)} ms` : "not known";
    return html`<tr>
      <td>
        <input type="radio" name="size" aria-label=${s.architecture} ?disabled=${!s.fits}
          .checked=${s.architecture === chosen}
          @change=${() => {
            this.size = s.own ? "" : s.architecture;
            this.context.update();
          }} />
      </td>
      <td>${s.architecture}${s.own ? html` <small>suggested</small>` : nothing}</td>
      <td class=${s.fits && s.keeps_up !== false ? "verdict good" : "verdict bad"}>
        ${s.fits ? (s.keeps_up === false ? "too slow" : "fits") : s.words}
      </td>
      <td data-name="Flash">${part(s.flash, s.board_flash)}</td>
      <td data-name="RAM">${part(s.ram, s.board_ram)}</td>
      <td data-name="Time a decision">${ms}</td>
    </tr>`;
  }

  live() {
    const share = this.step?.share ?? 0;
    const seconds = (Date.now() - this.began) / 1000;
    const done = share - this.before;
    const left = done > 0.02 && seconds > 3 ? (seconds * (1 - share)) / done : 0;
    return html`<section class="card" aria-labelledby="training">
      <div class="spread">
        <h2 id="training">Training</h2>
        <button @click=${() => attempt(() => this.stop())}>Stop and keep the best</button>
      </div>
      ${progress(this.step, "starting")}
      <p class="muted small">
        ${left ? `about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left in this step` : "\u00a0"}
      </p>
      <div class="plot" ${ref(this.boxed)}></div>
    </section>`;
  }

  /** @param {HTMLElement | undefined} box */
  draw(box) {
    if (!box) {
      this.plot?.destroy();
      this.plot = null;
      return;
    }
    if (this.plot?.root.parentElement === box) return;
    this.plot = drawPlot(
      box,
      230,
      {
        scales: { x: { time: false }, y: { range: [0, 1] } },
        axes: [axis(), { ...axis(), values: (_, ticks) => ticks.map((t) => `${Math.round(100 * t)} %`) }],
        series: [
          { label: "epoch" },
          { label: "accuracy", stroke: () => colour("--muted"), width: 2 },
          { label: "on takes it does not learn from", stroke: () => colour("--accent"), width: 2 },
        ],
      },
      /** @type {any} */ (this.curve),
    );
  }

  outcome() {
    const job = /** @type {import("../api.js").Job} */ (this.job);
    if (job.state !== "done")
      return html`<section class="card">
        <h2>${job.state === "stopped" ? "Stopped before there was a network to keep" : "Training ended early"}</h2>
        ${job.message ? html`<p class="problem" role="alert">${job.message}</p>` : nothing}
        <details><summary>Log</summary><pre tabindex="0">${this.log}</pre></details>
      </section>`;
    const r = job.result;
    return html`<section class="card" aria-labelledby="result">
      <h2 id="result">Trained</h2>
      <p class="figure"><b>${percent(r.clip_accuracy)}</b> of the test clips are recognised</p>
      <p class="muted">
        ${size(r.weights_bytes)} of weights, ${r.macs.toLocaleString()} multiplications a window,
        ${r.seconds.toFixed(0)} s of training${r.stopped ? ` (${r.stopped})` : ""}
      </p>
      ${r.warnings.length
        ? html`<details><summary>${r.warnings.length === 1 ? "1 remark" : `${r.warnings.length} remarks`}</summary>
            <ul>${r.warnings.map((/** @type {string} */ w) => html`<li>${w}</li>`)}</ul>
          </details>`
        : nothing}
      <div class="actions">
        <a class="button" href=${`#/${this.context.project}/judge`}>See its mistakes</a>
        <a class="button" href=${`#/${this.context.project}/live`}>Try it live</a>
      </div>
    </section>`;
  }

  earlier() {
    return html`<section class="card" aria-labelledby="runs">
      <h2 id="runs">Trainings so far</h2>
      <div class="scroll" tabindex="0" role="group" aria-label="Trainings"><table class="stack runs">
        <thead>
          <tr><th>When</th><th>Network</th><th>Test clips right</th><th>Weights</th><th>RAM</th><th>Took</th><th></th></tr>
        </thead>
        <tbody>
          ${this.runs.map(
            (r, i) => html`<tr>
              <td>${r.at.replace(/(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d).*/, "$1-$2-$3 $4:$5")}</td>
              <td>${r.architecture}</td>
              <td data-name="Test clips right">${percent(r.clip_accuracy)}</td>
              <td data-name="Weights">${size(r.weights_bytes)}</td>
              <td data-name="RAM">${size(r.arena_bytes)}</td>
              <td data-name="Took">${r.seconds.toFixed(0)} s</td>
              <td>
                ${i === 0
                  ? html`<span class="muted">in use</span>`
                  : r.kept
                    ? html`<button ?disabled=${this.comparing.busy} @click=${() => attempt(() => this.compare(r))}>
                        Compare with the newest
                      </button>`
                    : nothing}
              </td>
            </tr>`,
          )}
        </tbody>
      </table></div>
      ${this.comparing.trouble()} ${this.comparing.working("comparing on the test clips")}
      ${this.compared ? this.comparison() : nothing}
    </section>`;
  }

  comparison() {
    const { a, b, words, clips, only_a: onlyA, only_b: onlyB, p_value: p } = this.compared;
    const change = (/** @type {number} */ from, /** @type {number} */ to) =>
      to === from ? "as much" : `${size(Math.abs(to - from))} ${to > from ? "more" : "less"}`;
    return html`<div class="over" role="status">
      <p><b>${words}.</b></p>
      <p class="small">
        Of ${clips} test clips, ${onlyA} were right only before and ${onlyB} only now (McNemar's exact
        test, p = ${p.toPrecision(2)}). Right: ${percent(a.accuracy)} before, ${percent(b.accuracy)} now.
        The newest takes ${change(a.weights, b.weights)} of flash for weights and
        ${change(a.arena, b.arena)} of RAM.
      </p>
    </div>`;
  }
}
