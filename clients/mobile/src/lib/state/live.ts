/** Live push of the coordinator: tells that something changed, the list is then read again. */

const RETRY_MS = 30_000;
/** A finished operation is a dozen messages: they are told as one, each kind once. */
const GATHER_MS = 600;

export class LiveLink {
  readonly #url: string;
  readonly #token: () => Promise<string>;
  readonly #onChange: (entities: ReadonlySet<string>) => void;
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;
  #changed = new Set<string>();
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, token: () => Promise<string>, onChange: (entities: ReadonlySet<string>) => void) {
    this.#url = url;
    this.#token = token;
    this.#onChange = onChange;
  }

  open(): void {
    this.#wanted = true;
    if (this.#socket === null) void this.#connect();
  }

  close(): void {
    this.#wanted = false;
    clearTimeout(this.#retry);
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#changed.clear();
    this.#socket?.close();
    this.#socket = null;
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#retry);
    const token = await this.#token().catch(() => null);
    if (!this.#wanted || this.#socket !== null) return;
    if (token === null) {
      this.#later();
      return;
    }
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ token }));
    socket.onmessage = (message) => {
      try {
        const change = JSON.parse(String(message.data)) as { entity?: unknown };
        if (typeof change.entity === "string") this.#gather(change.entity);
      } catch {
        // a message this version does not know is no reason to drop the line
      }
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#later();
    };
  }

  #gather(entity: string): void {
    this.#changed.add(entity);
    this.#telling ??= setTimeout(() => {
      const entities = this.#changed;
      this.#changed = new Set();
      this.#telling = undefined;
      this.#onChange(entities);
    }, GATHER_MS);
  }

  #later(): void {
    if (!this.#wanted) return;
    // Not all at once: after a cut every phone of the shop comes back.
    this.#retry = setTimeout(() => void this.#connect(), RETRY_MS * (0.5 + Math.random() / 2));
  }
}
