import { describe, expect, test } from "vitest";

import type { Series } from "../src/api/series";
import { align, xOf } from "../src/lib/align";
import { smooth } from "../src/lib/smooth";
import { spark } from "../src/lib/spark";
import { durationTick, valueTick } from "../src/lib/ticks";

describe("smooth", () => {
  const to = (n: number) => Array.from({ length: n }, (_, i) => i);

  test("weight 0 changes nothing", () => expect([...smooth([0, 1, 2], [3, Number.NaN, 1], 0)]).toEqual([3, Number.NaN, 1]));

  test("a constant stays, from its first point on", () => {
    for (const value of smooth([0, 1, 7, 9], [5, 5, 5, 5], 0.99)) expect(value).toBeCloseTo(5, 12);
  });

  test("a thousand even steps are the textbook's moving average with its bias taken out", () => {
    const x = to(1001);
    const values = x.map((i) => Math.sin(i / 50));
    const out = smooth(x, values, 0.9);
    let mean = 0;
    values.forEach((value, i) => {
      mean = 0.9 * mean + 0.1 * value;
      expect(out[i]).toBeCloseTo(mean / (1 - 0.9 ** (i + 1)), 9);
    });
  });

  test("logging half as often gives nearly the same curve", () => {
    const x = to(2001);
    const value = (i: number) => i / 2000;
    const often = smooth(x, x.map(value), 0.98);
    const rarely = smooth(x.filter((i) => i % 2 === 0), x.filter((i) => i % 2 === 0).map(value), 0.98);
    expect(Math.abs(often[2000]! - rarely[1000]!)).toBeLessThan(0.002);
  });

  test("a gap stays a gap and spoils nothing after it", () => {
    const out = smooth([0, 1, 2, 3], [2, Number.NaN, Infinity, 2], 0.6);
    expect(out[1]).toBeNaN();
    expect(out[2]).toBe(Infinity);
    expect(out[3]).toBeCloseTo(2, 12);
  });

  test("equal x, x that goes back, one point, none", () => {
    for (const value of smooth([1, 1, 1], [1, 2, 3], 0.9)) expect(value).toBeGreaterThanOrEqual(1);
    for (const value of smooth([0, 5, 2, 9], [1, 2, 3, 4], 0.999)) expect(Number.isFinite(value)).toBe(true);
    expect([...smooth([3], [7], 0.9)]).toEqual([7]);
    expect([...smooth([], [], 0.9)]).toEqual([]);
  });
});

describe("align", () => {
  const f = (...numbers: number[]) => Float64Array.from(numbers);

  test("one column keeps its points; NaN is a gap", () => {
    expect(align([f(0, 1, 2)], [[1, Number.NaN, 3]])).toEqual({ x: [0, 1, 2], columns: [[1, null, 3]] });
  });

  test("two columns share an axis; where one has no point its line goes on", () => {
    const { x, columns } = align([f(0, 1, 2, 3), f(1, 3)], [[1, 2, 3, 4], [10, 30]]);
    expect(x).toEqual([0, 1, 2, 3]);
    expect(columns).toEqual([[1, 2, 3, 4], [undefined, 10, undefined, 30]]);
  });

  test("a resumed run's steps go back: sorted by x, in the order of logging where equal", () => {
    expect(align([f(0, 1, 2, 1, 2)], [[1, 2, 3, 4, 5]])).toEqual({ x: [0, 1, 1, 2, 2], columns: [[1, 2, 4, 3, 5]] });
  });

  test("a logarithmic axis has no place for zero and below", () => {
    expect(align([f(0, 1, 2)], [[-1, 0, 1]], true).columns).toEqual([[null, null, 1]]);
  });

  test("an x that is not finite is left out", () => {
    expect(align([f(0, Number.NaN, 2)], [[1, 2, 3]])).toEqual({ x: [0, 2], columns: [[1, 3]] });
    expect(align([], [])).toEqual({ x: [], columns: [] });
  });

  test("xOf", () => {
    const series = { steps: f(1, 2), times: f(100, 103) } as unknown as Series;
    expect([...xOf(series, "step", 100)]).toEqual([1, 2]);
    expect([...xOf(series, "wall", 100)]).toEqual([100, 103]);
    expect([...xOf(series, "relative", 100)]).toEqual([0, 3]);
  });
});

describe("spark", () => {
  test("a line from corner to corner", () => {
    const drawn = spark([0, 10], [0, 1], 104, 24);
    expect(drawn).toEqual({ line: "M2.0 22.0L102.0 2.0", end: [102, 2], points: 2 });
  });

  test("a missing value breaks the line", () => {
    expect(spark([0, 1, 2, 3], [1, null, 1, 1], 104, 24).line.match(/M/g)).toHaveLength(2);
    expect(spark([0, 1], [null, null], 104, 24)).toEqual({ line: "", end: null, points: 0 });
    expect(spark([5], [7], 104, 24).points).toBe(1);
  });
});

test.each([
  [0.00075, 0.00025, "0.00075"],
  [0.5, 0.5, "0.5"],
  [2, 0.5, "2.0"],
  [1000, 500, "1.0k"],
  [1500, 500, "1.5k"],
  [25_000, 5000, "25k"],
  [2_000_000, 500_000, "2.0M"],
  [-3, 1, "−3"],
  [0, 1, "0"],
])("valueTick %s by %s", (value, step, text) => expect(valueTick(value, step)).toBe(text));

test.each([
  [0, 1, "0"],
  [0.5, 0.5, "0.5s"],
  [30, 10, "30s"],
  [90, 30, "1:30"],
  [300, 60, "5m"],
  [5400, 1800, "1h30"],
  [7200, 3600, "2h"],
  [172_800, 86_400, "2d"],
  [-60, 60, "−1m"],
])("durationTick %s by %s", (value, step, text) => expect(durationTick(value, step)).toBe(text));
