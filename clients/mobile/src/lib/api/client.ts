/** Calls to the coordinator: bearer token per person, one renewal at a time, typed errors. */
import { ApiError, NetworkError, SignInNeeded } from "./errors";
import type { LoginAnswer, RefreshAnswer } from "./types";

/** Where the renewal tokens live; the access tokens stay in memory only. */
export interface TokenVault {
  refreshToken(owner: string): Promise<string | null>;
  storeRefreshToken(owner: string, token: string): Promise<void>;
  /** The server refused the renewal: forget the token and what it protected. */
  revoked(owner: string): Promise<void>;
}

interface AccessToken {
  value: string;
  expiresAt: number;
}

export interface RequestOptions {
  method?: "GET" | "POST" | "PATCH";
  body?: unknown;
  timeoutMs?: number;
  /** The answer is a file: it is given as an address (`data:`) an image can show. */
  file?: boolean;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const RENEW_AHEAD_MS = 30_000;

export class ApiClient {
  readonly #base: string;
  readonly #vault: TokenVault;
  readonly #fetch: typeof fetch;
  readonly #access = new Map<string, AccessToken>();
  readonly #renewals = new Map<string, Promise<string>>();

  constructor(base: string, vault: TokenVault, fetcher: typeof fetch = (input, init) => fetch(input, init)) {
    this.#base = base;
    this.#vault = vault;
    this.#fetch = fetcher;
  }

  /** Signs in; `totp` is the six-digit second factor when the server asks for it. */
  async login(email: string, password: string, totp?: string): Promise<LoginAnswer> {
    return this.#open("/auth/login", totp ? { email, password, totp } : { email, password });
  }

  /** Signs in at a station by badge and PIN. */
  async loginByBadge(badge: string, pin: string): Promise<LoginAnswer> {
    return this.#open("/auth/badge", { badge, pin });
  }

  async #open(path: string, body: unknown): Promise<LoginAnswer> {
    const answer = (await this.#send(path, { method: "POST", body }, null)) as LoginAnswer;
    const owner = String(answer.user.id);
    this.#remember(owner, answer.access_token, answer.expires_in);
    await this.#vault.storeRefreshToken(owner, answer.refresh_token);
    return answer;
  }

  /** Closes the session on the server when it can be reached, and forgets its access token. */
  async logout(owner: string): Promise<void> {
    try {
      const refresh_token = await this.#vault.refreshToken(owner);
      if (refresh_token !== null) await this.request(owner, "/auth/logout", { method: "POST", body: { refresh_token } });
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof NetworkError || error instanceof SignInNeeded)) throw error;
    } finally {
      this.#access.delete(owner);
    }
  }

  /**
   * One authenticated call.
   * @throws SignInNeeded when no session of this person can be renewed
   * @throws ApiError when the server refuses, NetworkError when it does not answer
   */
  async request(owner: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const token = await this.accessToken(owner);
    try {
      return await this.#send(path, options, token);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      this.#access.delete(owner);
      return this.#send(path, options, await this.accessToken(owner));
    }
  }

  /** A token that is still valid for a moment, renewed if necessary. */
  async accessToken(owner: string): Promise<string> {
    const kept = this.#access.get(owner);
    if (kept && kept.expiresAt > Date.now() + RENEW_AHEAD_MS) return kept.value;
    let renewal = this.#renewals.get(owner);
    if (!renewal) {
      renewal = this.#renew(owner).finally(() => this.#renewals.delete(owner));
      this.#renewals.set(owner, renewal);
    }
    return renewal;
  }

  async #renew(owner: string): Promise<string> {
    const refresh_token = await this.#vault.refreshToken(owner);
    if (refresh_token === null) throw new SignInNeeded();
    try {
      const answer = (await this.#send(
        "/auth/refresh",
        { method: "POST", body: { refresh_token } },
        null,
      )) as RefreshAnswer;
      if (answer.refresh_token) await this.#vault.storeRefreshToken(owner, answer.refresh_token);
      this.#remember(owner, answer.access_token, answer.expires_in);
      return answer.access_token;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error;
      await this.#vault.revoked(owner);
      throw new SignInNeeded();
    }
  }

  #remember(owner: string, value: string, expiresInS: number): void {
    // a very short life is used for half of its time instead of being renewed at every call
    const usableMs = Math.max(expiresInS * 1000, 2 * RENEW_AHEAD_MS);
    this.#access.set(owner, { value, expiresAt: Date.now() + usableMs });
  }

  async #send(path: string, options: RequestOptions, token: string | null): Promise<unknown> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    const init: RequestInit = {
      method: options.method ?? "GET",
      headers,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    };
    if (options.body instanceof FormData) {
      init.body = options.body;
    } else if (options.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(options.body);
    }
    let response: Response;
    try {
      response = await this.#fetch(this.#base + path, init);
    } catch (error) {
      throw new NetworkError(error);
    }
    // a reverse proxy in front of a stopped coordinator answers in its place
    if ([502, 503, 504].includes(response.status)) throw new NetworkError(response.status);
    if (!response.ok) throw await ApiError.fromResponse(response);
    if (response.status === 204) return null;
    try {
      if (options.file) return await asAddress(await response.blob());
      return (await response.json()) as unknown;
    } catch (error) {
      throw new NetworkError(error);
    }
  }
}

/** Content as a `data:` address; nothing of it outlives the page. */
function asAddress(content: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(content);
  });
}
