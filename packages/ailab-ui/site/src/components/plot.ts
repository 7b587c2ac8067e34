/** uPlot as this page wants it: theme colours from CSS, our ticks, drag zoom, a crosshair shared by all charts. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import type { Aligned, XAxis } from "../lib/align";
import { DURATION_STEPS, durationTick, valueTick, wallTick } from "../lib/ticks";

export interface Line {
  /** Index of the colour in the theme, from 0. */
  readonly colour: number;
  /** Drawn behind, thin and pale: what the smoothed line was made of. */
  readonly faint: boolean;
  readonly points: number;
}

export interface PlotOptions {
  readonly axis: XAxis;
  readonly log: boolean;
  readonly lines: readonly Line[];
  readonly height: number;
  /** The row under the cursor, or null. */
  readonly onCursor: (row: number | null) => void;
  readonly onZoom: (zoomed: boolean) => void;
}

const COLOURS = 8;
const scheme = matchMedia("(prefers-color-scheme: dark)");

function css(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

export class Plot {
  readonly #plot: uPlot;
  readonly #resize: ResizeObserver;
  readonly #recolour: () => void;
  #zoomed = false;

  constructor(element: HTMLElement, options: PlotOptions) {
    const { axis, log, lines, height } = options;
    const font = "11px system-ui, sans-serif";
    const line = { stroke: () => css(element, "--soft"), font, ticks: { show: false }, border: { show: false } };
    const grid = { stroke: () => css(element, "--grid"), width: 1 };
    const plain = lines.map((l) => l.points);
    this.#plot = new uPlot(
      {
        width: Math.max(120, element.clientWidth),
        height,
        legend: { show: false },
        padding: [8, 10, 0, 0],
        cursor: {
          sync: { key: `ailab-${axis}`, setSeries: false, scales: ["x", null], filters: { pub: shared, sub: shared } },
          drag: { x: true, y: false, dist: 6 },
          points: {
            size: (_, i) => (lines[i - 1]?.faint ? 0 : 7),
            width: 1.5,
            fill: (_, i) => css(element, seriesColour(lines[i - 1]?.colour ?? 0)),
            stroke: () => css(element, "--panel"),
          },
          y: false,
        },
        scales: {
          x: { time: axis === "wall", range: (u, low, high) => xRange(u.data[0], low, high) },
          y: log ? { distr: 3, range: (_, low, high) => logRange(low, high) } : { range: (_, low, high) => yRange(low, high) },
        },
        axes: [
          {
            ...line,
            grid,
            size: 26,
            gap: 4,
            space: axis === "wall" ? 74 : 58,
            ...(axis === "relative" ? { incrs: DURATION_STEPS } : {}),
            values: (_, splits, __, ___, step) =>
              splits.map((v, i) => {
                if (axis === "wall") return wallTick(v, step, i > 0 ? splits[i - 1]! : null);
                return axis === "relative" ? durationTick(v, step) : valueTick(v, step);
              }),
          },
          {
            ...line,
            grid,
            gap: 6,
            space: 34,
            size: (u, values) => axisSize(u, values, font),
            values: (_, splits, __, ___, step) => splits.map((v) => (v == null ? "" : valueTick(v, log ? 0 : step))),
          },
        ],
        series: [
          {},
          ...lines.map((l, i): uPlot.Series => ({
            stroke: () => css(element, seriesColour(l.colour)),
            width: l.faint ? 1 : 1.75,
            alpha: l.faint ? 0.28 : 1,
            // Sparse lines show their points: one alone would be invisible.
            points: { show: !l.faint && plain[i]! <= 40, size: 5, width: 1, fill: () => css(element, "--panel") },
          })),
        ],
        hooks: {
          setCursor: [(u) => options.onCursor(u.cursor.left == null || u.cursor.left < 0 ? null : (u.cursor.idx ?? null))],
          setScale: [
            (u, key) => {
              if (key !== "x") return;
              const all = u.data[0];
              const { min, max } = u.scales["x"]!;
              const zoomed = min != null && max != null && all.length > 1 && (min > all[0]! || max < all.at(-1)!);
              if (zoomed !== this.#zoomed) {
                this.#zoomed = zoomed;
                options.onZoom(zoomed);
              }
            },
          ],
        },
      },
      [[], ...lines.map(() => [])] as unknown as uPlot.AlignedData,
      element,
    );
    this.#resize = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height });
    });
    this.#resize.observe(element);
    this.#recolour = () => this.#plot.redraw(false, true);
    scheme.addEventListener("change", this.#recolour);
  }

  /** New data; a zoom stays where it is. */
  set(data: Aligned): void {
    const columns = [data.x, ...data.columns] as uPlot.AlignedData;
    const { min, max } = this.#plot.scales["x"]!;
    if (!this.#zoomed || min == null || max == null) {
      this.#plot.setData(columns, true);
      return;
    }
    this.#plot.batch(() => {
      this.#plot.setData(columns, false);
      this.#plot.setScale("x", { min, max });
    });
  }

  resetZoom(): void {
    this.#plot.setData(this.#plot.data, true);
  }

  destroy(): void {
    scheme.removeEventListener("change", this.#recolour);
    this.#resize.disconnect();
    this.#plot.destroy();
  }
}

function seriesColour(index: number): string {
  return `--series-${(index % COLOURS) + 1}`;
}

/** Charts share where the cursor is, not what it drags. */
function shared(type: string): boolean {
  return type === "mousemove" || type === "mouseleave";
}

function xRange(x: ArrayLike<number>, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low == null || high == null) return [0, 1];
  // uPlot would give a lone point an axis of its own invention.
  if (x.length === 1) return [x[0]! - 0.5, x[0]! + 0.5];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function yRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low == null || high == null) return [0, 1];
  if (low === high) {
    const around = Math.abs(low) * 0.1 || 1;
    return [low - around, high + around];
  }
  const pad = 0.06 * (high - low);
  // A quantity that is never negative gets no axis below zero.
  return [low >= 0 && low - pad < 0 ? 0 : low - pad, high + pad];
}

/** Tight, with ends at one-digit numbers. */
function logRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low == null || high == null || low <= 0) return [0.1, 1];
  const down = 10 ** Math.floor(Math.log10(low));
  const up = 10 ** Math.floor(Math.log10(high));
  const ends: [number, number] = [Math.floor(low / down) * down, Math.ceil(high / up) * up];
  return ends[0] < ends[1] ? ends : [ends[0], ends[1] * 2];
}

function axisSize(u: uPlot, values: string[] | null, font: string): number {
  const longest = (values ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
  u.ctx.save();
  u.ctx.font = font;
  const width = u.ctx.measureText(longest).width;
  u.ctx.restore();
  return Math.max(34, Math.ceil(width) + 14);
}
