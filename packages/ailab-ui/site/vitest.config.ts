import { defineConfig } from "vitest/config";

// Pure logic only: no browser, no Svelte compiler.
export default defineConfig({ test: { include: ["tests/**/*.test.ts"], environment: "node" } });
