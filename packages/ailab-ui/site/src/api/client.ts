/** One server's API over fetch. The token travels in the Authorization header and nowhere else. */

import { isMixedContent } from "./address";
import { decodeSeries, type Series } from "./series";
import type { Login, LogTail, NewTask, RunDetail, Task } from "./types";

/** The server answered, and the answer is an error. */
export class ApiError extends Error {
  readonly status: number;
  /** Seconds to wait, where the server said so. */
  readonly retryAfter: number | null;

  constructor(status: number, message: string, retryAfter: number | null = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** No answer at all: refused, blocked, untrusted certificate, no network. Browsers do not say which. */
export class UnreachableError extends Error {}

export class Client {
  readonly address: string;
  token: string | null;

  constructor(address: string, token: string | null = null) {
    this.address = address;
    this.token = token;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token !== null) headers.set("Authorization", `Bearer ${this.token}`);
    const options: RequestInit & { targetAddressSpace?: string } = {
      ...init,
      headers,
      mode: "cors",
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
    };
    // Chromium lets an https page reach plain http on the local network only when told that it is one.
    if (isMixedContent(this.address, location.protocol)) options.targetAddressSpace = "local";
    let response: Response;
    try {
      response = await fetch(`${this.address}/api/v1${path}`, options);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new UnreachableError(`${this.address} does not answer`, { cause: error });
    }
    if (!response.ok) throw await asError(response);
    return response;
  }

  async #json<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await this.fetch(path, init);
    try {
      return (await response.json()) as T;
    } catch (error) {
      if (init?.signal?.aborted) throw error;
      throw new ApiError(response.status, `${this.address} answered, but not like an AI Lab server.`);
    }
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    const headers = { "Content-Type": "application/json" };
    return this.#json<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  async login(user: string, password: string): Promise<Login> {
    const login = await this.#post<Login>("/login", { user, password });
    if (typeof login?.token !== "string") {
      throw new ApiError(200, `${this.address} answered, but not like an AI Lab server.`);
    }
    return login;
  }

  async logout(): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    await this.fetch("/logout", { method: "POST", headers, body: "{}" });
  }

  run(id: string, signal?: AbortSignal): Promise<RunDetail> {
    return this.#json(`/runs/${encodeURIComponent(id)}`, { signal: signal ?? null });
  }

  /** Series of the named metrics, each of at most `points` points. */
  async series(id: string, metrics: readonly string[], points: number, signal?: AbortSignal): Promise<Map<string, Series>> {
    const query = metrics.map((name) => `metric=${encodeURIComponent(name)}`).join("&");
    const path = `/runs/${encodeURIComponent(id)}/series?${query}&points=${points}`;
    const response = await this.fetch(path, { signal: signal ?? null });
    return decodeSeries(await response.arrayBuffer());
  }

  /** An image's bytes as a PNG, whatever type the server names: never a document that could run. */
  async image(run: string, image: string, signal?: AbortSignal): Promise<Blob> {
    const path = `/runs/${encodeURIComponent(run)}/images/${encodeURIComponent(image)}`;
    const response = await this.fetch(path, { signal: signal ?? null });
    return new Blob([await response.arrayBuffer()], { type: "image/png" });
  }

  log(id: string, tail: number, signal?: AbortSignal): Promise<LogTail> {
    return this.#json(`/runs/${encodeURIComponent(id)}/log?tail=${tail}`, { signal: signal ?? null });
  }

  addTask(task: NewTask): Promise<Task> {
    return this.#post("/tasks", task);
  }

  stopTask(id: string): Promise<Task> {
    return this.#post(`/tasks/${encodeURIComponent(id)}/stop`, {});
  }
}

async function asError(response: Response): Promise<ApiError> {
  let detail = "";
  try {
    const problem = (await response.json()) as { detail?: unknown; title?: unknown } | null;
    const said = problem?.detail ?? problem?.title;
    if (typeof said === "string") detail = said;
  } catch {
    // Not a problem document; the status has to do.
  }
  const wait = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(response.status, detail || `The server answered ${response.status}.`, Number.isFinite(wait) ? wait : null);
}
