import { describe, expect, test } from "vitest";

import { formatAgo, formatBytes, formatCount, formatDuration, formatPercent, formatValue, toNumber } from "../src/lib/format";

test.each<[number | "NaN" | "Infinity" | "-Infinity", string]>([
  [0, "0"],
  [-0, "0"],
  [0.98134, "0.9813"],
  [0.1, "0.1000"],
  [12.345, "12.35"],
  [3, "3"],
  [-7, "−7"],
  [123456, "123456"],
  [1234.56, "1234.6"],
  [1e6, "1e6"],
  [1234567, "1.235e6"],
  [2.5e-5, "2.5e−5"],
  [-1e-9, "−1e−9"],
  [0.0001, "0.0001000"],
  [Number.NaN, "NaN"],
  ["NaN", "NaN"],
  ["Infinity", "∞"],
  ["-Infinity", "−∞"],
])("formatValue %s", (value, text) => expect(formatValue(value)).toBe(text));

test("toNumber", () => {
  expect(toNumber("NaN")).toBeNaN();
  expect(toNumber("-Infinity")).toBe(-Infinity);
  expect(toNumber(2)).toBe(2);
});

test.each([
  [0, "0 %"],
  [0.29, "29 %"],
  [0.999, "99 %"],
  [1, "100 %"],
  [1.4, "100 %"],
  [-1, "0 %"],
])("formatPercent %s", (fraction, text) => expect(formatPercent(fraction)).toBe(text));

test.each([
  [0, "0s"],
  [59.4, "59s"],
  [59.6, "1m 00s"],
  [185, "3m 05s"],
  [3599.7, "1h 00m"],
  [7800, "2h 10m"],
  [86_400, "1d 0h"],
  [400_000, "4d 15h"],
  [-1, "–"],
  [Number.NaN, "–"],
])("formatDuration %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

describe("formatAgo", () => {
  const now = 1_800_000_000;
  test.each([
    [-500, "just now"],
    [10, "just now"],
    [50, "1 min ago"],
    [600, "10 min ago"],
    [7200, "2 h ago"],
    [3 * 86_400, "3 d ago"],
  ])("%s seconds", (age, text) => expect(formatAgo(now - age, now)).toBe(text));
  test("a date beyond a month", () => expect(formatAgo(now - 40 * 86_400, now)).toMatch(/^\d{4}-\d\d-\d\d$/));
});

test("counts and bytes", () => {
  expect(formatCount(1, "GPU")).toBe("1 GPU");
  expect(formatCount(2, "GPU")).toBe("2 GPUs");
  expect(formatBytes(999)).toBe("999 B");
  expect(formatBytes(65_536)).toBe("66 kB");
  expect(formatBytes(1_234_567)).toBe("1.2 MB");
});
