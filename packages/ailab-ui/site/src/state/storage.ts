/** What the page keeps in this browser: servers with their tokens, and a few preferences. Nothing else is kept anywhere. */

export interface SavedServer {
  readonly address: string;
  readonly user: string;
  readonly token: string | null;
  /** Only where the user ticked "remember password on this browser". */
  readonly password: string | null;
}

const SERVERS = "ailab.servers.v1";

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the page works, and forgets when it closes.
  }
}

export function loadServers(): SavedServer[] {
  const list = read(SERVERS);
  if (!Array.isArray(list)) return [];
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  return list.flatMap((entry: Record<string, unknown> | null) => {
    const address = text(entry?.address);
    if (address === null || !/^https?:\/\/[^/]/.test(address)) return [];
    return [{ address, user: text(entry?.user) ?? "", token: text(entry?.token), password: text(entry?.password) }];
  });
}

export function saveServers(servers: readonly SavedServer[]): void {
  write(SERVERS, servers);
}

/** Calls back when another tab of this browser changed the servers. */
export function onServersChanged(callback: () => void): void {
  addEventListener("storage", (event) => {
    if (event.key === SERVERS || event.key === null) callback();
  });
}

export function loadPreference<T extends object>(name: string, defaults: T): T {
  const saved = read(`ailab.${name}.v1`);
  const merged = { ...defaults };
  if (typeof saved !== "object" || saved === null) return merged;
  for (const key of Object.keys(defaults) as (keyof T)[]) {
    const value = (saved as Partial<T>)[key];
    if (value !== undefined && typeof value === typeof defaults[key]) merged[key] = value;
  }
  return merged;
}

export function savePreference(name: string, value: object): void {
  write(`ailab.${name}.v1`, value);
}
