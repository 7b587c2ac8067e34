/** A JSON value as flat rows, ready for a list that folds and can be searched. */

export interface TreeRow {
  /** Unique: the keys from the root, as JSON. */
  readonly path: string;
  readonly key: string;
  readonly depth: number;
  /** null for a branch. */
  readonly text: string | null;
  readonly kind: "string" | "number" | "boolean" | "null" | "list" | "branch";
  /** How many a branch holds. */
  readonly size: number;
  readonly parent: string | null;
}

const DEEPEST = 40;

/** Every row, parents before children. Lists of plain values are one row. Stops at `limit` rows. */
export function flatten(root: unknown, limit = 20_000): TreeRow[] {
  const rows: TreeRow[] = [];
  const stack: { keys: string[]; value: unknown; parent: string | null }[] = [];
  const descend = (value: unknown, keys: string[], parent: string | null) => {
    for (const [key, child] of Object.entries(value as object).reverse()) {
      stack.push({ keys: [...keys, key], value: child, parent });
    }
  };
  if (isBranch(root)) descend(root, [], null);
  else if (root !== undefined && root !== null) stack.push({ keys: ["value"], value: root, parent: null });
  while (stack.length > 0 && rows.length < limit) {
    const { keys, value, parent } = stack.pop()!;
    const path = JSON.stringify(keys);
    const base = { path, key: keys.at(-1)!, depth: keys.length - 1, parent };
    if (isBranch(value) && keys.length < DEEPEST) {
      rows.push({ ...base, text: null, kind: "branch", size: Object.keys(value).length });
      descend(value, keys, path);
    } else {
      rows.push({ ...base, ...leaf(value), size: 0 });
    }
  }
  return rows;
}

function isBranch(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (!Array.isArray(value)) return Object.keys(value).length > 0;
  return value.length > 0 && value.some((v) => typeof v === "object" && v !== null);
}

function leaf(value: unknown): { text: string; kind: Exclude<TreeRow["kind"], "branch"> } {
  if (value === null || value === undefined) return { text: "null", kind: "null" };
  if (typeof value === "string") return { text: value, kind: "string" };
  if (typeof value === "number") return { text: String(value), kind: "number" };
  if (typeof value === "boolean") return { text: String(value), kind: "boolean" };
  const text = Array.isArray(value) ? `[${value.map((v) => JSON.stringify(v)).join(", ")}]` : JSON.stringify(value);
  return { text: text.length > 4000 ? `${text.slice(0, 4000)} …` : text, kind: "list" };
}

/** The rows to show: those that match `query` with their ancestors, or those under no folded branch. */
export function visible(rows: readonly TreeRow[], folded: ReadonlySet<string>, query: string): TreeRow[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") {
    const hidden = new Set<string>();
    return rows.filter((row) => {
      const gone = row.parent !== null && (folded.has(row.parent) || hidden.has(row.parent));
      if (gone) hidden.add(row.path);
      return !gone;
    });
  }
  const parents = new Map(rows.map((row) => [row.path, row.parent]));
  const keep = new Set<string>();
  const matched = new Set<string>();
  for (const row of rows) {
    const hit =
      (row.parent !== null && matched.has(row.parent)) ||
      row.key.toLowerCase().includes(wanted) ||
      (row.text?.toLowerCase().includes(wanted) ?? false);
    if (!hit) continue;
    // A branch whose key matches shows what it holds.
    if (row.kind === "branch") matched.add(row.path);
    for (let path: string | null = row.path; path !== null && !keep.has(path); path = parents.get(path) ?? null) keep.add(path);
  }
  return rows.filter((row) => keep.has(row.path));
}
