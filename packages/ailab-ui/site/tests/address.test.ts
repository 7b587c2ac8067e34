import { describe, expect, test } from "vitest";

import { AddressError, addressKey, isLoopback, isMixedContent, normaliseAddress } from "../src/api/address";

describe("normaliseAddress", () => {
  test.each([
    ["gpu-box:8000", "http://gpu-box:8000"],
    ["  gpu-box:8000/  ", "http://gpu-box:8000"],
    ["http://GPU-Box:8000/", "http://gpu-box:8000"],
    ["HTTPS://gpu-box", "https://gpu-box"],
    ["https://gpu-box:443/", "https://gpu-box"],
    ["http://gpu-box:8000/#/x/y", "http://gpu-box:8000"],
    ["http://gpu-box:8000/index.html", "http://gpu-box:8000"],
    ["http://gpu-box:8000/api/v1", "http://gpu-box:8000"],
    ["https://lab.example/ai-lab//", "https://lab.example/ai-lab"],
    ["192.168.1.5", "http://192.168.1.5"],
    ["[::1]:8000", "http://[::1]:8000"],
    ["localhost:8000", "http://localhost:8000"],
  ])("%s", (typed, wanted) => expect(normaliseAddress(typed)).toBe(wanted));

  test("a bare host takes the page's scheme", () => {
    expect(normaliseAddress("gpu-box:8000", "https:")).toBe("https://gpu-box:8000");
    expect(normaliseAddress("http://gpu-box:8000", "https:")).toBe("http://gpu-box:8000");
  });

  test.each(["", "   ", "gpu box", "ftp://gpu-box", "file:///etc/passwd", "javascript://x", "http://", "gpu-box:99999", "http://alice:pw@gpu-box"])(
    "refuses %j",
    (typed) => expect(() => normaliseAddress(typed)).toThrow(AddressError),
  );
});

test("addressKey leaves the scheme out", () => expect(addressKey("https://a:1/b")).toBe("a:1/b"));

test("loopback and mixed content", () => {
  for (const host of ["http://localhost:1", "http://127.0.0.1", "http://127.9.9.9:80", "http://[::1]:80"]) {
    expect(isLoopback(host)).toBe(true);
    expect(isMixedContent(host, "https:")).toBe(false);
  }
  expect(isLoopback("http://127.0.0.1.evil.example")).toBe(false);
  expect(isMixedContent("http://gpu-box", "https:")).toBe(true);
  expect(isMixedContent("http://gpu-box", "http:")).toBe(false);
  expect(isMixedContent("https://gpu-box", "https:")).toBe(false);
});
