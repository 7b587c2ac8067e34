/** What a user types as a server's address, made into one canonical origin (and path). */

export class AddressError extends Error {}

/** "box:8000", "http://box:8000/", "https://lab/x/" -> "scheme://host[:port][/path]" without a trailing slash. */
export function normaliseAddress(typed: string, pageProtocol = "http:"): string {
  const text = typed.trim();
  if (text === "") throw new AddressError("Type the server's address, such as gpu-box:8000.");
  if (/\s/.test(text)) throw new AddressError("An address has no spaces.");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  if (scheme && !/^https?$/i.test(scheme[1]!)) {
    throw new AddressError(`An address starts with http:// or https://, not ${scheme[1]!}://.`);
  }
  const guess = pageProtocol === "https:" ? "https" : "http";
  let url: URL;
  try {
    url = new URL(scheme ? text : `${guess}://${text}`);
  } catch {
    throw new AddressError(`"${text}" is not an address; an example is gpu-box:8000.`);
  }
  if (url.hostname === "") throw new AddressError("The address lacks a host name.");
  if (url.username !== "" || url.password !== "") {
    throw new AddressError("Leave user and password out of the address: they have their own fields.");
  }
  const path = url.pathname.replace(/\/(index\.html)?$/, "").replace(/\/api\/v1$/, "").replace(/\/+$/, "");
  return `${url.protocol}//${url.host}${path}`;
}

/** The short name of a server in links and labels: its address without the scheme. */
export function addressKey(address: string): string {
  return address.replace(/^https?:\/\//, "");
}

/** Whether a browser blocks this address from this page as mixed content. */
export function isMixedContent(address: string, pageProtocol: string): boolean {
  return pageProtocol === "https:" && address.startsWith("http:") && !isLoopback(address);
}

export function isLoopback(address: string): boolean {
  const host = new URL(address).hostname;
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}
