import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the same build works under any path of any static host.
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: "../src/ailab_ui/static",
    emptyOutDir: true,
    target: "es2022",
    // An inlined asset would be a data: address, which the page's policy allows for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices of what is bundled travel with it.
    license: { fileName: "licenses.md" },
  },
});
