import { describe, expect, it } from "vitest";

import { ApiClient, type TokenVault } from "../src/lib/api/client";
import { ApiError, NetworkError, SignInNeeded } from "../src/lib/api/errors";
import { createVerifier, verify } from "../src/lib/queue/crypto";
import { KeyboardReader } from "../src/lib/scan/keyboard";
import { LOCK_MS, MAX_ATTEMPTS, UnlockAttempts } from "../src/lib/state/unlock-attempts";

class Vault implements TokenVault {
  tokens = new Map([["7", "refresh-1"]]);
  revokedOwners: string[] = [];
  refreshToken(owner: string) {
    return Promise.resolve(this.tokens.get(owner) ?? null);
  }
  storeRefreshToken(owner: string, token: string) {
    this.tokens.set(owner, token);
    return Promise.resolve();
  }
  revoked(owner: string) {
    this.revokedOwners.push(owner);
    this.tokens.delete(owner);
    return Promise.resolve();
  }
}

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

/** A server that accepts the access token "access-N" it gave last. */
function server(routes: (path: string, token: string | null) => Response | Promise<Response>) {
  const calls: string[] = [];
  const fetcher = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const path = input as string;
    calls.push(path);
    const token = new Headers(init?.headers).get("Authorization");
    return routes(path, token);
  }) as typeof fetch;
  return { calls, fetcher };
}

describe("sessions", () => {
  it("renews once for calls made together and keeps the new renewal token", async () => {
    const vault = new Vault();
    const { calls, fetcher } = server((path) =>
      path.endsWith("/auth/refresh")
        ? json(200, { access_token: "a", refresh_token: "refresh-2", expires_in: 900 })
        : json(200, {}),
    );
    const client = new ApiClient("/api/v1", vault, fetcher);
    await Promise.all([client.request("7", "/x"), client.request("7", "/y")]);
    expect(calls.filter((path) => path.endsWith("refresh")).length).toBe(1);
    expect(vault.tokens.get("7")).toBe("refresh-2");
  });

  it("retries once with a fresh token after a 401", async () => {
    let given = 0;
    const { fetcher } = server((path, token) => {
      if (path.endsWith("/auth/refresh")) return json(200, { access_token: `a${++given}`, expires_in: 900 });
      return token === "Bearer a2" ? json(200, { ok: true }) : json(401, { code: "auth.expired" });
    });
    const client = new ApiClient("/api/v1", new Vault(), fetcher);
    expect(await client.request("7", "/x")).toEqual({ ok: true });
  });

  it("forgets a refused session and asks to sign in", async () => {
    const vault = new Vault();
    const { fetcher } = server(() => json(401, { code: "auth.revoked" }));
    const client = new ApiClient("/api/v1", vault, fetcher);
    await expect(client.request("7", "/x")).rejects.toBeInstanceOf(SignInNeeded);
    expect(vault.revokedOwners).toEqual(["7"]);
  });

  it("tells a dead network from a refusal, and forgets nothing then", async () => {
    const vault = new Vault();
    const dead = new ApiClient("/api/v1", vault, () => Promise.reject(new TypeError("failed")));
    await expect(dead.request("7", "/x")).rejects.toBeInstanceOf(NetworkError);
    const proxy = new ApiClient("/api/v1", vault, () => Promise.resolve(json(502, {})));
    await expect(proxy.request("7", "/x")).rejects.toBeInstanceOf(NetworkError);
    expect(vault.revokedOwners).toEqual([]);
  });

  it("gives code and words of a problem document", async () => {
    const { fetcher } = server((path) =>
      path.endsWith("refresh")
        ? json(200, { access_token: "a", expires_in: 900 })
        : json(409, { code: "conflict.stale", detail: "Déjà modifié" }),
    );
    const failure = await new ApiClient("/api/v1", new Vault(), fetcher).request("7", "/x").catch((e: unknown) => e);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ status: 409, code: "conflict.stale", detail: "Déjà modifié" });
  });
});

describe("unlocking", () => {
  it("accepts only the same password", async () => {
    const kept = await createVerifier("Atelier-2026");
    expect(await verify(kept, "Atelier-2026")).toBe(true);
    expect(await verify(kept, "atelier-2026")).toBe(false);
    expect(JSON.stringify(kept)).not.toContain("Atelier");
  });

  it("stops after five wrong tries, for 15 minutes", () => {
    const values = new Map<string, string>();
    const attempts = new UnlockAttempts({
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => void values.set(key, value),
      removeItem: (key) => void values.delete(key),
    });
    for (let i = 0; i < MAX_ATTEMPTS; i++) {
      expect(attempts.lockedForMs(1000)).toBe(0);
      attempts.failed(1000);
    }
    expect(attempts.lockedForMs(1000)).toBe(LOCK_MS);
    expect(attempts.lockedForMs(1000 + LOCK_MS)).toBe(0);
  });
});

describe("USB code reader", () => {
  const type = (text: string, gapMs: number, alone = false) => {
    const codes: string[] = [];
    const reader = new KeyboardReader((code) => codes.push(code));
    let at = 0;
    for (const key of text) reader.key(key, (at += gapMs), alone);
    reader.key("Enter", at + gapMs, alone);
    return codes;
  };

  it("recognises fast keystrokes ended by Enter, not a person typing", () => {
    expect(type("gu:q/abc", 8)).toEqual(["gu:q/abc"]);
    expect(type("gu:q/abc", 150)).toEqual([]);
    expect(type("abc", 8)).toEqual([]);
  });

  it("is patient where nothing else takes keys, so that a busy terminal does not cut a code in two", () => {
    expect(type("gu:q/abc", 150, true)).toEqual(["gu:q/abc"]);
    expect(type("gu:q/abc", 1_500, true)).toEqual([]);
  });
});
