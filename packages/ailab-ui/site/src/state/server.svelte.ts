/** One server: who is logged in, its live stream, and what the stream has told. */

import { addressKey } from "../api/address";
import { Client } from "../api/client";
import { diagnose, type Diagnosis } from "../api/diagnose";
import { openStream, type StreamState } from "../api/stream";
import type { Message, RunSummary, System, Task } from "../api/types";
import type { SavedServer } from "./storage";

/** One run's newest summary. Only what shows this run re-renders when it changes. */
export class RunEntry {
  readonly server: Server;
  readonly id: string;
  /** Unique over all servers. */
  readonly key: string;
  summary: RunSummary;

  constructor(server: Server, summary: RunSummary) {
    this.server = server;
    this.id = summary.id;
    this.key = `${server.key} ${summary.id}`;
    this.summary = $state.raw(summary);
  }
}

export class Server {
  readonly address: string;
  /** The address without its scheme: the server's name in links. */
  readonly key: string;
  readonly client: Client;
  user = $state("");
  password: string | null = $state(null);
  state: StreamState = $state("connecting");
  problem: Diagnosis | null = $state.raw(null);
  system: System | null = $state.raw(null);
  tasks: readonly Task[] = $state.raw([]);
  /** Grows when a run appears, goes, or changes its place in the list. */
  listVersion = $state(0);
  /** Whether a snapshot has come since the page opened. */
  loaded = $state(false);

  readonly #runs = new Map<string, RunEntry>();
  readonly #changed: () => void;
  #close: (() => void) | null = null;

  /** `changed` is called when what SavedServer keeps has changed. */
  constructor(saved: SavedServer, changed: () => void) {
    this.address = saved.address;
    this.key = addressKey(saved.address);
    this.client = new Client(saved.address, saved.token);
    this.user = saved.user;
    this.password = saved.password;
    this.#changed = changed;
  }

  get saved(): SavedServer {
    return { address: this.address, user: this.user, token: this.client.token, password: this.password };
  }

  /** The machine's own name once known, else the address. */
  get label(): string {
    return this.system?.name || this.key;
  }

  /** All runs, in no order. Tracks listVersion, not the summaries. */
  get runs(): RunEntry[] {
    void this.listVersion;
    return [...this.#runs.values()];
  }

  run(id: string): RunEntry | undefined {
    void this.listVersion;
    return this.#runs.get(id);
  }

  connect(): void {
    this.disconnect();
    if (this.client.token === null) {
      void this.#loginAgain();
      return;
    }
    this.#close = openStream(this.client, {
      message: (message) => this.#receive(message),
      state: (state, error) => {
        if (state === "needs-login") {
          void this.#loginAgain();
          return;
        }
        this.state = state;
        this.problem = error === null ? null : diagnose(error, this.address, location);
      },
    });
  }

  disconnect(): void {
    this.#close?.();
    this.#close = null;
  }

  /** Takes a fresh token over (from the dialog, or from another tab) and connects with it. */
  adopt(user: string, token: string | null, password: string | null): void {
    if (user !== this.user) this.#clear();
    this.user = user;
    this.password = password;
    this.client.token = token;
    this.connect();
  }

  async logout(): Promise<void> {
    this.disconnect();
    const client = new Client(this.address, this.client.token);
    this.client.token = null;
    this.password = null;
    this.state = "needs-login";
    this.problem = null;
    this.#clear();
    this.#changed();
    // The token is forgotten here whether or not the server hears of it.
    await client.logout().catch(() => undefined);
  }

  /** The token is gone: use the remembered password, if there is one and it still works. */
  async #loginAgain(): Promise<void> {
    this.disconnect();
    this.client.token = null;
    this.state = "needs-login";
    this.problem = null;
    const password = this.password;
    if (password === null) {
      this.#changed();
      return;
    }
    this.state = "connecting";
    try {
      const login = await new Client(this.address).login(this.user, password);
      this.client.token = login.token;
      this.#changed();
      this.connect();
    } catch (error) {
      this.state = "needs-login";
      this.problem = diagnose(error, this.address, location);
    }
  }

  #receive(message: Message): void {
    switch (message.type) {
      case "snapshot": {
        const gone = new Set(this.#runs.keys());
        for (const run of message.runs) {
          this.#put(run);
          gone.delete(run.id);
        }
        for (const id of gone) this.#runs.delete(id);
        this.tasks = message.tasks;
        this.system = message.system;
        this.loaded = true;
        this.listVersion += 1;
        break;
      }
      case "run":
        if (this.#put(message.run)) this.listVersion += 1;
        break;
      case "removed":
        if (this.#runs.delete(message.id)) this.listVersion += 1;
        break;
      case "tasks":
        this.tasks = message.tasks;
        this.system = message.system;
        break;
    }
  }

  /** Whether the run's place in the list may have changed. */
  #put(run: RunSummary): boolean {
    const entry = this.#runs.get(run.id);
    if (entry === undefined) {
      this.#runs.set(run.id, new RunEntry(this, run));
      return true;
    }
    const before = entry.summary;
    entry.summary = run;
    return before.state !== run.state || before.created !== run.created;
  }

  #clear(): void {
    this.#runs.clear();
    this.tasks = [];
    this.system = null;
    this.loaded = false;
    this.listVersion += 1;
  }
}
