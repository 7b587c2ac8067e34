/** What to tell a user when logging in or connecting failed. */

import { isLoopback, isMixedContent } from "./address";
import { ApiError, UnreachableError } from "./client";

export interface Diagnosis {
  readonly title: string;
  /** What to look at, in the order worth trying. */
  readonly checks: readonly string[];
}

export interface Page {
  readonly protocol: string;
  readonly origin: string;
}

export function diagnose(error: unknown, address: string, page: Page): Diagnosis {
  if (error instanceof ApiError) return answered(error);
  if (error instanceof UnreachableError) return unreachable(address, page);
  return { title: error instanceof Error ? error.message : String(error), checks: [] };
}

function answered(error: ApiError): Diagnosis {
  switch (error.status) {
    case 401:
      return { title: "Wrong user or password.", checks: [] };
    case 403:
      return { title: "The server refuses this page.", checks: [error.message] };
    case 404:
    case 405:
    case 200:
      return {
        title: "Something answers there, but it is no AI Lab server.",
        checks: ["Check the port: ailab-server prints its address when it starts."],
      };
    case 429: {
      const wait = error.retryAfter === null ? "a while" : `${Math.ceil(error.retryAfter)} seconds`;
      return { title: `Too many tries. Wait ${wait}, then try again.`, checks: [] };
    }
    default:
      return { title: error.message, checks: [] };
  }
}

function unreachable(address: string, page: Page): Diagnosis {
  const checks: string[] = [];
  if (isMixedContent(address, page.protocol)) {
    checks.push("This page came over https and the address is http: use the server's https address, or http with its IP address.");
  }
  checks.push(`Is the address right, and does ailab-server run there? Try opening ${address} in a new tab.`);
  if (address.startsWith("https:")) {
    checks.push("Does that tab warn about the certificate? Accept it once there (or run ailab-server trust), then try again.");
  } else {
    checks.push("Servers that use TLS need https:// in front of the address.");
  }
  if (address !== page.origin && !isLoopback(address)) {
    checks.push("If the browser asked about devices on the local network, allow it in the site's settings.");
  }
  return { title: "The server cannot be reached.", checks };
}
