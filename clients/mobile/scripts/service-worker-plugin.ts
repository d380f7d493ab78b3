/**
 * Writes sw.js into the build: the text of src/service-worker.js with the list of built files and
 * a version computed from their content, so that a new build always replaces the old one as a whole.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const SOURCE = fileURLToPath(new URL("../src/service-worker.js", import.meta.url));

export function serviceWorkerPlugin(): Plugin {
  return {
    name: "usinage-service-worker",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const hash = createHash("sha256");
        const files = Object.keys(bundle).sort();
        for (const name of files) {
          const item = bundle[name];
          hash.update(name);
          if (item) hash.update(item.type === "asset" ? item.source : item.code);
        }
        const source = readFileSync(SOURCE, "utf-8")
          .replace("__PRECACHE__", JSON.stringify(["./", ...files.filter((name) => name !== "index.html")]))
          .replace("__VERSION__", hash.digest("hex").slice(0, 16));
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}
