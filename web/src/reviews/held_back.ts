/** What a decision is held back in: for some seconds it can be taken back, then it is sent. Knows nothing of the page. */

/** Browsers let at most 64 KiB of bodies outlive their page (Fetch standard, `keepalive`); some is left for headers. */
export const MOST_BYTES = 60_000;

export interface HeldItem<T> {
  id: number;
  item: T;
  bytes: number;
}

export interface Ways<T> {
  /** Sends one. `outlives`: its request may go on when the page is gone. */
  send: (item: T, outlives: boolean) => Promise<void>;
  /** It could not be sent: it stands as before. */
  failed: (item: T, error: unknown) => void;
  changed: () => void;
  bytesOf: (item: T) => number;
  delayMs: number;
}

/**
 * Items are sent one after the other in the order in which they came, each after `delayMs`. What is too large to be sent while
 * the page closes is not held back, and what came before is sent sooner where all together would be too large.
 */
export class HeldBack<T> {
  #held: HeldItem<T>[] = [];
  #queue: HeldItem<T>[] = [];
  #sending: HeldItem<T>[] = [];
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();
  readonly #ways: Ways<T>;
  #next = 1;
  #draining = false;

  constructor(ways: Ways<T>) {
    this.#ways = ways;
  }

  /** What can still be taken back, the oldest first. */
  get held(): readonly HeldItem<T>[] {
    return this.#held;
  }

  /** All that is under way: held back, in the queue or being sent. */
  get going(): readonly T[] {
    return [...this.#sending, ...this.#queue, ...this.#held].map((each) => each.item);
  }

  /** Holds one back. Gives its number, or null when it was sent at once. */
  hold(item: T): number | null {
    const one: HeldItem<T> = { id: this.#next++, item, bytes: this.#ways.bytesOf(item) };
    if (one.bytes + this.#bytes() > MOST_BYTES) this.#release(this.#held.length);
    this.#held = [...this.#held, one];
    if (one.bytes > MOST_BYTES) {
      this.#release(1);
      return null;
    }
    const due = () => this.#release(this.#held.findIndex((each) => each.id === one.id) + 1);
    this.#timers.set(one.id, setTimeout(due, this.#ways.delayMs));
    this.#ways.changed();
    return one.id;
  }

  /** Takes one back (the latest, if none is named); null when it is too late. */
  undo(id?: number): T | null {
    const one = id === undefined ? this.#held.at(-1) : this.#held.find((each) => each.id === id);
    if (!one) return null;
    this.#forget(one.id);
    this.#held = this.#held.filter((each) => each !== one);
    this.#ways.changed();
    return one.item;
  }

  /** Sends all that is held, now. `closing`: the page goes, so nothing waits for what was sent before it. */
  flush(closing = false): void {
    this.#release(this.#held.length);
    if (!closing) return;
    const rest = this.#queue;
    this.#queue = [];
    for (const one of rest) void this.#send(one);
  }

  #bytes(): number {
    return [...this.#sending, ...this.#queue, ...this.#held].reduce((sum, each) => sum + each.bytes, 0);
  }

  #forget(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** Moves the oldest of what is held to the queue. */
  #release(amount: number): void {
    if (amount === 0) return;
    const moved = this.#held.slice(0, amount);
    for (const one of moved) this.#forget(one.id);
    this.#held = this.#held.slice(amount);
    this.#queue = [...this.#queue, ...moved];
    this.#ways.changed();
    void this.#drain();
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    for (let one = this.#queue.shift(); one; one = this.#queue.shift()) await this.#send(one);
    this.#draining = false;
  }

  async #send(one: HeldItem<T>): Promise<void> {
    const inFlight = this.#sending.reduce((sum, each) => sum + each.bytes, 0);
    this.#sending = [...this.#sending, one];
    try {
      await this.#ways.send(one.item, inFlight + one.bytes <= MOST_BYTES);
    } catch (error) {
      this.#ways.failed(one.item, error);
    } finally {
      this.#sending = this.#sending.filter((each) => each !== one);
      this.#ways.changed();
    }
  }
}
