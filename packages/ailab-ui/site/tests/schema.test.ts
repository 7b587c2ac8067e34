import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

const site = fileURLToPath(new URL("..", import.meta.url));

test.skipIf(!existsSync(`${site}/../openapi.json`))("schema.d.ts is what openapi.json says (else: npm run types)", () => {
  const command = ["node_modules/openapi-typescript/bin/cli.js", "../openapi.json", "-o", "src/api/schema.d.ts"];
  const result = spawnSync(process.execPath, [...command, "--alphabetize", "--immutable", "--check"], { cwd: site, encoding: "utf8" });
  expect(result.status, result.stdout + result.stderr).toBe(0);
}, 60_000);
