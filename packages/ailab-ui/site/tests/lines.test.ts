import { expect, test } from "vitest";

import { LineSplitter } from "../src/api/lines";

const bytes = (text: string) => new TextEncoder().encode(text);

test("lines come whole, whatever the chunks", () => {
  const text = '{"a":"ü€😀"}\n\r\n{"b":2}\n{"c":3}\n';
  const wanted = ['{"a":"ü€😀"}', '{"b":2}', '{"c":3}'];
  const all = bytes(text);
  for (let size = 1; size <= all.length; size++) {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let i = 0; i < all.length; i += size) lines.push(...splitter.push(all.subarray(i, i + size)));
    expect(lines).toEqual(wanted);
  }
});

test("what has no line end yet is kept back", () => {
  const splitter = new LineSplitter();
  expect(splitter.push(bytes("abc"))).toEqual([]);
  expect(splitter.push(bytes("def\ngh"))).toEqual(["abcdef"]);
  expect(splitter.push(bytes("\n"))).toEqual(["gh"]);
});

test("an endless line is an error", () => {
  const splitter = new LineSplitter(10);
  splitter.push(bytes("123456"));
  expect(() => splitter.push(bytes("789012"))).toThrow(RangeError);
});
