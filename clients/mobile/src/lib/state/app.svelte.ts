/** The state of the application: who is signed in, his operations, what waits to be sent. */
import { ApiClient, type RequestOptions } from "../api/client";
import { ApiError, NetworkError, SignInNeeded } from "../api/errors";
import { readOperation } from "../api/read-operation";
import type {
  Breakage, CodeAnswer, EventResult, FoundItem, LoginAnswer, MachineRow, Me,
  Operation, PlaceMap, StockThing, User,
} from "../api/types";
import type { EventDraft } from "../events";
import { applyEvent, applyWaiting, byUrgency, fromServer, type LocalOperation } from "../operations";
import { createVerifier, verify } from "../queue/crypto";
import { DeviceDatabase } from "../queue/database";
import { type PhotoBox, receiptPhotos, smaller } from "../queue/photos";
import { EventQueue, type FlushReport } from "../queue/queue";
import type { Issue, PendingEvent } from "../queue/store";
import { isExpected, readStationRules, readStopReasons, type StopReason } from "./from-coordinator";
import type { LabelProposal } from "./label";
import { LiveLink } from "./live";
import { prefs } from "./prefs.svelte";
import { operationsPlace, SessionStore, type Account } from "./sessions";
import { UnlockAttempts } from "./unlock-attempts";

export type Phase = "starting" | "unusable" | "signed_out" | "locked" | "ready";
export type Link = "online" | "offline" | "sign_in" | "server";
/** What became of a declaration by the time the person is told. */
export type DeclarationOutcome = { uid: string } & (
  | { result: EventResult["result"]; message: string | null }
  | { result: "waiting" }
);

interface KeptOperations {
  /** ISO 8601 UTC. */
  fetched_at: string;
  items: Operation[];
}

const API = "/api/v1";
const ANSWER_PATIENCE_MS = 2_500;
const ACTIVITY_PLACE = "usinage.activity";
export const PHONE_IDLE_MS = 10 * 60_000;
export const STATION_IDLE_MS = 2 * 60_000;
const STALE_MS = 24 * 3_600_000;

class AppState {
  phase = $state<Phase>("starting");
  user = $state<User | null>(null);
  mayReadMachines = $state(false);
  mayTakeAlerts = $state(false);
  /** Decides about what the cameras saw. */
  mayReview = $state(false);
  mustChangePassword = $state(false);
  link = $state<Link>("online");
  stopReasons = $state<StopReason[]>([]);
  /** ISO time of the list on screen; null before the first one. */
  fetchedAt = $state<string | null>(null);
  #base = $state<LocalOperation[]>([]);
  #pending = $state<PendingEvent[]>([]);
  issues = $state<Issue[]>([]);

  operations = $derived(
    applyWaiting(
      this.#base,
      this.#pending.map((item) => item.event),
    ).sort(byUrgency),
  );
  /** All that waits on this device, of every person. */
  waiting = $derived(this.#pending);

  #db: DeviceDatabase | null = null;
  #sessions: SessionStore | null = null;
  #client: ApiClient | null = null;
  #queue: EventQueue | null = null;
  #photos: PhotoBox | null = null;
  #live: LiveLink | null = null;
  #revision = 0;
  /** Called with the kind of every record that changed on the coordinator. */
  readonly hearers = new Set<(entity: string) => void>();

  get isStation(): boolean {
    return prefs.station !== null;
  }

  get isStale(): boolean {
    return this.fetchedAt !== null && Date.now() - Date.parse(this.fetchedAt) > STALE_MS;
  }

  get #owner(): string {
    if (this.user === null) throw new SignInNeeded();
    return String(this.user.id);
  }

  get #parts() {
    if (!this.#db || !this.#sessions || !this.#client || !this.#queue || !this.#photos) throw new Error("not started");
    return { db: this.#db, sessions: this.#sessions, client: this.#client, queue: this.#queue, photos: this.#photos };
  }

  /** Opens the device database and finds who was here. */
  async start(): Promise<void> {
    try {
      this.#db = await DeviceDatabase.open();
    } catch {
      this.phase = "unusable";
      return;
    }
    const sessions = new SessionStore(this.#db);
    const client = new ApiClient(API, sessions);
    this.#sessions = sessions;
    this.#client = client;
    this.#queue = new EventQueue(
      this.#db,
      async (owner, events) => {
        const answer = await client.request(owner, "/shop-events", { method: "POST", body: { events } });
        return (answer as { results: EventResult[] }).results;
      },
      { onAnswered: (answered) => this.#answered(answered) },
    );
    this.#photos = receiptPhotos(this.#db, client);
    const socketUrl = `${location.protocol.replace("http", "ws")}//${location.host}${API}/live`;
    this.#live = new LiveLink(
      socketUrl,
      async () => client.accessToken(this.#owner),
      (entities) => {
        for (const entity of entities) for (const hear of this.hearers) hear(entity);
        const mine = (entity: string) => entity === "*" || entity.includes("operation") || entity.includes("work_order");
        if ([...entities].some(mine)) void this.refresh();
      },
    );
    sessions.onRevoked = (owner) => {
      if (this.user && String(this.user.id) === owner) this.link = "sign_in";
    };
    await this.#loadQueue();
    await this.#restore(sessions);
  }

  async #restore(sessions: SessionStore): Promise<void> {
    const { active, accounts } = await sessions.read();
    const account = active === null ? undefined : accounts[active];
    if (!account?.refresh_token || this.isStation) {
      if (active !== null) await sessions.change((kept) => (kept.active = null));
      this.phase = "signed_out";
      void this.sync();
      return;
    }
    this.#enter(account);
    const owner = String(account.user.id);
    await this.#loadOperations(owner);
    if (this.idleForMs() > PHONE_IDLE_MS) this.phase = "locked";
    else void this.refresh();
    void this.#loadKept(owner);
    void this.#loadRights(owner);
  }

  #enter(account: Account): void {
    this.user = account.user;
    this.mayReadMachines = account.may_read_machines;
    this.mayTakeAlerts = false;
    this.mayReview = account.may_review === true;
    this.phase = "ready";
    this.touch();
    if (account.user.language === "en" || account.user.language === "fr") prefs.set({ language: account.user.language });
    this.#live?.open();
  }

  /** Whether this person is still the one at the device: answers may come after he left or another took his place. */
  #isHere(owner: string): boolean {
    return this.user !== null && String(this.user.id) === owner;
  }

  async #loadOperations(owner: string): Promise<void> {
    const kept = (await this.#parts.db.getValue(operationsPlace(owner))) as KeptOperations | null;
    if (!this.#isHere(owner)) return;
    this.#base = kept ? kept.items.map((item) => fromServer(item, kept.fetched_at)) : [];
    this.fetchedAt = kept?.fetched_at ?? null;
  }

  async #loadQueue(): Promise<void> {
    this.#pending = await this.#parts.db.pending();
    this.issues = await this.#parts.db.issues();
  }

  /** @throws ApiError `auth.totp_required`, `auth.invalid_credentials`, `auth.locked`; NetworkError */
  async signIn(email: string, password: string, totp?: string): Promise<void> {
    await this.#begin(await this.#parts.client.login(email, password, totp), password);
  }

  /** At a station. @throws ApiError `auth.invalid_credentials`, `auth.password_needed`, `auth.locked`; NetworkError */
  async signInByBadge(badge: string, pin: string): Promise<void> {
    await this.#begin(await this.#parts.client.loginByBadge(badge, pin), null);
  }

  async #begin(answer: LoginAnswer, password: string | null): Promise<void> {
    const { sessions } = this.#parts;
    const other = this.user;
    const owner = String(answer.user.id);
    const account: Account = {
      user: answer.user,
      refresh_token: answer.refresh_token,
      verifier: this.isStation || password === null ? null : await createVerifier(password),
      may_read_machines: false,
      closing: false,
      last_used_at: new Date().toISOString(),
    };
    await sessions.change((kept) => {
      kept.accounts[owner] = account;
      kept.active = owner;
    });
    if (other && String(other.id) !== owner) this.#base = [];
    this.mustChangePassword = answer.must_change_password;
    this.link = "online";
    this.#enter(account);
    await this.#loadOperations(owner);
    await this.refresh();
    void this.#loadRights(owner);
    void this.#loadKept(owner);
  }

  /** What the device keeps of the coordinator besides the work itself. */
  async #loadKept(owner: string): Promise<void> {
    const { client, db } = this.#parts;
    this.stopReasons = await readStopReasons(client, db, owner);
    await readStationRules(client, owner);
  }

  async #loadRights(owner: string): Promise<void> {
    try {
      const me = (await this.#parts.client.request(owner, "/auth/me")) as Me;
      if (!this.#isHere(owner)) return;
      this.mayReadMachines = me.rights["machines"]?.["read"] !== undefined;
      this.mayTakeAlerts = me.rights["machines"]?.["update"] !== undefined;
      this.mayReview = me.rights["vision"]?.["validate"] !== undefined;
      this.mustChangePassword = me.restrictions?.includes("password_change") ?? this.mustChangePassword;
      await this.#parts.sessions.update(owner, {
        may_read_machines: this.mayReadMachines,
        may_review: this.mayReview,
      });
    } catch (error) {
      if (!isExpected(error)) throw error;
    }
  }

  /** Replaces a temporary password. @throws ApiError with the rule that the new one breaks, NetworkError */
  async changePassword(current: string, wanted: string): Promise<void> {
    const owner = this.#owner;
    const body = { current_password: current, new_password: wanted };
    await this.#parts.client.request(owner, "/auth/password", { method: "POST", body });
    if (!this.isStation) await this.#parts.sessions.update(owner, { verifier: await createVerifier(wanted) });
    this.mustChangePassword = false;
    void this.refresh();
    void this.#loadRights(owner);
  }

  lock(): void {
    if (this.phase === "ready") this.phase = "locked";
  }

  /** Unlocks with the password of the person signed in, also without network. */
  async unlock(password: string): Promise<"ok" | "wrong" | "wait" | "sign_in"> {
    const { sessions } = this.#parts;
    const account = await sessions.account(this.#owner);
    if (!account?.verifier || !account.refresh_token) return "sign_in";
    const attempts = new UnlockAttempts(localStorage);
    if (attempts.lockedForMs(Date.now()) > 0) return "wait";
    if (!(await verify(account.verifier, password))) {
      attempts.failed(Date.now());
      return "wrong";
    }
    attempts.clear();
    this.touch();
    this.phase = "ready";
    void this.refresh();
    return "ok";
  }

  /** Leaves; what still waits is sent with this person's session, which ends afterwards. */
  async signOut(): Promise<void> {
    const { sessions, db } = this.#parts;
    const owner = this.#owner;
    this.#live?.close();
    this.user = null;
    this.mustChangePassword = false;
    this.#base = [];
    this.fetchedAt = null;
    this.phase = "signed_out";
    await sessions.change((kept) => (kept.active = null));
    await sessions.update(owner, { closing: true, verifier: null });
    await db.removeValue(operationsPlace(owner));
    void this.sync();
  }

  /** People who used this station, the last first. */
  async knownPeople(): Promise<User[]> {
    const { accounts } = await this.#parts.sessions.read();
    return Object.values(accounts)
      .sort((a, b) => b.last_used_at.localeCompare(a.last_used_at))
      .map((account) => account.user);
  }

  touch(): void {
    localStorage.setItem(ACTIVITY_PLACE, String(Date.now()));
  }

  idleForMs(): number {
    return Date.now() - Number(localStorage.getItem(ACTIVITY_PLACE) ?? 0);
  }

  /**
   * Records declarations on the device, then waits a moment for the coordinator's word.
   * The first of them is the one the person is told about.
   */
  async declare(drafts: EventDraft[], photo: Blob | null = null): Promise<DeclarationOutcome> {
    const { queue, photos } = this.#parts;
    const owner = this.#owner;
    const [main] = await queue.append(owner, drafts);
    if (main && photo) await photos.keep(owner, main.uid, await smaller(photo));
    await this.#loadQueue();
    const answers: EventResult[] = [];
    const sending = this.sync(answers).then(async () => {
      // the run that was under way may have ended just before these were written
      const left = this.#pending.some((item) => item.event.uid === main?.uid);
      if (left && this.link === "online") await this.sync(answers);
    });
    await Promise.race([sending, new Promise((resolve) => setTimeout(resolve, ANSWER_PATIENCE_MS))]);
    const mine = answers.find((answer) => answer.uid === main?.uid);
    const uid = main?.uid ?? "";
    return mine ? { uid, result: mine.result, message: mine.message } : { uid, result: "waiting" };
  }

  /** Sends what waits, then renews the list if anything was answered. */
  async sync(answers: EventResult[] = []): Promise<void> {
    const { queue } = this.#parts;
    const report = await queue.flush();
    answers.push(...report.answered.map((item) => item.result));
    if (report.blocked === "network") this.link = "offline";
    else if (report.blocked === "server") this.link = "server";
    else if (report.answered.length > 0) this.link = "online";
    if (report.blocked !== "network") await this.#parts.photos.flush(this.#pending.map((item) => item.event.uid));
    await this.#closeFinishedSessions();
    if (report.answered.length > 0 && this.user && this.phase === "ready") void this.#readOperations();
  }

  /** Sends what waits and reads the list again. */
  async refresh(): Promise<void> {
    await this.sync();
    if (this.user !== null && this.phase === "ready") await this.#readOperations();
  }

  async #readOperations(): Promise<void> {
    const owner = this.#owner;
    const revision = this.#revision;
    try {
      const answer = (await this.#parts.client.request(owner, "/me/operations")) as { items: Operation[] };
      if (!this.#isHere(owner)) return;
      // a declaration was accepted while the list travelled: it may lack it, so read it once more
      if (revision !== this.#revision) {
        await this.#readOperations();
        return;
      }
      const fetchedAt = new Date().toISOString();
      const items = answer.items.map(readOperation);
      this.#base = items.map((item) => fromServer(item, fetchedAt));
      this.fetchedAt = fetchedAt;
      this.link = "online";
      await this.#parts.db.setValue(operationsPlace(owner), { fetched_at: fetchedAt, items });
    } catch (error) {
      if (error instanceof NetworkError) this.link = "offline";
      else if (error instanceof SignInNeeded) this.link = "sign_in";
      // somebody without work orders, a storekeeper: nothing to list is no fault of the server
      else if (error instanceof ApiError) this.link = error.status === 403 ? "online" : "server";
      else throw error;
    }
  }

  /** Accepted events enter the list at once, so that nothing jumps back before it is read again. */
  async #answered(answered: FlushReport["answered"]): Promise<void> {
    this.#revision++;
    for (const { pending, result } of answered)
      if (result.result !== "refused") this.#base = this.#base.map((op) => applyEvent(op, pending.event));
    await this.#loadQueue();
  }

  async #closeFinishedSessions(): Promise<void> {
    const { sessions, client } = this.#parts;
    const { accounts, active } = await sessions.read();
    for (const [owner, account] of Object.entries(accounts)) {
      const waits = this.#pending.some((item) => item.owner === owner);
      if (!account.closing || account.refresh_token === null || waits || owner === active) continue;
      await client.logout(owner);
      await sessions.update(owner, { refresh_token: null });
    }
  }

  /** @throws ApiError, NetworkError, SignInNeeded */
  async lookUp(code: string): Promise<CodeAnswer> {
    return (await this.#parts.client.request(this.#owner, `/codes/${encodeURIComponent(code)}`)) as CodeAnswer;
  }

  /** Takes an operation found by scan into the list, so that it can be declared on like the others. */
  adopt(operation: Operation): void {
    if (this.#base.some((known) => known.uid === operation.uid)) return;
    this.#base = [...this.#base, fromServer(operation, new Date().toISOString())];
  }

  /** What a supplier's label says and which order lines it may belong to. @throws ApiError, NetworkError, SignInNeeded */
  async readLabel(contents: string[]): Promise<LabelProposal> {
    const options = { method: "POST" as const, body: { contents } };
    return (await this.#parts.client.request(this.#owner, "/goods-receipts/read-label", options)) as LabelProposal;
  }

  /** Books goods of one order line. @throws ApiError, NetworkError, SignInNeeded */
  async receiveGoods(orderId: number, body: Record<string, unknown>): Promise<void> {
    await this.#parts.client.request(this.#owner, `/purchase-orders/${orderId}/receive`, { method: "POST", body });
  }

  /** A call in the name of the person signed in. @throws ApiError, NetworkError, SignInNeeded */
  async call(path: string, options: RequestOptions = {}): Promise<unknown> {
    return this.#parts.client.request(this.#owner, path, options);
  }

  async machines(): Promise<MachineRow[]> {
    const answer = await this.#parts.client.request(this.#owner, "/machine-live");
    return (answer as { items: MachineRow[] }).items;
  }

  /** Takes an alert in hand, with its cause where somebody knows it. @throws ApiError, NetworkError, SignInNeeded */
  async takeAlert(id: number, cause: string): Promise<void> {
    await this.#parts.client.request(this.#owner, `/machine-events/${id}/acknowledge`, {
      method: "POST",
      body: cause === "" ? {} : { cause },
    });
  }

  /** What a scanned thing is, for an operation if one is named. @throws ApiError, NetworkError, SignInNeeded */
  async stockThing(code: string, operationCode: string): Promise<StockThing> {
    const query = new URLSearchParams({ code, ...(operationCode ? { operation_code: operationCode } : {}) });
    return (await this.#parts.client.request(this.#owner, `/stock/scan?${query}`)) as StockThing;
  }

  /** Items of a name with their places. @throws ApiError, NetworkError, SignInNeeded */
  async locate(words: string): Promise<FoundItem[]> {
    const query = new URLSearchParams({ q: words });
    const answer = await this.#parts.client.request(this.#owner, `/stock/locate?${query}`);
    return (answer as { items: FoundItem[] }).items;
  }

  /** Where a place is. @throws ApiError, NetworkError, SignInNeeded */
  async placeMap(code: string): Promise<PlaceMap> {
    const query = new URLSearchParams({ code });
    return (await this.#parts.client.request(this.#owner, `/stock/place-map?${query}`)) as PlaceMap;
  }

  /** A declared breakage with its solutions. @throws ApiError, NetworkError, SignInNeeded */
  async breakage(uid: string): Promise<Breakage> {
    return (await this.#parts.client.request(this.#owner, `/stock/breakages/${uid}`)) as Breakage;
  }

  /** Sends a photo of the broken tool. @throws ApiError, NetworkError, SignInNeeded */
  async sendBreakagePhoto(uid: string, photo: File): Promise<void> {
    const body = new FormData();
    body.append("file", photo);
    const options = { method: "POST" as const, body, timeoutMs: 60_000 };
    await this.#parts.client.request(this.#owner, `/stock/breakages/${uid}/photo`, options);
  }

  /** Takes a solution, or sends the case to methods. @throws ApiError, NetworkError, SignInNeeded */
  async settleBreakage(
    id: number,
    choice: { option_id: number; comment?: string } | { comment: string },
  ): Promise<{ outcome: string; message: string }> {
    const path = "option_id" in choice ? "accept" : "escalate";
    const answer = await this.#parts.client.request(this.#owner, `/tool-incidents/${id}/${path}`, {
      method: "POST",
      body: choice,
    });
    return (answer as { result: { outcome: string; message: string } }).result;
  }

  async dismiss(uid: string): Promise<void> {
    await this.#parts.db.dismiss(uid);
    await this.#loadQueue();
  }

  findOperation(uid: string): LocalOperation | null {
    return this.operations.find((operation) => operation.uid === uid) ?? null;
  }

  /** The coming-back of the network, the window or the clock: try again. */
  wake(): void {
    if (this.phase === "ready") void this.refresh();
    else if (this.#queue !== null && this.#pending.length > 0) void this.sync();
  }
}

export const app = new AppState();
