import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The page that the viewer's tests drive; the folder that it is built into is theirs: `vite build -c ... --outDir ...`.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: fileURLToPath(new URL("dev.html", import.meta.url)) },
  },
});
