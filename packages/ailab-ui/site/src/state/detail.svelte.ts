/** One run's detail and series, fetched again (at most twice a second) whenever its revision has grown. */

import { diagnose, type Diagnosis } from "../api/diagnose";
import { ApiError } from "../api/client";
import type { Series } from "../api/series";
import type { RunDetail } from "../api/types";
import { Throttle } from "../lib/throttle";
import { ImageCache } from "./images";
import type { Server } from "./server.svelte";

const SPACING_MS = 500;
/** Points a chart gets at first, and once somebody zooms into it. */
const COARSE = 1000;
const FINE = 20_000;
/** Metrics in one request, so that its address stays short. */
const BATCH = 20;

export class Detail {
  readonly server: Server;
  readonly id: string;
  readonly images: ImageCache;
  detail: RunDetail | null = $state.raw(null);
  series: ReadonlyMap<string, Series> = $state.raw(new Map());
  problem: Diagnosis | null = $state.raw(null);
  missing = $state(false);

  readonly #abort = new AbortController();
  readonly #throttle = new Throttle(() => this.#fetch(), SPACING_MS);
  readonly #fine = new Set<string>();
  #wanted: readonly string[] = [];
  #revision = -1;

  constructor(server: Server, id: string) {
    this.server = server;
    this.id = id;
    this.images = new ImageCache(server.client, id);
    this.#throttle.request();
  }

  /** The run has changed. */
  revised(revision: number): void {
    if (revision > this.#revision) this.#throttle.request();
  }

  /** The metrics whose charts are shown. */
  want(metrics: readonly string[]): void {
    const fresh = metrics.some((name) => !this.series.has(name));
    this.#wanted = metrics;
    if (fresh) this.#throttle.request();
  }

  /** More points for these metrics: somebody looks closer. */
  refine(metrics: readonly string[]): void {
    const reduced = metrics.filter((name) => this.series.get(name)?.reduced && !this.#fine.has(name));
    for (const name of reduced) this.#fine.add(name);
    if (reduced.length > 0) this.#throttle.request();
  }

  retry(): void {
    this.#throttle.request();
  }

  close(): void {
    this.#throttle.close();
    this.#abort.abort();
    this.images.close();
  }

  async #fetch(): Promise<void> {
    const signal = this.#abort.signal;
    try {
      const client = this.server.client;
      const detail = await client.run(this.id, signal);
      const counts = new Map(detail.metrics.map((metric) => [metric.name, metric.count]));
      this.detail = detail;
      this.missing = false;
      const stale = this.#wanted.filter((name) => this.#isStale(name, counts.get(name)));
      const series = new Map(this.series);
      for (const points of [COARSE, FINE]) {
        const names = stale.filter((name) => this.#fine.has(name) === (points === FINE));
        for (let i = 0; i < names.length; i += BATCH) {
          const batch = names.slice(i, i + BATCH);
          for (const [name, one] of await client.series(this.id, batch, points, signal)) series.set(name, one);
        }
      }
      if (stale.length > 0) this.series = series;
      this.#revision = Math.max(this.#revision, detail.summary.revision);
      this.problem = null;
    } catch (error) {
      if (signal.aborted) return;
      // The token has died: the stream finds out at once, and logs in again or asks for it.
      if (error instanceof ApiError && error.status === 401) {
        this.server.connect();
        return;
      }
      this.missing = error instanceof ApiError && error.status === 404;
      this.problem = diagnose(error, this.server.address, location);
    }
  }

  /** `count` is how many points the metric has now. */
  #isStale(name: string, count: number | undefined): boolean {
    if (count === undefined) return false;
    const have = this.series.get(name);
    if (have === undefined || have.total !== count) return true;
    return have.reduced && this.#fine.has(name) && have.count < FINE / 2;
  }
}
