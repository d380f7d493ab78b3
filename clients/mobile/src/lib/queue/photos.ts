/** Photos taken without a network: kept sealed on the device, sent once the fact they belong to is known. */
import type { ApiClient } from "../api/client";
import { ApiError, NetworkError, SignInNeeded } from "../api/errors";

const INDEX = "photos";
const MAX_SIDE_PX = 1600;

export interface PhotoStore {
  getValue(id: string): Promise<unknown>;
  setValue(id: string, value: unknown): Promise<void>;
  removeValue(id: string): Promise<void>;
}
interface Kept {
  owner: string;
  type: string;
  base64: string;
}
export type PhotoSender = (owner: string, uid: string, photo: Blob) => Promise<void>;

export class PhotoBox {
  readonly #store: PhotoStore;
  readonly #send: PhotoSender;
  #running: Promise<void> | null = null;

  constructor(store: PhotoStore, send: PhotoSender) {
    this.#store = store;
    this.#send = send;
  }

  /** Keeps the photo of a fact until it is sent. */
  async keep(owner: string, uid: string, photo: Blob): Promise<void> {
    const kept: Kept = { owner, type: photo.type, base64: await asBase64(photo) };
    await this.#store.setValue(place(uid), kept);
    await this.#store.setValue(INDEX, [...new Set([...(await this.waiting()), uid])]);
  }

  /** Uids of the facts whose photo is still here. */
  async waiting(): Promise<string[]> {
    return ((await this.#store.getValue(INDEX)) as string[] | null) ?? [];
  }

  /** Sends the photos of facts that no longer wait themselves. Never throws for network or server faults. */
  flush(pending: readonly string[]): Promise<void> {
    this.#running ??= this.#flush(pending).finally(() => (this.#running = null));
    return this.#running;
  }

  async #flush(pending: readonly string[]): Promise<void> {
    for (const uid of await this.waiting()) {
      if (pending.includes(uid)) continue;
      const kept = (await this.#store.getValue(place(uid))) as Kept | null;
      try {
        if (kept) await this.#send(kept.owner, uid, asBlob(kept));
      } catch (error) {
        if (error instanceof NetworkError) return;
        if (error instanceof SignInNeeded) continue;
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401 || error.status === 408 || error.status === 429 || error.status >= 500) continue;
      }
      await this.#store.removeValue(place(uid));
      await this.#store.setValue(INDEX, (await this.waiting()).filter((other) => other !== uid));
    }
  }
}

/** Photos of goods received: the receipt has the uid of the fact. */
export function receiptPhotos(store: PhotoStore, client: ApiClient): PhotoBox {
  return new PhotoBox(store, async (owner, uid, photo) => {
    const body = new FormData();
    body.append("file", photo, "photo.jpg");
    await client.request(owner, `/goods-receipts/${uid}/photo`, { method: "POST", body });
  });
}

function place(uid: string): string {
  return `photo:${uid}`;
}

async function asBase64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}

function asBlob(kept: Kept): Blob {
  const text = atob(kept.base64);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: kept.type });
}

/** A photo as JPEG of at most 1600 pixels, so that a day without network fits on the device; as it is when unreadable. */
export async function smaller(photo: Blob): Promise<Blob> {
  try {
    const picture = await createImageBitmap(photo);
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.82));
    return made ?? photo;
  } catch {
    return photo;
  }
}
