import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { early } from "./early_plugin.ts";
import { packedOnce } from "./packed_plugin.ts";

// `npm run dev` shows the pages with a server of `stretto up` behind them.
const server = process.env.STRETTO_URL ?? "http://127.0.0.1:8700";

export default defineConfig({
  plugins: [react(), tailwindcss(), early(), packedOnce()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/stretto/api/dashboard",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the server's policy lets no data: script or font through
    modulePreload: { polyfill: false },
    // What the first page needs comes as one file: each further one costs a request, and time on a slow machine.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] } } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/auth", "/healthz", "/openapi.json"].map((path) => [
        path,
        { target: server, ws: true, changeOrigin: true },
      ]),
    ),
  },
  test: {
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/unit/**/*.test.ts?(x)"] } },
      {
        extends: true,
        test: {
          name: "browser", // skipped, and said so, where no Chromium is found
          include: ["tests/browser/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 90_000,
          expect: { poll: { timeout: 15_000 } }, // what a page shall show may take its time on a busy machine
        },
      },
    ],
  },
});
