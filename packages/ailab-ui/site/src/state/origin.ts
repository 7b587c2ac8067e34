/** Whether this page was served by an ailab-server, so that its own address is the one to offer first. */

import { normaliseAddress } from "../api/address";

let answer: Promise<string> | undefined;

/** The page's own address, or "" on a static host. Only the server sends frame-ancestors as a header. */
export function ownServer(): Promise<string> {
  answer ??= ask();
  return answer;
}

async function ask(): Promise<string> {
  if (!location.protocol.startsWith("http")) return "";
  try {
    const response = await fetch(location.pathname, { cache: "force-cache", credentials: "omit" });
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    return policy.includes("frame-ancestors") ? normaliseAddress(location.origin + location.pathname) : "";
  } catch {
    return "";
  }
}
