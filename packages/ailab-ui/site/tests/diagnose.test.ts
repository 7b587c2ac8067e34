import { expect, test } from "vitest";

import { ApiError, UnreachableError } from "../src/api/client";
import { diagnose } from "../src/api/diagnose";

const page = { protocol: "http:", origin: "http://gpu-box:8000" };
const secure = { protocol: "https:", origin: "https://lab.example" };

test("wrong credentials", () => expect(diagnose(new ApiError(401, "x"), "http://a", page).title).toMatch(/Wrong user or password/));

test("too many tries, with the seconds", () => {
  expect(diagnose(new ApiError(429, "x", 16.2), "http://a", page).title).toContain("17 seconds");
  expect(diagnose(new ApiError(429, "x"), "http://a", page).title).toContain("a while");
});

test("something else answers", () => expect(diagnose(new ApiError(404, "x"), "http://a", page).title).toMatch(/no AI Lab server/));

test("the server's own words for the rest", () => expect(diagnose(new ApiError(503, "disk full"), "http://a", page).title).toBe("disk full"));

test("unreachable: what to check fits the case", () => {
  const words = (address: string, from: typeof page) => diagnose(new UnreachableError("x"), address, from).checks.join("\n");
  expect(words("http://gpu-box:8000", secure)).toMatch(/came over https and the address is http/);
  expect(words("http://gpu-box:8000", page)).not.toMatch(/came over https/);
  expect(words("https://gpu-box:8000", page)).toMatch(/certificate/);
  expect(words("http://gpu-box:8000", page)).not.toMatch(/local network/);
  expect(words("http://other:8000", page)).toMatch(/local network/);
  expect(words("http://127.0.0.1:8000", secure)).not.toMatch(/local network|came over https/);
});
