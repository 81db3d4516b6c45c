// Curves: they follow the width of their box, and light and dark.
import uPlot from "/lib/uplot/uPlot.esm.js";
import { colour } from "./ui.js";

/** An axis in the page's colours. */
export const axis = () => ({
  stroke: () => colour("--muted"),
  grid: { stroke: () => colour("--line"), width: 1 },
  ticks: { stroke: () => colour("--line"), width: 1 },
});

/**
 * Draw a curve in a box.
 * @param {HTMLElement} box
 * @param {number} height Pixels.
 * @param {Omit<uPlot.Options, "width" | "height">} options
 * @param {uPlot.AlignedData} data
 * @returns {uPlot}
 */
export function draw(box, height, options, data) {
  const plot = new uPlot({ ...options, width: Math.max(200, box.clientWidth), height }, data, box);
  const resized = new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height });
  });
  resized.observe(box);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => plot.redraw();
  scheme.addEventListener("change", redraw);
  plot.hooks.destroy = [
    () => {
      resized.disconnect();
      scheme.removeEventListener("change", redraw);
    },
  ];
  return plot;
}
