/** The people known on this device and their renewal tokens, sealed in the device database. */
import type { TokenVault } from "../api/client";
import type { User } from "../api/types";
import type { DeviceDatabase } from "../queue/database";
import type { Verifier } from "../queue/crypto";

export interface Account {
  user: User;
  refresh_token: string | null;
  /** Lets the same person unlock the device without network. */
  verifier: Verifier | null;
  may_read_machines: boolean;
  may_review?: boolean;
  /** True when the person left while declarations were waiting: the session ends once they are sent. */
  closing: boolean;
  /** ISO 8601 UTC. */
  last_used_at: string;
}

interface Sessions {
  active: string | null;
  accounts: Record<string, Account>;
}

const PLACE = "sessions";

export class SessionStore implements TokenVault {
  readonly #db: DeviceDatabase;
  /** Called after the server refused a person's renewal. */
  onRevoked: (owner: string) => void = () => undefined;

  constructor(db: DeviceDatabase) {
    this.#db = db;
  }

  async read(): Promise<Sessions> {
    return ((await this.#db.getValue(PLACE)) as Sessions | null) ?? { active: null, accounts: {} };
  }

  async account(owner: string): Promise<Account | null> {
    return (await this.read()).accounts[owner] ?? null;
  }

  /** Changes the stored value; windows of the same device take turns. */
  async change(edit: (sessions: Sessions) => void): Promise<void> {
    const write = async () => {
      const sessions = await this.read();
      edit(sessions);
      await this.#db.setValue(PLACE, sessions);
    };
    await (typeof navigator !== "undefined" && "locks" in navigator
      ? navigator.locks.request("usinage-sessions", write)
      : write());
  }

  async update(owner: string, fields: Partial<Account>): Promise<void> {
    await this.change((sessions) => {
      const account = sessions.accounts[owner];
      if (account) Object.assign(account, fields);
    });
  }

  async refreshToken(owner: string): Promise<string | null> {
    return (await this.account(owner))?.refresh_token ?? null;
  }

  async storeRefreshToken(owner: string, token: string): Promise<void> {
    await this.update(owner, { refresh_token: token });
  }

  /** Forgets the token, the unlocking means and the kept lists; waiting declarations stay. */
  async revoked(owner: string): Promise<void> {
    await this.update(owner, { refresh_token: null, verifier: null });
    await this.#db.removeValue(operationsPlace(owner));
    this.onRevoked(owner);
  }
}

export function operationsPlace(owner: string): string {
  return `operations:${owner}`;
}
