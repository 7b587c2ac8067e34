import { describe, expect, test } from "vitest";

import type { Metric } from "../src/api/types";
import { groupMetrics, splitOf } from "../src/lib/groups";
import { readInfo } from "../src/lib/info";
import { parseHash, runLink } from "../src/lib/links";
import { joinCommand } from "../src/lib/shell";
import { plainOutput } from "../src/lib/terminal";
import { flatten, visible } from "../src/lib/tree";

describe("groups", () => {
  const metric = (name: string, primary = false): Metric => ({ name, primary, count: 1, last: 0, last_step: 0 });

  test.each([
    ["loss", "loss", ""],
    ["val_loss", "loss", "val"],
    ["train/loss", "loss", "train"],
    ["loss/test", "loss", "test"],
    ["grad/conv1/norm", "grad/conv1/norm", ""],
    ["held_out_accuracy", "accuracy", "held_out"],
    ["test", "test", ""],
    ["val_", "val_", ""],
    ["value", "value", ""],
    ["interval_ms", "interval_ms", ""],
  ])("splitOf %s", (name, quantity, split) => expect(splitOf(name)).toEqual({ quantity, split }));

  test("splits share a chart, the primary first, then training", () => {
    const groups = groupMetrics(["lr", "val_loss", "loss", "layer10", "layer2", "__proto__"].map((n) => metric(n, n === "loss")));
    expect(groups.map((g) => g.metrics.map((m) => m.name))).toEqual([
      ["loss", "val_loss"],
      ["__proto__"],
      ["layer2"],
      ["layer10"],
      ["lr"],
    ]);
    expect(groupMetrics([metric("val_acc")])[0]!.title).toBe("val_acc");
  });
});

describe("links", () => {
  test.each([
    ["gpu-box:8000", "abc"],
    ["lab.example/ai-lab", "a/b"],
    ["[::1]:8000", "__proto__"],
    ["x", "<img src=x>#?%2F ü"],
  ])("%s %s there and back", (server, run) => {
    expect(parseHash(new URL(runLink(server, run), "http://page/").hash)).toEqual({ page: "run", server, run });
  });

  test.each(["", "#", "#/", "#/a", "#/a/", "#//b", "#/a/b/c", "#/%E0%A4%A/x"])("%j is the front page", (hash) => {
    expect(parseHash(hash)).toEqual({ page: "front" });
  });
});

describe("tree", () => {
  const value = JSON.parse(
    '{"lr": 0.1, "model": {"name": "CNN", "sizes": [1, 2], "head": {"bias": true}}, "__proto__": {"x": null}, "augment": [{"op": "shift"}], "none": {}}',
  ) as unknown;

  test("rows in order, parents first", () => {
    const rows = flatten(value);
    expect(rows.map((r) => [r.depth, r.key, r.text])).toEqual([
      [0, "lr", "0.1"],
      [0, "model", null],
      [1, "name", "CNN"],
      [1, "sizes", "[1, 2]"],
      [1, "head", null],
      [2, "bias", "true"],
      [0, "__proto__", null],
      [1, "x", "null"],
      [0, "augment", null],
      [1, "0", null],
      [2, "op", "shift"],
      [0, "none", "{}"],
    ]);
  });

  test("anything that JSON can be", () => {
    expect(flatten(null)).toEqual([]);
    expect(flatten(undefined)).toEqual([]);
    expect(flatten(3)).toMatchObject([{ key: "value", text: "3" }]);
    expect(flatten([])).toMatchObject([{ text: "[]" }]);
    let deep: unknown = 1;
    for (let i = 0; i < 2000; i++) deep = { a: deep };
    expect(flatten(deep).length).toBe(40);
    expect(flatten(Array.from({ length: 1000 }, () => ({ a: 1 })), 100)).toHaveLength(100);
  });

  test("folding hides everything below", () => {
    const rows = flatten(value);
    const model = rows.find((r) => r.key === "model")!.path;
    expect(visible(rows, new Set([model]), "").map((r) => r.key)).toEqual(["lr", "model", "__proto__", "x", "augment", "0", "op", "none"]);
  });

  test("a search shows matches and what they lie in, folded or not", () => {
    const rows = flatten(value);
    const folded = new Set(rows.map((r) => r.path));
    expect(visible(rows, folded, "BIAS").map((r) => r.key)).toEqual(["model", "head", "bias"]);
    expect(visible(rows, folded, "cnn").map((r) => r.key)).toEqual(["model", "name"]);
    expect(visible(rows, folded, "head").map((r) => r.key)).toEqual(["model", "head", "bias"]);
    expect(visible(rows, folded, "nowhere")).toEqual([]);
  });
});

test("plainOutput reads like a terminal", () => {
  expect(plainOutput("10 %\r20 %\r30 %\nend")).toBe("30 %\nend");
  expect(plainOutput("a\r\nb\r\n")).toBe("a\nb\n");
  expect(plainOutput("100 %\r")).toBe("100 %");
  expect(plainOutput("\x1b[1;32mok\x1b[0m \x1b]0;title\x07\x00\x07x\ty")).toBe("ok x\ty");
});

describe("readInfo", () => {
  test("finds the fields people look for", () => {
    const info = { command: ["python", "a b.py"], git: { commit: "abc", dirty: true }, python: "3.11.9", packages: { torch: "2", numpy: "2" } };
    const read = readInfo(info, joinCommand);
    expect(read.command).toBe("python 'a b.py'");
    expect(read.rows).toEqual([
      ["git commit", "abc (with changes)"],
      ["Python", "3.11.9"],
      ["packages", "2"],
    ]);
  });

  test.each([null, undefined, 3, "x", [], { command: 5, packages: "many", git: [], python: null }])("survives %j", (info) => {
    expect(() => readInfo(info, joinCommand)).not.toThrow();
  });
});
