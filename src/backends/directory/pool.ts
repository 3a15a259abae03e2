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

export interface Pool {
  run(exchange: Exchange): void;
  /** Tries to have `count` connections ready; resolves when that is decided. */
  open(count: number): Promise<void>;
  readonly connections: number;
  close(): void;
}

/** More can't be answered in time anyway: better a quick "unavailable" than a late one. */
const QUEUED_MAX = 4_096;
/** How late a deadline may be noticed. */
const SWEEP_MS = 20;
/** Shorter than any directory's or firewall's patience with silent connections. */
const IDLE_MS = 60_000;
/** After a failure, how long the connections that are open have to do. */
const GROW_PAUSE_MS = 1_000;

export function createPool(options: PoolOptions): Pool {
  const { settings, health, dialer } = options;
  const { clock } = settings;
  const connections: Connection[] = [];
  let queue: Exchange[] = [];
  let opening = 0;
  let growPausedUntil = 0;
  let isClosed = false;

  const owner: ConnectionOwner = {
    onFree(connection) {
      health.up();
      serve(connection);
    },
    onClosed(connection, unanswered, reason) {
      const index = connections.indexOf(connection);
      if (index !== -1) connections.splice(index, 1);
      const nowMs = clock.monotonic();
      for (const exchange of unanswered) {
        const isRepeatable = !isClosed && exchange.deadlineAt > nowMs && exchange.mayRepeat();
        if (isRepeatable) queue.unshift(exchange);
        else exchange.fail(reason);
      }
      if (queue.length > 0) dispatch();
    },
  };
  // Not one timer per exchange: thousands a second are started and nearly none is ever late.
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();

  function run(exchange: Exchange): void {
    if (isClosed) return exchange.fail("closed");
    if (health.isBlocked()) return exchange.fail(health.problem ?? "left alone for a while");
    if (queue.length >= QUEUED_MAX) return exchange.fail("too many are waiting");
    queue.push(exchange);
    dispatch();
  }

  function dispatch(): void {
    while (queue.length > 0) {
      const connection = findFree();
      if (connection === undefined) return grow();
      serve(connection);
    }
  }

  function serve(connection: Connection): void {
    if (connection.outstanding >= options.exchangesMax) return;
    const exchange = queue.shift();
    if (exchange !== undefined) connection.send(exchange);
  }

  // The least busy; the first idle one, so that those at the end can go when they aren't needed.
  function findFree(): Connection | undefined {
    let best: Connection | undefined;
    let fewest = options.exchangesMax;
    for (const connection of connections) {
      if (!connection.isReady || connection.outstanding >= fewest) continue;
      if (connection.outstanding === 0) return connection;
      best = connection;
      fewest = connection.outstanding;
    }
    return best;
  }

  function grow(): void {
    const isAlone = !connections.some(({ isReady }) => isReady);
    if (!isAlone && growPausedUntil > clock.monotonic()) return;
    // As long as nobody knows whether the directory is there, one attempt is enough.
    const most = isAlone ? 1 : options.connectionsMax - connections.length;
    const wanted = Math.min(most, Math.ceil(queue.length / options.exchangesMax));
    while (opening < wanted) void openOne();
  }

  async function openOne(): Promise<void> {
    opening += 1;
    let connection: Connection | undefined;
    try {
      const { url, socket } = await dialer.dial();
      connection = new Connection(url, socket, options.messageBytesMax, owner);
      if (isClosed) return connection.end();
      connections.push(connection);
      await options.prepare?.(connection);
      connection.isReady = true;
      connection.lastDeadlineAt = clock.monotonic();
    } catch (error) {
      giveUp(connection, error instanceof Error ? error.message : String(error));
    } finally {
      opening -= 1;
    }
    dispatch();
  }

  function giveUp(connection: Connection | undefined, reason: string): void {
    growPausedUntil = clock.monotonic() + GROW_PAUSE_MS;
    connection?.close(reason);
    if (isClosed) return;
    if (connections.some(({ isReady }) => isReady)) return;
    health.down(reason);
    const waiting = queue;
    queue = [];
    for (const exchange of waiting) exchange.fail(reason);
  }

  function sweep(): void {
    const nowMs = clock.monotonic();
    const late = queue.filter(({ deadlineAt }) => deadlineAt <= nowMs);
    if (late.length > 0) {
      queue = queue.filter(({ deadlineAt }) => deadlineAt > nowMs);
      for (const exchange of late) exchange.fail("no connection became free in time");
    }
    for (const connection of connections.slice()) {
      if (connection.isOverdue(nowMs)) {
        dialer.distrust(connection.url);
        health.down("no answer in time");
        connection.close("no answer in time");
      } else if (connection.outstanding === 0 && connection.lastDeadlineAt + IDLE_MS < nowMs) {
        connection.end();
      }
    }
  }

  return {
    run,
    async open(count) {
      // One after the other: a wrong password for our own account is tried once, not `count` times.
      for (let tries = 0; tries < count && connections.length === tries; tries += 1)
        await openOne();
    },
    get connections() {
      return connections.length;
    },
    close() {
      isClosed = true;
      clearInterval(timer);
      const waiting = queue;
      queue = [];
      for (const exchange of waiting) exchange.fail("closed");
      for (const connection of connections.slice()) connection.end();
    },
  };
}
