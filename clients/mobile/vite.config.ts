import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { iconPlugin } from "./scripts/icons.ts";
import { manifestPlugin } from "./scripts/manifest.ts";
import { serviceWorkerPlugin } from "./scripts/service-worker-plugin.ts";

// Relative base: the same build is served at /m/ by the coordinator and packed by Capacitor.
export default defineConfig({
  base: "./",
  plugins: [svelte(), iconPlugin(), manifestPlugin(), serviceWorkerPlugin()],
  build: { target: "es2022", assetsInlineLimit: 0, sourcemap: false },
  server: { proxy: { "/api": { target: process.env["USINAGE_API"] ?? "http://127.0.0.1:8000", ws: true } } },
});
