/** The merged list of all servers' runs: running on top, newest first, filtered. */

import { untrack } from "svelte";

import type { RunState } from "../api/types";
import type { RunEntry } from "./server.svelte";
import { servers } from "./servers.svelte";

export type StateFilter = "all" | RunState;

export const STATES: readonly RunState[] = ["running", "queued", "finished", "failed", "killed", "stale"];

const place = (entry: RunEntry) => (entry.summary.state === "running" ? 0 : entry.summary.state === "queued" ? 1 : 2);

export class RunList {
  text = $state("");
  state: StateFilter = $state("all");

  /** Every run in order. Follows the servers' listVersion: a summary's new value alone does not sort again. */
  readonly all: readonly RunEntry[] = $derived.by(() => {
    const entries = servers.list.flatMap((server) => server.runs);
    return untrack(() => entries.sort((a, b) => place(a) - place(b) || b.summary.created - a.summary.created));
  });

  readonly #matching: readonly RunEntry[] = $derived.by(() => {
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return this.all;
    return untrack(() => this.all.filter((entry) => words.every((word) => haystack(entry).includes(word))));
  });

  /** How many of the runs that match the text are in each state. */
  readonly counts: ReadonlyMap<StateFilter, number> = $derived.by(() => {
    const matching = this.#matching;
    return untrack(() => {
      const counts = new Map<StateFilter, number>([["all", matching.length]]);
      for (const entry of matching) counts.set(entry.summary.state, (counts.get(entry.summary.state) ?? 0) + 1);
      return counts;
    });
  });

  readonly shown: readonly RunEntry[] = $derived.by(() => {
    const [matching, state] = [this.#matching, this.state];
    if (state === "all") return matching;
    return untrack(() => matching.filter((entry) => entry.summary.state === state));
  });
}

function haystack(entry: RunEntry): string {
  const run = entry.summary;
  return [run.experiment, run.name, run.state, run.host, run.user, entry.server.label, run.primary?.name ?? ""].join("\n").toLowerCase();
}
