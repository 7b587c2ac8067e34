/** Several series on one x axis, in the shape uPlot draws. */

import type { Series } from "../api/series";

export type XAxis = "step" | "relative" | "wall";

/** null is a gap (the value is not finite); undefined is no point here, and the line goes on. */
export type Column = (number | null | undefined)[];

export interface Aligned {
  readonly x: number[];
  readonly columns: Column[];
}

/** The x of every point of a series; `origin` (seconds) is the zero of relative time. */
export function xOf(series: Series, axis: XAxis, origin: number): Float64Array {
  if (axis === "step") return series.steps;
  if (axis === "wall") return series.times;
  return series.times.map((t) => t - origin);
}

/**
 * Merges the columns' own x values. Points of one column with equal x stay separate points, in the order they were
 * logged; a point whose x is not finite is left out.
 */
export function align(xs: readonly Float64Array[], ys: readonly ArrayLike<number>[], log = false): Aligned {
  const x: number[] = [];
  const columns: Column[] = xs.map(() => []);
  const orders = xs.map(order);
  const next = xs.map(() => 0);
  for (;;) {
    let least = Infinity;
    for (let c = 0; c < xs.length; c++) {
      const i = next[c]!;
      if (i < orders[c]!.length) least = Math.min(least, xs[c]![orders[c]![i]!]!);
    }
    if (least === Infinity) break;
    x.push(least);
    for (let c = 0; c < xs.length; c++) {
      const i = next[c]!;
      const source = i < orders[c]!.length ? orders[c]![i]! : -1;
      if (source >= 0 && xs[c]![source] === least) {
        const value = ys[c]![source]!;
        columns[c]!.push(Number.isFinite(value) && !(log && value <= 0) ? value : null);
        next[c] = i + 1;
      } else {
        columns[c]!.push(undefined);
      }
    }
  }
  return { x, columns };
}

/** The indices of the finite x, in ascending order of x; nearly always they are sorted already. */
function order(column: Float64Array): number[] {
  const indices: number[] = [];
  let sorted = true;
  let before = -Infinity;
  for (let i = 0; i < column.length; i++) {
    const x = column[i]!;
    if (!Number.isFinite(x)) continue;
    sorted &&= before <= x;
    before = x;
    indices.push(i);
  }
  return sorted ? indices : indices.sort((a, b) => column[a]! - column[b]! || a - b);
}
