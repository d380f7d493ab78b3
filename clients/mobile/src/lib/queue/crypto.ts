/** AES-GCM sealing of what stays on the device. The key cannot leave the browser's key store. */

export interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

export async function createKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/**
 * Encrypts a JSON value.
 * @param place where the value is stored; it is authenticated, so that a record cannot be moved to another place
 */
export async function seal(key: CryptoKey, place: string, value: unknown): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) },
    key,
    new TextEncoder().encode(JSON.stringify(value)),
  );
  return { iv, data };
}

/** @throws DOMException when the key or the place differs, or the data was changed */
export async function unseal(key: CryptoKey, place: string, sealed: Sealed): Promise<unknown> {
  const plain = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: sealed.iv, additionalData: new TextEncoder().encode(place) },
    key,
    sealed.data,
  );
  return JSON.parse(new TextDecoder().decode(plain)) as unknown;
}

const VERIFIER_ROUNDS = 600_000;

export interface Verifier {
  salt: string;
  hash: string;
}

const toHex = (bytes: Uint8Array) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const fromHex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

async function derive(password: string, salt: Uint8Array<ArrayBuffer>): Promise<string> {
  const material = await crypto.subtle.importKey("raw", new TextEncoder().encode(password), "PBKDF2", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: VERIFIER_ROUNDS },
    material,
    256,
  );
  return toHex(new Uint8Array(bits));
}

/** What is kept to unlock without network: PBKDF2-HMAC-SHA256, 600 000 rounds (OWASP 2023). */
export async function createVerifier(password: string): Promise<Verifier> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  return { salt: toHex(salt), hash: await derive(password, salt) };
}

export async function verify(verifier: Verifier, password: string): Promise<boolean> {
  const hash = await derive(password, fromHex(verifier.salt));
  let difference = hash.length ^ verifier.hash.length;
  for (let i = 0; i < hash.length; i++) difference |= hash.charCodeAt(i) ^ verifier.hash.charCodeAt(i);
  return difference === 0;
}
