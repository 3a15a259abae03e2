// A map that can't grow without end: entries expire after a fixed life and the oldest leave first
// when it is full. Invariant: never more than `entriesMax` entries; an expired one is never seen.

/** Lives and times are milliseconds of the monotonic clock. */
export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, { value: V; expiresAt: number }>();
  readonly #lifetimeMs: number;
  readonly #entriesMax: number;

  constructor(options: { lifetimeMs: number; entriesMax: number }) {
    this.#lifetimeMs = options.lifetimeMs;
    this.#entriesMax = options.entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: K, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > nowMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Sets or replaces; the entry's life starts again and it becomes the youngest. */
  set(key: K, value: V, nowMs: number): void {
    this.#entries.delete(key);
    this.#trim(nowMs);
    this.#entries.set(key, { value, expiresAt: nowMs + this.#lifetimeMs });
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  // One life for all, so insertion order is expiry order: the dead are always in front.
  #trim(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAt > nowMs && this.#entries.size < this.#entriesMax) return;
      this.#entries.delete(key);
    }
  }
}
