// Connections for the clients of the LDAP door, opened ahead of them, to whichever of the directory's
// servers answers. Invariants: a connection is one client's at a time; whoever waits for one has it,
// or an error, by the directory's deadline; none grows older than the directory's own limits.

import { DependencyDown } from "../../core/ports.ts";
import { randomInt } from "../../lib/random.ts";
import { TurnEnd } from "../../lib/turn-end.ts";
import type { Dialer } from "./dialer.ts";
import type { Health } from "./health.ts";
import type { DirectoryUrl, Settings } from "./options.ts";
import { RelayConnection, type RelayOwner, type RelayUser } from "./relay-connection.ts";
import type { ServerCheck } from "./server-check.ts";
import { createSilence, type Silence } from "./silence.ts";

interface Waiting {
  readonly user: RelayUser;
  readonly deadlineAt: number;
  readonly resolve: (connection: RelayConnection) => void;
  readonly reject: (error: Error) => void;
}

/** Ready for the next clients, so that none waits for TCP and TLS. */
const SPARE_MIN = 4;
/** Kept after a rush; more are closed instead of reset. */
const SPARE_MAX = 128;
/** At a time: more is no faster, and TLS costs both sides. */
const OPENING_MAX = 16;
/** More can't be answered in time anyway: better a quick "unavailable" than a late one. */
const WAITING_MAX = 4_096;
/** How late a deadline may be noticed. */
const SWEEP_MS = 50;
/** Before Active Directory ends them (MaxConnIdleTime, 900 s), or a firewall does. */
const RENEW_MS = 600_000;
/** Not all at once. */
const RENEW_SPREAD_MS = 120_000;
/** Spares beyond the minimum go after this long without use. */
const IDLE_MS = 60_000;
/** After a failure no connection is opened ahead for so long. */
const FAILURE_PAUSE_MS = 1_000;

export class Relays implements RelayOwner {
  readonly dependency: string;
  readonly turnEnd = new TurnEnd();
  readonly #settings: Settings;
  readonly #health: Health;
  readonly #dialer: Dialer;
  readonly #all = new Set<RelayConnection>();
  /** The last one was used last. */
  readonly #spare: RelayConnection[] = [];
  readonly #silence: Silence;
  readonly #timer: NodeJS.Timeout;
  /** When the latest bind that a server answered would have been due, monotonic ms. */
  readonly #answeredDueAt = new Map<DirectoryUrl, number>();
  #waiting: Waiting[] = [];
  #opening = 0;
  #aheadAt = 0;
  /** Nobody has asked yet: nothing is opened ahead for a door that isn't there. */
  #isWanted = false;
  #isClosed = false;

  constructor(settings: Settings, health: Health, dialer: Dialer, checkServer: ServerCheck) {
    this.dependency = settings.dependency;
    this.#settings = settings;
    this.#health = health;
    this.#dialer = dialer;
    this.#silence = createSilence(settings, health, checkServer, this.#all);
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
    health.watch(this);
  }

  get connections(): number {
    return this.#all.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Opens some ahead of the first client, and keeps doing so. */
  prepare(): void {
    this.#isWanted = true;
    this.#openAhead();
  }

  /** Anonymous, and the user's until it is released. Rejects with DependencyDown. */
  acquire(user: RelayUser): Promise<RelayConnection> {
    if (this.#isClosed) return Promise.reject(this.#down("closed"));
    const spare = this.#spare.pop();
    if (spare !== undefined) {
      spare.assign(user);
      this.#openAhead();
      return Promise.resolve(spare);
    }
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(this.#down("too many are waiting"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ user, deadlineAt: this.dueAt(), resolve, reject });
      this.#open();
    });
  }

  /** What is in use stays its users'. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#down("closed"));
    for (const connection of this.#spare.slice()) connection.destroy();
  }

  isConnectedTo(url: DirectoryUrl): boolean {
    return this.#spare.some((connection) => connection.url === url);
  }

  drop(url: DirectoryUrl, isBusyToo: boolean): void {
    for (const connection of this.#all) {
      if (connection.url !== url || (connection.isUsed && !isBusyToo)) continue;
      connection.fail("the directory's server doesn't answer any more");
    }
  }

  dueAt(): number {
    return this.#settings.clock.monotonic() + this.#settings.timeoutMs;
  }

  onAnswered({ url }: RelayConnection, dueAt: number): void {
    this.#health.answered(url);
    this.#answeredDueAt.set(url, Math.max(dueAt, this.#answeredDueAt.get(url) ?? 0));
  }

  onFree(connection: RelayConnection): void {
    const nowMs = this.#settings.clock.monotonic();
    if (this.#isClosed || this.#spare.length >= SPARE_MAX || connection.renewAt <= nowMs) {
      connection.destroy();
    } else {
      this.#give(connection);
    }
  }

  onClosed(connection: RelayConnection): void {
    this.#all.delete(connection);
    const index = this.#spare.indexOf(connection);
    if (index !== -1) this.#spare.splice(index, 1);
    if (this.#isClosed && this.#all.size === 0) clearInterval(this.#timer);
  }

  #give(connection: RelayConnection): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      connection.idleSince = this.#settings.clock.monotonic();
      this.#spare.push(connection);
    } else {
      connection.assign(waiting.user);
      waiting.resolve(connection);
    }
  }

  #open(): void {
    while (this.#opening < Math.min(this.#waiting.length, OPENING_MAX)) void this.#openOne();
  }

  #openAhead(): void {
    if (!this.#isWanted || this.#isClosed) return;
    if (this.#aheadAt > this.#settings.clock.monotonic() || this.#health.isLeftAlone()) return;
    // As long as nobody knows whether the directory is there, one attempt is enough.
    const most = this.#all.size === 0 ? 1 : SPARE_MIN - this.#spare.length;
    while (this.#opening < Math.min(most, OPENING_MAX)) void this.#openOne();
  }

  async #openOne(): Promise<void> {
    this.#opening += 1;
    try {
      const dialled = await this.#dialer();
      const renewAt = this.#settings.clock.monotonic() + RENEW_MS + randomInt(RENEW_SPREAD_MS);
      const connection = new RelayConnection(dialled, renewAt, this);
      this.#all.add(connection);
      this.#opening -= 1;
      if (this.#isClosed) connection.destroy();
      else this.#give(connection);
    } catch (error) {
      this.#opening -= 1;
      this.#aheadAt = this.#settings.clock.monotonic() + FAILURE_PAUSE_MS;
      const reason = error instanceof Error ? error.message : String(error);
      this.#waiting.shift()?.reject(this.#down(reason));
    }
    this.#open();
  }

  #sweep(): void {
    const nowMs = this.#settings.clock.monotonic();
    while ((this.#waiting[0]?.deadlineAt ?? Infinity) <= nowMs) {
      this.#waiting.shift()?.reject(this.#down("no connection became free in time"));
    }
    for (const connection of this.#all) {
      const { url, answerDueAt } = connection;
      if (answerDueAt > nowMs) continue;
      // Where a later bind was answered it is this one that takes long, and not the server.
      if ((this.#answeredDueAt.get(url) ?? 0) <= answerDueAt) this.#health.hangs(url);
      connection.fail("no answer in time");
    }
    this.#silence.sweep(nowMs);
    this.#tidy(nowMs);
    this.#openAhead();
  }

  // The least used one stands in front; one at a time is often enough.
  #tidy(nowMs: number): void {
    const old =
      this.#spare.find(({ renewAt }) => renewAt <= nowMs) ??
      (this.#spare.length > SPARE_MIN ? this.#spare[0] : undefined);
    if (old === undefined) return;
    if (old.renewAt <= nowMs || old.idleSince + IDLE_MS <= nowMs) old.destroy();
  }

  #down(reason: string): DependencyDown {
    return new DependencyDown(this.dependency, reason);
  }
}
