/** run.json as the page shows it: the fields people look for first, the rest below. */

export interface Info {
  readonly command: string;
  readonly rows: readonly (readonly [label: string, value: string])[];
  readonly rest: unknown;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return "";
}

/** Fields are read by own name only, and each may be absent or of another type. */
export function readInfo(info: unknown, join: (words: readonly string[]) => string): Info {
  const fields: Fields = isFields(info) ? info : {};
  const get = (from: unknown, ...names: string[]): unknown => {
    for (const name of names) {
      if (isFields(from) && Object.hasOwn(from, name)) return from[name];
    }
    return undefined;
  };
  const raw = get(fields, "command", "argv");
  const command = Array.isArray(raw) ? join(raw.map(String)) : text(raw);
  const git = get(fields, "git");
  const packages = get(fields, "packages");
  const count = isFields(packages) ? Object.keys(packages).length : Array.isArray(packages) ? packages.length : 0;
  const dirty = get(git, "dirty") ?? get(fields, "git_dirty");
  const commit = text(get(git, "commit") ?? get(fields, "git_commit", "commit", "git"));
  const python = get(fields, "python", "python_version");
  const rows: [string, string][] = [
    ["git commit", commit ? commit + (dirty === true ? " (with changes)" : "") : ""],
    ["git branch", text(get(git, "branch") ?? get(fields, "git_branch"))],
    ["Python", text(isFields(python) ? get(python, "version") : python)],
    ["packages", count > 0 ? String(count) : ""],
    ["host", text(get(fields, "host", "hostname"))],
    ["platform", text(get(fields, "platform"))],
    ["user", text(get(fields, "user"))],
    ["folder", text(get(fields, "cwd", "folder", "working_directory"))],
    ["process", text(get(fields, "pid"))],
  ];
  return { command, rows: rows.filter(([, value]) => value !== ""), rest: info };
}
