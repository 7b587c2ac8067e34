/** Addresses within the page: #/ and #/<server>/<run id>. */

export type Route = { readonly page: "front" } | { readonly page: "run"; readonly server: string; readonly run: string };

const encode = (part: string) => encodeURIComponent(part).replaceAll("%3A", ":");

/** `server` is an addressKey, such as gpu-box:8000. */
export function runLink(server: string, run: string): string {
  return `#/${encode(server)}/${encode(run)}`;
}

export function parseHash(hash: string): Route {
  const parts = hash.replace(/^#?\/?/, "").split("/");
  if (parts.length !== 2 || parts.includes("")) return { page: "front" };
  try {
    return { page: "run", server: decodeURIComponent(parts[0]!), run: decodeURIComponent(parts[1]!) };
  } catch {
    return { page: "front" };
  }
}
