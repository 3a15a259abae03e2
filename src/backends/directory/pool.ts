// Connections of one kind to one directory, and the exchanges that wait for one.
// Invariants: every exchange ends at its deadline at the latest; a connection that owes an answer
// then is destroyed; what waits and what is open is bounded.

import { Connection, type ConnectionOwner, type Exchange } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import type { Health } from "./health.ts";
import type { Settings } from "./options.ts";

export interface PoolOptions {
  readonly settings: Settings;
  readonly health: Health;
  readonly dialer: Dialer;
  readonly connectionsMax: number;
  /** How many exchanges a connection carries at a time. */
  readonly exchangesMax: number;
  /** Longest message that is read. */
  readonly messageBytesMax: number;
  /** What has to succeed on a new connection before it is used; rejects with the cause. */
  readonly prepare: ((connection: Connection) => Promise<void>) | undefined;
}

/** More can't be answered in time anyway: better a quick "unavailable" than a late one. */
const QUEUED_MAX = 4_096;
/** How late a deadline may be noticed. */
const SWEEP_MS = 20;
/** Shorter than any directory's or firewall's patience with silent connections. */
const IDLE_MS = 60_000;
/** After a failure, how long the connections that are open have to do. */
const GROW_PAUSE_MS = 1_000;

export class Pool implements ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #connections: Connection[] = [];
  readonly #timer: NodeJS.Timeout;
  #queue: Exchange[] = [];
  #opening = 0;
  #growPausedUntil = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    // Not one timer per exchange: thousands a second are started and nearly none is ever late.
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  get connections(): number {
    return this.#connections.length;
  }

  /** The exchange ends by itself, failed at the latest at its deadline. */
  run(exchange: Exchange): void {
    const { health } = this.#options;
    if (this.#isClosed) return exchange.fail("closed");
    if (health.isBlocked()) return exchange.fail(health.problem ?? "left alone for a while");
    if (this.#queue.length >= QUEUED_MAX) return exchange.fail("too many are waiting");
    this.#queue.push(exchange);
    this.#dispatch();
  }

  /** Tries to have `count` connections ready; resolves when that is decided. */
  async open(count: number): Promise<void> {
    // One after the other: a wrong password for our own account is tried once, not `count` times.
    for (let tries = 0; tries < count && this.connections === tries; tries += 1) {
      await this.#openOne();
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#failQueue("closed");
    for (const connection of this.#connections.slice()) connection.end();
  }

  onFree(connection: Connection): void {
    this.#options.health.up();
    this.#serve(connection);
  }

  onClosed(connection: Connection, unanswered: readonly Exchange[], reason: string): void {
    const index = this.#connections.indexOf(connection);
    if (index !== -1) this.#connections.splice(index, 1);
    const nowMs = this.#options.settings.clock.monotonic();
    for (const exchange of unanswered) {
      const isInTime = !this.#isClosed && exchange.deadlineAt > nowMs;
      if (isInTime && exchange.mayRepeat()) this.#queue.unshift(exchange);
      else exchange.fail(reason);
    }
    this.#dispatch();
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const connection = this.#findFree();
      if (connection === undefined) return this.#grow();
      this.#serve(connection);
    }
  }

  #serve(connection: Connection): void {
    if (connection.outstanding >= this.#options.exchangesMax) return;
    const exchange = this.#queue.shift();
    if (exchange !== undefined) connection.send(exchange);
  }

  // The least busy; the first idle one, so that those at the end can go when they aren't needed.
  #findFree(): Connection | undefined {
    let best: Connection | undefined;
    let fewest = this.#options.exchangesMax;
    for (const connection of this.#connections) {
      if (!connection.isReady || connection.outstanding >= fewest) continue;
      if (connection.outstanding === 0) return connection;
      best = connection;
      fewest = connection.outstanding;
    }
    return best;
  }

  #grow(): void {
    const { settings, connectionsMax, exchangesMax } = this.#options;
    const isAlone = !this.#connections.some(({ isReady }) => isReady);
    if (!isAlone && this.#growPausedUntil > settings.clock.monotonic()) return;
    // As long as nobody knows whether the directory is there, one attempt is enough.
    const most = isAlone ? 1 : connectionsMax - this.connections;
    const wanted = Math.min(most, Math.ceil(this.#queue.length / exchangesMax));
    while (this.#opening < wanted) void this.#openOne();
  }

  async #openOne(): Promise<void> {
    const { settings, dialer, messageBytesMax, exchangesMax, prepare } = this.#options;
    this.#opening += 1;
    let connection: Connection | undefined;
    try {
      const limits = { messageBytesMax, isShared: exchangesMax > 1 };
      connection = new Connection(await dialer.dial(), limits, this);
      if (this.#isClosed) return connection.end();
      this.#connections.push(connection);
      await prepare?.(connection);
      connection.isReady = true;
      connection.lastDeadlineAt = settings.clock.monotonic();
    } catch (error) {
      this.#giveUp(connection, error instanceof Error ? error.message : String(error));
    } finally {
      this.#opening -= 1;
    }
    this.#dispatch();
  }

  #giveUp(connection: Connection | undefined, reason: string): void {
    const { settings, health } = this.#options;
    this.#growPausedUntil = settings.clock.monotonic() + GROW_PAUSE_MS;
    connection?.close(reason);
    if (this.#isClosed || this.#connections.some(({ isReady }) => isReady)) return;
    health.down(reason);
    this.#failQueue(reason);
  }

  #failQueue(reason: string): void {
    const waiting = this.#queue;
    this.#queue = [];
    for (const exchange of waiting) exchange.fail(reason);
  }

  #sweep(): void {
    const { settings, health, dialer } = this.#options;
    const nowMs = settings.clock.monotonic();
    this.#failLate(nowMs);
    for (const connection of this.#connections.slice()) {
      if (connection.isOverdue(nowMs)) {
        dialer.distrust(connection.url);
        health.down("no answer in time");
        connection.close("no answer in time");
      } else if (connection.outstanding === 0 && connection.lastDeadlineAt + IDLE_MS < nowMs) {
        connection.end();
      }
    }
  }

  #failLate(nowMs: number): void {
    const late = this.#queue.filter(({ deadlineAt }) => deadlineAt <= nowMs);
    if (late.length === 0) return;
    this.#queue = this.#queue.filter(({ deadlineAt }) => deadlineAt > nowMs);
    for (const exchange of late) exchange.fail("no connection became free in time");
  }
}
