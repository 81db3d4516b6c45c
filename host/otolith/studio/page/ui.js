// What pages share: templates, messages, pictures.
import { html, nothing, render } from "/lib/lit-html/lit-html.js";
import { Problem } from "./api.js";

export { html, nothing, render };

/**
 * @typedef {{project: string, about: any, update: () => void, go: (page: string) => void}} Context
 *   project: Its name in addresses. about: What the server says of it. update: Draw the page again.
 */

/**
 * A message at the lower edge, with a button if something can be done.
 * @param {string} text
 * @param {{label?: string, act?: () => unknown, bad?: boolean}} [more]
 */
export function say(text, more = {}) {
  const box = document.createElement("div");
  box.className = more.bad ? "toast bad" : "toast";
  box.setAttribute("role", more.bad ? "alert" : "status");
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (more.label) {
    const button = document.createElement("button");
    button.textContent = more.label;
    button.onclick = () => {
      box.remove();
      attempt(async () => more.act?.());
    };
    box.append(button);
  }
  const close = document.createElement("button");
  close.className = "quiet";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "×";
  close.onclick = () => box.remove();
  box.append(close);
  toasts().append(box);
  setTimeout(() => box.remove(), more.bad ? 20000 : 9000);
}

function toasts() {
  let found = document.getElementById("toasts");
  if (!found) {
    found = document.createElement("div");
    found.id = "toasts";
    document.body.append(found);
  }
  return found;
}

/**
 * Do something and tell what went wrong, if so.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    say(error instanceof Error ? error.message : String(error), { bad: true });
    if (!(error instanceof Problem)) console.error(error);
    return undefined;
  }
}

/** @param {number} seconds */
export const duration = (seconds) =>
  seconds < 60 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`;

/** @param {number} count @param {string} one @returns {string} "1 clip", "2 clips" */
export const many = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** @param {number} bytes */
export const size = (bytes) => {
  if (bytes < 1024) return `${bytes} B`;
  const kB = bytes / 1024;
  return kB < 1024 ? `${kB.toFixed(kB < 100 ? 1 : 0)} kB` : `${Number((kB / 1024).toFixed(1))} MB`;
};

/** @param {number | null | undefined} share */
export const percent = (share) => (share == null ? "–" : `${(100 * share).toFixed(1)} %`);

/** @type {number[][]} Colours of a spectrogram from quiet to loud. */
const STOPS = [
  [8, 12, 28],
  [24, 42, 94],
  [16, 110, 122],
  [60, 170, 110],
  [230, 200, 80],
  [255, 244, 214],
];
const PALETTE = new Uint8ClampedArray(256 * 3);
for (let i = 0; i < 256; i++) {
  const at = (i / 255) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  for (let c = 0; c < 3; c++)
    PALETTE[3 * i + c] = STOPS[low][c] + (at - low) * (STOPS[low + 1][c] - STOPS[low][c]);
}

/**
 * Draw the chip's features: time to the right, low bands at the bottom.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} values Frame by frame.
 * @param {number} frames
 * @param {number} bands
 */
export function drawFeatures(canvas, values, frames, bands) {
  canvas.width = Math.max(1, frames);
  canvas.height = Math.max(1, bands);
  paint(canvas, values, frames, bands);
}

/**
 * Move the picture to the left and draw newer features at its right edge. As drawFeatures().
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} values
 * @param {number} frames
 * @param {number} bands
 */
export function scrollFeatures(canvas, values, frames, bands) {
  canvas.getContext("2d")?.drawImage(canvas, -frames, 0);
  paint(canvas, values, frames, bands);
}

/**
 * Draw features at the right edge.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array} values
 * @param {number} frames
 * @param {number} bands
 */
function paint(canvas, values, frames, bands) {
  const context = canvas.getContext("2d");
  if (!context || !frames || !bands) return;
  const image = context.createImageData(frames, bands);
  for (let x = 0; x < frames; x++) {
    for (let y = 0; y < bands; y++) {
      const value = 3 * values[x * bands + (bands - 1 - y)];
      const at = 4 * (y * frames + x);
      image.data[at] = PALETTE[value];
      image.data[at + 1] = PALETTE[value + 1];
      image.data[at + 2] = PALETTE[value + 2];
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, canvas.width - frames, 0);
}

/**
 * @param {ArrayBuffer} data As the server sends a picture.
 * @param {HTMLCanvasElement} canvas
 */
export function drawPicture(data, canvas) {
  const [frames, bands] = new Uint16Array(data, 0, 2);
  drawFeatures(canvas, new Uint8Array(data, 4), frames, bands);
}

/** @param {string} name A custom property. @returns {string} */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/**
 * A progress bar with its words.
 * @param {import("./api.js").JobEvent | null} event
 * @param {string} waiting
 */
export function progress(event, waiting) {
  const share = event?.share ?? 0;
  const what = event?.step ?? waiting;
  return html`<div class="progress">
    <div class="spread"><span>${what}</span><span class="muted">${event?.note ?? ""}</span></div>
    <progress max="1" value=${share > 0 ? share : nothing} aria-label=${what}></progress>
  </div>`;
}
