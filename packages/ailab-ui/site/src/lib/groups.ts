/** Which metrics share a chart: the same quantity on different splits, such as loss and val_loss. */

import type { Metric } from "../api/types";

export interface Group {
  readonly key: string;
  /** Shown above the chart. */
  readonly title: string;
  /** The leading metric first: the primary one, else the one of the training split. */
  readonly metrics: readonly Metric[];
}

const SPLIT = "train|training|val|valid|validation|test|eval|dev|held_?out";
const BEFORE = new RegExp(`^(${SPLIT})[/_.](.+)$`, "i");
const AFTER = new RegExp(`^(.+)[/_.](${SPLIT})$`, "i");
const TRAIN = new Set(["", "train", "training"]);

/** "val_loss", "val/loss", "loss/val" and "loss_val" are the quantity "loss" on the split "val". */
export function splitOf(name: string): { readonly quantity: string; readonly split: string } {
  const before = BEFORE.exec(name);
  if (before) return { quantity: before[2]!, split: before[1]!.toLowerCase() };
  const after = AFTER.exec(name);
  if (after) return { quantity: after[1]!, split: after[2]!.toLowerCase() };
  return { quantity: name, split: "" };
}

const natural = new Intl.Collator("en", { numeric: true });

export function groupMetrics(metrics: readonly Metric[]): Group[] {
  const groups = new Map<string, Metric[]>();
  for (const metric of metrics) {
    const { quantity } = splitOf(metric.name);
    const group = groups.get(quantity);
    if (group) group.push(metric);
    else groups.set(quantity, [metric]);
  }
  const rank = (m: Metric) => (m.primary ? 0 : TRAIN.has(splitOf(m.name).split) ? 1 : 2);
  const made = [...groups].map(([key, members]) => {
    const sorted = members.toSorted((a, b) => rank(a) - rank(b) || natural.compare(a.name, b.name));
    return { key, title: sorted.length === 1 ? sorted[0]!.name : key, metrics: sorted };
  });
  const hasPrimary = (g: Group) => (g.metrics.some((m) => m.primary) ? 0 : 1);
  return made.sort((a, b) => hasPrimary(a) - hasPrimary(b) || natural.compare(a.key, b.key));
}
