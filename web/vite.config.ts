import { preact } from "@preact/preset-vite";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Built files are committed, and end in a line end as all text files here do.
const lineEnds: Plugin = {
  name: "line-ends",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk" && !file.code.endsWith("\n")) file.code += "\n";
    }
  },
};

// One page a mode: its built files are committed, so that who installs Vera needs no Node.
export default defineConfig(({ mode }) => ({
  root: mode === "test" ? "." : mode,
  base: "./",
  plugins: [preact(), lineEnds],
  build: {
    outDir: fileURLToPath(new URL(`../src/vera/${mode}/static`, import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    license: { fileName: "licenses.md" }, // of the libraries that are built in
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the pages' content security policy has no `data:` scripts or styles
    rolldownOptions: {
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
  test: { include: ["**/*.test.ts", "**/*.test.tsx"] },
}));
