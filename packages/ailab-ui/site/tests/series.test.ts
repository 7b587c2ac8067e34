import { describe, expect, test } from "vitest";

import { decodeSeries, SeriesError } from "../src/api/series";

interface Entry {
  metric: string;
  steps: number[];
  times: number[];
  values: number[];
  total?: number;
  reduced?: boolean;
}

/** As docs/api.md, "Series", words it. */
function encode(entries: Entry[], pad = true): ArrayBuffer {
  const header = JSON.stringify({
    series: entries.map(({ metric, steps, total, reduced }) => ({
      metric,
      count: steps.length,
      total: total ?? steps.length,
      reduced: reduced ?? false,
    })),
  });
  let head = new TextEncoder().encode(header);
  if (pad) {
    const padded = new Uint8Array(head.length + ((8 - ((4 + head.length) % 8)) % 8)).fill(0x20);
    padded.set(head);
    head = padded;
  }
  const numbers = entries.flatMap((e) => [...e.steps, ...e.times, ...e.values]);
  const buffer = new ArrayBuffer(4 + head.length + 8 * numbers.length);
  const view = new DataView(buffer);
  view.setUint32(0, head.length, true);
  new Uint8Array(buffer).set(head, 4);
  numbers.forEach((n, i) => view.setFloat64(4 + head.length + 8 * i, n, true));
  return buffer;
}

const loss = { metric: "loss", steps: [0, 1, 5], times: [1e9, 1e9 + 0.5, 1e9 + 2], values: [1.5, Number.NaN, -Infinity] };

describe("decodeSeries", () => {
  test("keeps every number, NaN and infinities too", () => {
    const empty = { metric: "später/ü", steps: [], times: [], values: [] };
    const long = { metric: "__proto__", steps: [7], times: [8], values: [9], total: 70, reduced: true };
    for (const pad of [true, false]) {
      const found = decodeSeries(encode([loss, empty, long], pad));
      expect([...found.keys()]).toEqual(["loss", "später/ü", "__proto__"]);
      const one = found.get("loss")!;
      expect([...one.steps]).toEqual(loss.steps);
      expect([...one.times]).toEqual(loss.times);
      expect([...one.values]).toEqual(loss.values);
      expect(found.get("später/ü")!.count).toBe(0);
      expect(found.get("__proto__")).toMatchObject({ count: 1, total: 70, reduced: true });
    }
  });

  test("no series at all", () => expect(decodeSeries(encode([])).size).toBe(0));

  test("an answer cut anywhere is an error, not a wrong number", () => {
    const whole = encode([loss]);
    for (let length = 0; length < whole.byteLength; length++) {
      expect(() => decodeSeries(whole.slice(0, length))).toThrow(SeriesError);
    }
  });

  test.each(['{"series": 3}', "null", "[]", '{"series": [{"metric": 1, "count": 0}]}', '{"series": [{"metric": "a", "count": -1}]}'])(
    "refuses the header %s",
    (header) => {
      const head = new TextEncoder().encode(header);
      const buffer = new ArrayBuffer(4 + head.length);
      new DataView(buffer).setUint32(0, head.length, true);
      new Uint8Array(buffer).set(head, 4);
      expect(() => decodeSeries(buffer)).toThrow(SeriesError);
    },
  );
});
