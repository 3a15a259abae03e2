// Connections of one kind to one directory, and the exchanges that wait for one.
// Invariants: every exchange ends at its deadline at the latest; a connection that owes an answer
// then is destroyed; what waits and what is open is bounded.

import { randomInt } from "../../lib/random.ts";
import { Connection, type ConnectionOwner, type Exchange } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import type { Health } from "./health.ts";
import type { DirectoryUrl, Settings } from "./options.ts";

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
/** Before Active Directory ends them (MaxConnIdleTime, 900 s), or a firewall does. */
const RENEW_MS = 600_000;
/** Not all at once. */
const RENEW_SPREAD_MS = 120_000;

export class Pool implements ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #connections: Connection[] = [];
  readonly #timer: NodeJS.Timeout;
  #queue: Exchange[] = [];
  #opening = 0;
  #growPausedUntil = 0;
  /** Connections in a row that didn't come about. */
  #failures = 0;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    // Not one timer per exchange: thousands a second are started and nearly none is ever late.
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
    options.health.watch(this);
  }

  get connections(): number {
    return this.#connections.length;
  }

  /** Exchanges that wait for a connection. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** The exchange ends by itself, failed at the latest at its deadline. */
  run(exchange: Exchange): void {
    const { health } = this.#options;
    if (this.#isClosed) return exchange.fail("closed");
    if (this.#isLeftAlone()) return exchange.fail(health.problem ?? "left alone for a while");
    if (this.#queue.length >= QUEUED_MAX) return exchange.fail("too many are waiting");
    this.#queue.push(exchange);
    this.#dispatch();
  }

  /** Tries to have `count` connections ready; resolves when that is decided. */
  async open(count: number): Promise<void> {
    // One after the other: a wrong password for our own account is tried once, not `count` times.
    const { health } = this.#options;
    for (let opened = this.connections; opened < count; opened += 1) {
      if (health.isLeftAlone() || this.#opening > 0 || !(await this.#openOne())) return;
    }
  }

  isConnectedTo(url: DirectoryUrl): boolean {
    return this.#connections.some((connection) => connection.url === url && connection.isReady);
  }

  drop(url: DirectoryUrl, isBusyToo: boolean): void {
    const dropped = this.#connections.filter(
      (connection) => connection.url === url && (isBusyToo || connection.outstanding === 0),
    );
    // What one of them owes must not be put to the next of them.
    for (const connection of dropped) connection.isReady = false;
    for (const connection of dropped) connection.close("no answer in time");
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#failQueue("closed");
    for (const connection of this.#connections.slice()) connection.end();
  }

  onFree(connection: Connection): void {
    this.#options.health.answered(connection.url);
    this.#serve(connection);
  }

  onClosed(connection: Connection, unanswered: readonly Exchange[], reason: string): void {
    const index = this.#connections.indexOf(connection);
    if (index !== -1) this.#connections.splice(index, 1);
    const nowMs = this.#options.settings.clock.monotonic();
    for (const exchange of unanswered) {
      if (this.#isClosed || exchange.deadlineAt <= nowMs || !exchange.isRepeatable) {
        exchange.fail(reason);
      } else {
        exchange.repeat();
        this.#queue.unshift(exchange);
      }
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
    if (exchange === undefined) return;
    connection.send(exchange, this.#options.settings.clock.monotonic());
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
    const { settings, health, connectionsMax, exchangesMax } = this.#options;
    if (health.isLeftAlone()) return;
    const isAlone = !this.#hasReady();
    if (!isAlone && this.#growPausedUntil > settings.clock.monotonic()) return;
    // As long as nobody knows whether the directory is there, one attempt is enough.
    const most = isAlone ? 1 : connectionsMax - this.connections;
    const wanted = Math.min(most, Math.ceil(this.#queue.length / exchangesMax));
    while (this.#opening < wanted) void this.#openOne();
  }

  /** Resolves to whether it succeeded. */
  async #openOne(): Promise<boolean> {
    const { settings, dialer, messageBytesMax, exchangesMax, prepare } = this.#options;
    this.#opening += 1;
    let connection: Connection | undefined;
    try {
      const dialled = await dialer();
      const renewAt = settings.clock.monotonic() + RENEW_MS + randomInt(RENEW_SPREAD_MS);
      const limits = { messageBytesMax, isShared: exchangesMax > 1, renewAt };
      connection = new Connection(dialled, limits, this);
      if (this.#isClosed) {
        connection.end();
        return false;
      }
      this.#connections.push(connection);
      await prepare?.(connection);
      connection.isReady = true;
      this.#failures = 0;
      connection.lastDeadlineAt = settings.clock.monotonic();
    } catch (error) {
      this.#giveUp(connection, error instanceof Error ? error.message : String(error));
    } finally {
      this.#opening -= 1;
    }
    this.#dispatch();
    return connection?.isReady === true;
  }

  #giveUp(connection: Connection | undefined, reason: string): void {
    const { settings, health } = this.#options;
    this.#growPausedUntil = settings.clock.monotonic() + GROW_PAUSE_MS;
    connection?.close(reason);
    if (connection !== undefined) health.unreachable(connection.url, reason);
    this.#failures += 1;
    // What waits is for another server, as long as there is one that wasn't tried.
    const isHopeless = health.problem !== undefined || this.#failures >= settings.urls.length;
    if (isHopeless && !this.#hasReady()) this.#failQueue(reason);
  }

  #failQueue(reason: string): void {
    const waiting = this.#queue;
    this.#queue = [];
    for (const exchange of waiting) exchange.fail(reason);
  }

  #sweep(): void {
    const { settings, health } = this.#options;
    const nowMs = settings.clock.monotonic();
    this.#failLate(nowMs);
    for (const connection of this.#connections.slice()) {
      // Half the time here leaves half for another server, if one answers.
      const patienceMs = settings.timeoutMs / (health.hasOther(connection.url) ? 2 : 1);
      const since = connection.overdueSince(nowMs, patienceMs);
      if (since !== undefined) {
        if (!this.#answersAfter(connection.url, since)) health.hangs(connection.url);
        connection.close("no answer in time");
      } else if (connection.outstanding === 0 && connection.lastDeadlineAt + IDLE_MS < nowMs) {
        connection.end();
      } else if (connection.renewAt <= nowMs) {
        this.#renew(connection);
      }
    }
  }

  // What was asked later was answered: it is the question that takes long, not the server. Otherwise
  // one person whose groups take too long to find could have the server taken from everybody.
  #answersAfter(url: DirectoryUrl, sentAt: number): boolean {
    return this.#connections.some((other) => other.url === url && other.answeredSentAt > sentAt);
  }

  // The next one is there before the old one goes, and what the old one owes is waited for.
  #renew(connection: Connection): void {
    if (!connection.isReady || this.#hasReady(connection)) {
      connection.isReady = false;
      if (connection.outstanding === 0) connection.end();
    } else if (this.#opening === 0 && !this.#options.health.isLeftAlone()) {
      void this.#openOne();
    }
  }

  #hasReady(besides?: Connection): boolean {
    return this.#connections.some((other) => other.isReady && other !== besides);
  }

  // Those that are open serve on; new ones would be one more wrong password.
  #isLeftAlone(): boolean {
    return this.#options.health.isLeftAlone() && !this.#hasReady();
  }

  #failLate(nowMs: number): void {
    const late = this.#queue.filter(({ deadlineAt }) => deadlineAt <= nowMs);
    if (late.length === 0) return;
    this.#queue = this.#queue.filter(({ deadlineAt }) => deadlineAt > nowMs);
    for (const exchange of late) exchange.fail("no connection became free in time");
  }
}
