/**
 * Runs an async job on demand: never twice at once, never sooner than `spacing` ms after the last start, and never
 * losing the last demand. A slow job spaces itself out further, by its own duration.
 */
export class Throttle {
  readonly #job: () => Promise<void>;
  readonly #spacing: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #wanted = false;
  #closed = false;
  #notBefore = 0;

  constructor(job: () => Promise<void>, spacing: number) {
    this.#job = job;
    this.#spacing = spacing;
  }

  request(): void {
    if (this.#closed) return;
    this.#wanted = true;
    if (this.#busy || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, this.#notBefore - performance.now()));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#busy = true;
    this.#wanted = false;
    const start = performance.now();
    try {
      await this.#job();
    } finally {
      const end = performance.now();
      this.#notBefore = Math.max(start + this.#spacing, end + (end - start));
      this.#busy = false;
      if (this.#wanted) this.request();
    }
  }
}
