// A long recording: waveform, the chip's spectrogram above it, and regions over both.
import Regions from "/lib/wavesurfer/plugins/regions.js";
import WaveSurfer from "/lib/wavesurfer/wavesurfer.js";
import { bytes } from "../api.js";
import { colour, drawPicture } from "../ui.js";

const PICTURE = 200; // pixels of the spectrogram's height; style.css has the same
const MOST_PX = 400; // a second
const MOST_TILES = 160; // kept
const NAMED_PX = 12; // a second: regions have their names from here on
const HELP = "Recording. Arrow keys move, N adds a label, 1 to 9 name it.";
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/**
 * A stretch that is shown. dashed: It is a suggestion.
 * @typedef {{id: string, start: number, end: number, text: string, colour: string,
 *   dashed: boolean, selected: boolean}} Stretch
 * @typedef {{at: string, name: string, opened: any, tile: number, pool: number}} Recording
 *   at: Address of the recordings.
 */

/** @param {number} seconds @returns {string} 1:02:03.4 */
export function clock(seconds) {
  const tenths = Math.round(10 * seconds);
  const parts = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return parts[0] ? `${parts[0]}:${String(parts[1]).padStart(2, "0")}:${rest}` : `${parts[1]}:${rest}`;
}

export class Timeline {
  /**
   * @param {HTMLElement} box
   * @param {Recording} recording
   * @param {Float32Array} peaks
   * @param {{drawn: (start: number, end: number) => void, changed: (id: string, start: number,
   *   end: number) => void, chosen: (id: string) => void, moved: (time: number) => void,
   *   playing: (is: boolean) => void}} told
   */
  constructor(box, recording, peaks, told) {
    this.recording = recording;
    this.told = told;
    this.seconds = recording.opened.seconds;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "chip";
    const host = document.createElement("div");
    host.className = "wave";
    box.append(this.canvas, host);
    this.regions = Regions.create();
    this.wave = WaveSurfer.create({
      container: host,
      url: `/api${recording.at}/sound?name=${encodeURIComponent(recording.name)}`,
      peaks: [peaks],
      duration: this.seconds,
      height: 90,
      waveColor: colour("--accent"),
      progressColor: colour("--accent"),
      cursorColor: "#ffffff",
      cursorWidth: 2,
      normalize: true,
      plugins: [this.regions],
    });
    /** @type {Map<string, import("/lib/wavesurfer/plugins/regions.js").Region>} */
    this.shown = new Map();
    /** @type {Stretch[]} */
    this.wanted = [];
    /** @type {Map<string, HTMLCanvasElement | null>} Tiles; null while one is fetched. */
    this.tiles = new Map();
    this.px = 0; // a second, as asked for
    this.waiting = 0;
    this.gone = false;
    const soon = () => this.soon();
    for (const event of /** @type {const} */ (["scroll", "zoom", "redraw", "resize"]))
      this.wave.on(event, soon);
    this.wave.on("zoom", () => this.show(this.wanted));
    this.wave.on("play", () => told.playing(true));
    this.wave.on("pause", () => told.playing(false));
    this.wave.on("finish", () => told.playing(false));
    const scroll = /** @type {HTMLElement} */ (this.wave.getWrapper().parentElement);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", HELP);
    this.wave.on("timeupdate", (time) => told.moved(time));
    this.ready = new Promise((done, failed) => {
      this.wave.on("ready", () => done(undefined));
      this.wave.on("error", failed);
    });
    this.wave.on("ready", () => {
      this.regions.enableDragSelection({ color: "#ffffff50" });
      this.show(this.wanted);
      soon();
    });
    this.regions.on("region-created", (region) => {
      if (this.shown.has(region.id)) return;
      const { start, end } = region;
      region.remove(); // show() draws it again, with its name
      told.drawn(start, end);
    });
    this.regions.on("region-updated", (region) => {
      if (this.shown.has(region.id)) told.changed(region.id, region.start, region.end);
    });
    this.regions.on("region-clicked", (region, event) => {
      event.stopPropagation();
      this.wave.setTime(region.start);
      told.chosen(region.id);
    });
    this.regions.on("region-double-clicked", (region) => region.play(true));
  }

  destroy() {
    this.gone = true;
    this.wave.destroy();
    this.canvas.remove();
  }

  /** @returns {number} Pixels of a second. */
  get scale() {
    return Math.max(this.px, this.wave.getWidth() / this.seconds);
  }

  /** @returns {[number, number]} Seconds at the left and the right edge. */
  get range() {
    const start = this.wave.getScroll() / this.scale;
    return [start, Math.min(this.seconds, start + this.wave.getWidth() / this.scale)];
  }

  get time() {
    return this.wave.getCurrentTime();
  }

  /** @param {number} time */
  seek(time) {
    this.wave.setTime(Math.max(0, Math.min(this.seconds, time)));
    const [start, end] = this.range;
    if (time < start || time > end) this.centre(time);
  }

  /** @param {number} time Comes to the middle. */
  centre(time) {
    this.wave.setScroll(time * this.scale - this.wave.getWidth() / 2);
  }

  /** @param {number} factor @param {number} [around] Seconds that stay in the middle. */
  zoom(factor, around) {
    const [start, end] = this.range;
    const middle = around ?? (start + end) / 2;
    const least = this.wave.getWidth() / this.seconds;
    this.px = Math.min(MOST_PX, Math.max(least, this.scale * factor));
    this.wave.zoom(this.px);
    this.centre(middle);
    this.soon();
  }

  whole() {
    this.px = 0;
    this.wave.zoom(this.wave.getWidth() / this.seconds);
    this.soon();
  }

  /** @param {number} start @param {number} end */
  play(start, end) {
    this.wave.play(start, end);
  }

  /** @param {Stretch[]} stretches Replaces what was shown. */
  show(stretches) {
    this.wanted = stretches;
    if (this.gone || !this.wave.getDecodedData()) return;
    const ids = new Set(stretches.map((s) => s.id));
    for (const [id, region] of this.shown) {
      if (ids.has(id)) continue;
      this.shown.delete(id);
      region.remove();
    }
    for (const s of stretches) {
      let region = this.shown.get(s.id);
      if (!region) {
        this.shown.set(s.id, /** @type {any} */ (null)); // it is ours, not drawn by hand
        region = this.regions.addRegion({ id: s.id, start: s.start, end: s.end, color: s.colour });
        this.shown.set(s.id, region);
      } else if (region.start !== s.start || region.end !== s.end || region.color !== s.colour) {
        region.setOptions({ start: s.start, end: s.end, color: s.colour });
      }
      const element = region.element;
      if (!element) continue;
      element.dataset.label = s.selected || this.scale >= NAMED_PX ? s.text : "";
      element.style.border = s.dashed ? "2px dashed #ffffffb0" : "";
      element.style.boxShadow = s.selected ? "inset 0 0 0 2px #ffffff" : "";
      element.style.zIndex = s.selected ? "3" : "";
    }
  }

  soon() {
    if (!this.waiting && !this.gone) this.waiting = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.waiting = 0;
    if (this.gone) return;
    const ratio = window.devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const { opened, tile, pool } = this.recording;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(PICTURE * ratio);
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    context.scale(ratio, ratio);
    const [start, end] = this.range;
    let level = 0;
    let rate = opened.rate; // columns a second
    while (level + 1 < opened.levels && rate / pool >= this.scale * ratio) {
      level += 1;
      rate /= pool;
    }
    const long = tile / rate; // seconds of a tile
    for (let n = Math.floor(start / long); n * long < end; n++) {
      const part = this.part(level, n);
      if (!part) continue;
      const x = (n * long - start) * this.scale;
      context.drawImage(part, x, 0, (part.width / rate) * this.scale, PICTURE);
    }
    this.ruler(context, start, end);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} start @param {number} end */
  ruler(context, start, end) {
    const step = STEPS.find((s) => s * this.scale >= 76) ?? 7200;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    context.fillStyle = "#ffffff";
    for (let n = Math.ceil(start / step); n * step <= end; n++) {
      const x = (n * step - start) * this.scale;
      context.fillRect(x, PICTURE - 5, 1, 5);
      const text = clock(n * step);
      context.fillText(step < 1 ? text : text.slice(0, -2), x + 3, PICTURE - 1);
    }
  }

  /** @param {number} level @param {number} number @returns {HTMLCanvasElement | null} */
  part(level, number) {
    const { at, name, opened, tile, pool } = this.recording;
    const columns = Math.ceil(opened.columns / pool ** level);
    if (number * tile >= columns) return null;
    const key = `${level}/${number}`;
    const known = this.tiles.get(key);
    if (known !== undefined) {
      this.tiles.delete(key);
      this.tiles.set(key, known); // used last
      return known;
    }
    this.tiles.set(key, null);
    const where = `name=${encodeURIComponent(name)}&picture=${opened.picture}`;
    bytes(`${at}/tile?${where}&level=${level}&tile=${number}`)
      .then((data) => {
        const canvas = document.createElement("canvas");
        drawPicture(data, canvas);
        this.tiles.set(key, canvas);
        for (const old of this.tiles.keys()) {
          if (this.tiles.size <= MOST_TILES) break;
          this.tiles.delete(old);
        }
        this.soon();
      })
      .catch(() => this.tiles.delete(key)); // the next drawing asks again
    return null;
  }
}
