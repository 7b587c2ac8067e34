/** The path of a sparkline; gaps where a value is missing. */

export interface Spark {
  /** An SVG path in the box 0..width, 0..height. */
  readonly line: string;
  /** The last finite point. */
  readonly end: readonly [number, number] | null;
  readonly points: number;
}

export function spark(steps: readonly number[], values: readonly (number | null)[], width: number, height: number): Spark {
  const points: [number, number][] = [];
  const breaks = new Set<number>();
  for (let i = 0; i < Math.min(steps.length, values.length); i++) {
    const value = values[i];
    if (typeof value === "number" && Number.isFinite(value)) points.push([steps[i]!, value]);
    else breaks.add(points.length);
  }
  if (points.length === 0) return { line: "", end: null, points: 0 };
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  const pad = 2;
  const place = ([x, y]: [number, number]): [number, number] => [
    pad + (right > left ? (x - left) / (right - left) : 1) * (width - 2 * pad),
    pad + (high > low ? (high - y) / (high - low) : 0.5) * (height - 2 * pad),
  ];
  const placed = points.map(place);
  const line = placed
    .map(([x, y], i) => `${i === 0 || breaks.has(i) ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
  return { line, end: placed.at(-1)!, points: points.length };
}
