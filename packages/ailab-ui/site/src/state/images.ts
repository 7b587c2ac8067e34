/** Images of one run as blob addresses; the browser's memory is given back when they are no longer shown. */

import type { Client } from "../api/client";
import type { RunImage } from "../api/types";

const KEPT = 60;

export class ImageCache {
  readonly #client: Client;
  readonly #run: string;
  readonly #abort = new AbortController();
  /** Oldest use first. */
  readonly #urls = new Map<string, Promise<string>>();

  constructor(client: Client, run: string) {
    this.#client = client;
    this.#run = run;
  }

  /** The blob address of an image; `time` is part of its identity, for a name may be written again. */
  url(image: RunImage): Promise<string> {
    const key = `${image.id} ${image.time}`;
    let url = this.#urls.get(key);
    this.#urls.delete(key);
    url ??= this.#client
      .image(this.#run, image.id, this.#abort.signal)
      .then((blob) => (this.#abort.signal.aborted ? "" : URL.createObjectURL(blob)));
    this.#urls.set(key, url);
    url.catch(() => this.#urls.delete(key));
    if (this.#urls.size > KEPT) {
      const [oldest, first] = this.#urls.entries().next().value!;
      this.#urls.delete(oldest);
      revoke(first);
    }
    return url;
  }

  close(): void {
    this.#abort.abort();
    for (const url of this.#urls.values()) revoke(url);
    this.#urls.clear();
  }
}

function revoke(url: Promise<string>): void {
  url.then(URL.revokeObjectURL, () => undefined);
}
