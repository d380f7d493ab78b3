/** Writes the web app manifest that makes the application installable. */
import type { Plugin } from "vite";

import { fr } from "../src/lib/i18n/fr.ts";
import { PNG_SIZES } from "./icons.ts";

export function webManifest(): string {
  return JSON.stringify(
    {
      id: "./",
      name: fr["app.name"],
      short_name: fr["app.shortName"],
      description: fr["app.description"],
      lang: "fr",
      start_url: "./",
      scope: "./",
      display: "standalone",
      orientation: "any",
      background_color: "#f4f4f4",
      theme_color: "#004080",
      icons: [
        ...PNG_SIZES.filter((size) => size !== 180).flatMap((size) =>
          ["any", "maskable"].map((purpose) => ({
            src: `icons/icon-${size}.png`,
            sizes: `${size}x${size}`,
            type: "image/png",
            purpose,
          })),
        ),
        { src: "icons/icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" },
      ],
    },
    null,
    2,
  );
}

export function manifestPlugin(): Plugin {
  return {
    name: "usinage-manifest",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "manifest.webmanifest", source: webManifest() });
    },
  };
}
