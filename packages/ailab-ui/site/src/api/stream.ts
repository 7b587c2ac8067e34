/** The live stream: read by fetch, watched, and opened again whenever it ends. */

import { ApiError, type Client } from "./client";
import { LineSplitter } from "./lines";
import type { Message } from "./types";

export type StreamState = "connecting" | "live" | "reconnecting" | "paused" | "needs-login" | "error";

export interface StreamEvents {
  message(message: Message): void;
  /** `error` explains "reconnecting" and "error". */
  state(state: StreamState, error: unknown): void;
}

/** No line for so long means that the connection is dead; the server pings every ten seconds. */
const SILENCE_MS = 25_000;
/** A hidden tab gives its connection back: a browser opens only six to one host over HTTP/1.1. */
const HIDDEN_MS = 60_000;
const BACKOFF_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000] as const;

/** Starts streaming; the returned function ends it for good. */
export function openStream(client: Client, events: StreamEvents): () => void {
  let closed = false;
  let attempt = 0;
  let current: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false;
  let paused = false;

  async function connect(): Promise<void> {
    clearTimeout(timer);
    waiting = false;
    const controller = new AbortController();
    current = controller;
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const watch = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE_MS);
    };
    if (attempt === 0) events.state("connecting", null);
    let failure: unknown = null;
    try {
      watch();
      const response = await client.fetch("/stream", { signal: controller.signal });
      if (response.body === null) throw new Error("the browser gave no stream");
      const reader = response.body.getReader();
      const splitter = new LineSplitter();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const line of splitter.push(value)) {
          watch();
          if (closed || current !== controller) return;
          const message = JSON.parse(line) as Message;
          if (message.type === "snapshot") {
            attempt = 0;
            events.message(message);
            events.state("live", null);
          } else {
            events.message(message);
          }
        }
      }
    } catch (error) {
      failure = error;
    } finally {
      clearTimeout(watchdog);
      controller.abort();
    }
    if (closed || paused || current !== controller) return;
    if (failure instanceof ApiError && failure.status === 401) {
      events.state("needs-login", failure);
      return;
    }
    const hopeless = failure instanceof ApiError && failure.status >= 400 && failure.status < 500 && failure.status !== 429;
    events.state(hopeless ? "error" : "reconnecting", failure);
    retryLater();
  }

  function retryLater(): void {
    const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)]!;
    attempt += 1;
    waiting = true;
    timer = setTimeout(() => void connect(), wait * (0.8 + 0.4 * Math.random()));
  }

  function hurry(): void {
    if (closed || !waiting || document.hidden) return;
    void connect();
  }

  function visibility(): void {
    clearTimeout(hiddenTimer);
    if (closed) return;
    if (document.hidden) {
      hiddenTimer = setTimeout(() => {
        if (!document.hidden || closed) return;
        paused = true;
        waiting = false;
        clearTimeout(timer);
        current?.abort();
        events.state("paused", null);
      }, HIDDEN_MS);
    } else if (paused) {
      paused = false;
      attempt = 0;
      void connect();
    } else {
      hurry();
    }
  }

  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", visibility);
  void connect();

  return () => {
    closed = true;
    clearTimeout(timer);
    clearTimeout(hiddenTimer);
    current?.abort();
    removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", visibility);
  };
}
