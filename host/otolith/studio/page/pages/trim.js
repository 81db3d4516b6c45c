// A dialog that keeps a part of a clip.
import Regions from "/lib/wavesurfer/plugins/regions.js";
import WaveSurfer from "/lib/wavesurfer/wavesurfer.js";
import { post } from "../api.js";
import { attempt, colour, html } from "../ui.js";

export class Trim {
  /**
   * @param {import("./sounds.js").Sounds} page
   * @param {import("./sounds.js").Clip} clip
   * @param {() => void} close
   */
  constructor(page, clip, close) {
    this.page = page;
    this.clip = clip;
    this.start = 0;
    this.stop = clip.seconds;
    /** @type {any} */
    this.wave = null;
    /** @type {any} */
    this.region = null;
    this.close = () => {
      this.wave?.destroy();
      close();
    };
  }

  async enter() {
    const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("trim"));
    dialog.showModal();
    const regions = Regions.create();
    this.wave = WaveSurfer.create({
      container: /** @type {HTMLElement} */ (document.getElementById("wave")),
      url: `/api${this.page.at}/sound?file=${encodeURIComponent(this.clip.file)}`,
      height: 110,
      sampleRate: 16000,
      waveColor: colour("--accent"),
      progressColor: colour("--text"),
      plugins: [regions],
    });
    this.wave.on("ready", () => {
      this.region = regions.addRegion({ start: this.start, end: this.stop, color: "#0d948840" });
      this.region.on("update-end", () => this.set(this.region.start, this.region.end));
    });
  }

  /** @param {number} start @param {number} stop */
  set(start, stop) {
    this.start = Math.max(0, Math.min(start, this.clip.seconds));
    this.stop = Math.max(0, Math.min(stop, this.clip.seconds));
    this.region?.setOptions({ start: this.start, end: this.stop });
    this.page.context.update();
  }

  async keep() {
    const part = { file: this.clip.file, start: this.start, stop: this.stop };
    const { undo } = await post(`${this.page.at}/cut`, part);
    this.close();
    await this.page.changed(`${this.clip.file} is ${(this.stop - this.start).toFixed(2)} s now.`, undo);
  }

  view() {
    const number = (/** @type {Event} */ e) => Number(/** @type {HTMLInputElement} */ (e.target).value);
    return html`<dialog id="trim" aria-labelledby="trim-title" @close=${() => this.close()}>
      <h2 id="trim-title">Trim ${this.clip.file}</h2>
      <div id="wave"></div>
      <div class="row">
        <label>From, seconds
          <input type="number" min="0" step="0.01" .value=${this.start.toFixed(2)}
            @change=${(/** @type {Event} */ e) => this.set(number(e), this.stop)} />
        </label>
        <label>To, seconds
          <input type="number" min="0" step="0.01" .value=${this.stop.toFixed(2)}
            @change=${(/** @type {Event} */ e) => this.set(this.start, number(e))} />
        </label>
        <button @click=${() => this.region?.play()}>Play the part</button>
        <button class="main" @click=${() => attempt(() => this.keep())}>Keep this part</button>
        <button class="quiet" @click=${() => this.close()}>Cancel</button>
      </div>
    </dialog>`;
  }
}
