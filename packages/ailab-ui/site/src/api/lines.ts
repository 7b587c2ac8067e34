/** Splits a byte stream into lines; a line, or one character of it, may lie across chunks. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  readonly #limit: number;
  #rest: string[] = [];
  #length = 0;

  /** A line longer than `limit` characters is an error, not a full memory. */
  constructor(limit = 256 * 1024 * 1024) {
    this.#limit = limit;
  }

  /** The lines that this chunk completed, without their ends; blank ones are dropped. */
  push(chunk: Uint8Array): string[] {
    const parts = this.#decoder.decode(chunk, { stream: true }).split("\n");
    const last = parts.pop()!;
    const lines: string[] = [];
    for (const part of parts) {
      const line = this.#rest.join("") + part;
      this.#rest = [];
      this.#length = 0;
      const trimmed = line.trim();
      if (trimmed !== "") lines.push(trimmed);
    }
    if (last !== "") {
      this.#rest.push(last);
      this.#length += last.length;
      if (this.#length > this.#limit) throw new RangeError("a line of the stream is too long");
    }
    return lines;
  }
}
