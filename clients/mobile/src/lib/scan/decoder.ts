/** Reads codes from camera pictures: the browser's own detector where there is one, else zxing in WebAssembly. */
import readerWasm from "zxing-wasm/reader/zxing_reader.wasm?url";

export interface ReadCode {
  text: string;
  symbology: string;
}

export type Decoder = (picture: HTMLVideoElement) => Promise<ReadCode | null>;

interface NativeDetector {
  detect(source: CanvasImageSource): Promise<{ rawValue: string; format: string }[]>;
}
interface NativeDetectorClass {
  new (options: { formats: string[] }): NativeDetector;
  getSupportedFormats(): Promise<string[]>;
}

const WANTED = ["qr_code", "data_matrix", "code_128", "ean_13", "code_39"];
const MAX_SIDE_PX = 1280;

async function nativeDecoder(): Promise<Decoder | null> {
  const Detector = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector;
  if (!Detector) return null;
  const supported = await Detector.getSupportedFormats().catch((): string[] => []);
  if (!supported.includes("qr_code") || !supported.includes("data_matrix")) return null;
  const detector = new Detector({ formats: WANTED.filter((format) => supported.includes(format)) });
  return async (video) => {
    const [found] = await detector.detect(video);
    return found ? { text: found.rawValue, symbology: found.format } : null;
  };
}

async function wasmDecoder(): Promise<Decoder> {
  const { prepareZXingModule, readBarcodes } = await import("zxing-wasm/reader");
  // the library would otherwise load its binary from a public server
  await prepareZXingModule({ overrides: { locateFile: () => readerWasm }, fireImmediately: true });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no 2d canvas");
  return async (video) => {
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (canvas.width === 0) return null;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = context.getImageData(0, 0, canvas.width, canvas.height);
    const [found] = await readBarcodes(picture, {
      formats: ["QRCode", "DataMatrix", "Code128", "EAN13", "Code39"],
      tryHarder: true,
      maxNumberOfSymbols: 1,
      // separators of labels as they are
      textMode: "Plain",
    });
    return found && found.text !== "" ? { text: found.text, symbology: found.format } : null;
  };
}

let ready: Promise<Decoder> | null = null;

/** The decoder of this device, prepared once. */
export function decoder(): Promise<Decoder> {
  ready ??= nativeDecoder()
    .then((native) => native ?? wasmDecoder())
    .catch((error: unknown) => {
      ready = null;
      throw error;
    });
  return ready;
}
