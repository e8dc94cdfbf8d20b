import { preact } from "@preact/preset-vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// One page a mode: its built files are committed, so that who installs Vera needs no Node.
export default defineConfig(({ mode }) => ({
  root: mode === "test" ? "." : mode,
  base: "./",
  plugins: [preact()],
  build: {
    outDir: fileURLToPath(new URL(`../src/vera/${mode}/static`, import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
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
