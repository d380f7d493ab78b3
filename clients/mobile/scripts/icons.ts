/**
 * Draws the application icon in code: a hexagonal nut seen from above on the house blue.
 * Emits one SVG and the PNG sizes that Android and iOS ask for.
 */
import { deflateSync } from "node:zlib";
import type { Plugin } from "vite";

const BACKGROUND = [0x00, 0x40, 0x80] as const;
const SHAPE = [0xff, 0xff, 0xff] as const;
const HEXAGON_RADIUS = 0.34;
const BORE_RADIUS = 0.165;
const SAMPLES = 4;

/** Hexagon corners around (0.5, 0.5), flat sides left and right, in units of the icon's side. */
function hexagonCorners(radius: number): [number, number][] {
  return Array.from({ length: 6 }, (_, i) => {
    const angle = (Math.PI / 3) * i + Math.PI / 6;
    return [0.5 + radius * Math.cos(angle), 0.5 + radius * Math.sin(angle)];
  });
}

export function iconSvg(): string {
  const points = hexagonCorners(HEXAGON_RADIUS)
    .map(([x, y]) => `${(x * 512).toFixed(1)},${(y * 512).toFixed(1)}`)
    .join(" ");
  const hex = (c: readonly number[]) => "#" + c.map((v) => v.toString(16).padStart(2, "0")).join("");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512">` +
    `<rect width="512" height="512" fill="${hex(BACKGROUND)}"/>` +
    `<polygon points="${points}" fill="${hex(SHAPE)}"/>` +
    `<circle cx="256" cy="256" r="${(BORE_RADIUS * 512).toFixed(1)}" fill="${hex(BACKGROUND)}"/></svg>`
  );
}

function insideNut(x: number, y: number): boolean {
  const dx = x - 0.5;
  const dy = y - 0.5;
  if (Math.hypot(dx, dy) < BORE_RADIUS) return false;
  const apothem = HEXAGON_RADIUS * Math.cos(Math.PI / 6);
  return [0, 1, 2].every((i) => {
    const angle = (Math.PI / 3) * i;
    return Math.abs(dx * Math.cos(angle) + dy * Math.sin(angle)) <= apothem;
  });
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, tail]);
}

/** Share of the pixel covered by the shape, 0 to 1 (supersampled). */
function coverage(px: number, py: number, size: number): number {
  let hits = 0;
  for (let i = 0; i < SAMPLES; i++)
    for (let j = 0; j < SAMPLES; j++)
      if (insideNut((px + (i + 0.5) / SAMPLES) / size, (py + (j + 0.5) / SAMPLES) / size)) hits++;
  return hits / (SAMPLES * SAMPLES);
}

/** An opaque RGB PNG of `size` × `size` pixels. */
export function iconPng(size: number): Buffer {
  const rows = Buffer.alloc(size * (1 + size * 3));
  let at = 0;
  for (let y = 0; y < size; y++) {
    rows[at++] = 0;
    for (let x = 0; x < size; x++) {
      const share = coverage(x, y, size);
      BACKGROUND.forEach((low, i) => {
        rows[at++] = Math.round(low + ((SHAPE[i] ?? low) - low) * share);
      });
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

export const PNG_SIZES = [180, 192, 512] as const;

/** Vite plugin: writes icons/ into the build and serves them in development. */
export function iconPlugin(): Plugin {
  const render = (name: string): string | Buffer | null => {
    if (name === "icon.svg") return iconSvg();
    const size = PNG_SIZES.find((s) => name === `icon-${s}.png`);
    return size === undefined ? null : iconPng(size);
  };
  return {
    name: "usinage-icons",
    generateBundle() {
      for (const name of ["icon.svg", ...PNG_SIZES.map((s) => `icon-${s}.png`)])
        this.emitFile({ type: "asset", fileName: `icons/${name}`, source: render(name) ?? "" });
    },
    configureServer(server) {
      server.middlewares.use("/icons", (request, response, next) => {
        const name = (request.url ?? "").slice(1);
        const content = render(name);
        if (content === null) return next();
        response.setHeader("Content-Type", name.endsWith("svg") ? "image/svg+xml" : "image/png");
        response.end(content);
      });
    },
  };
}
