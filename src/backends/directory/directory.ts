// One directory as the core asks it: who is this, is that the password, which groups.
// Invariant: whatever goes wrong out there becomes DependencyDown by the deadline, or a refusal.

import { setTimeout as wait } from "node:timers/promises";

import type {
  BindResult,
  Directory,
  DirectoryLockout,
  Identity,
  LookupResult,
} from "../../core/ports.ts";
import { isWithin } from "../../wire/ldap/dn.ts";
import { BindExchange, refuseDisabled } from "./bind.ts";
import { createDialer } from "./dialer.ts";
import { listEverybody } from "./everybody.ts";
import { createMembership } from "./groups.ts";
import { createHealth } from "./health.ts";
import { createLearnt } from "./learnt.ts";
import { createLookup } from "./lookup.ts";
import { createFindMail } from "./mail.ts";
import { readOptions, type DirectoryOptions } from "./options.ts";
import { Pool } from "./pool.ts";
import { Relays } from "./relays.ts";
import { createServerCheck } from "./server-check.ts";
import { bindService } from "./service-bind.ts";
import { readName } from "./username.ts";
import { createWatch } from "./watch.ts";

export interface DirectoryBackend extends Directory {
  /** Connects ahead of the first login. A directory that isn't there is no error: see `status`. */
  start(): Promise<void>;
  /** Another one takes its place: it goes on for those who are under way, and tells nothing more. */
  retire(): void;
  /** What is under way fails; nothing is asked any more. */
  close(): void;
  status(): DirectoryStatus;
  load(): DirectoryLoad;
  /** What the directory said last, or the configuration while it says nothing. */
  lockout(): DirectoryLockout;
  /** The name says that it belongs here: by its domain, or as a DN below the base. */
  owns(username: string): boolean;
  /** The entry of that DN, whether or not people like it may log in. */
  findEntry(dn: string): Promise<LookupResult>;
  /** Everybody who could log in here, in pages; a consumer that stops early ends the search. */
  everybody(): AsyncIterable<readonly Identity[]>;
  /** Where somebody gets mail, as their entry says it; undefined: nowhere. */
  findMail(identity: Identity): Promise<string | undefined>;
  /** For the LDAP door: each of its clients has a connection of its own. */
  readonly relays: Pick<Relays, "prepare" | "acquire">;
}

export interface DirectoryStatus {
  readonly name: string;
  readonly state: "up" | "down";
  /** Why it is down; the connections otherwise, and the servers that don't answer. */
  readonly detail: string;
}

/** How busy it is, and which of its servers answer. */
export interface DirectoryLoad {
  readonly servers: readonly { readonly url: string; readonly isUp: boolean }[];
  readonly pools: Readonly<
    Record<"lookup" | "bind" | "relay", Pick<Pool, "connections" | "waiting">>
  >;
}

/** Two: one may be renewed while the other serves. Searches are pipelined on both. */
const LOOKUP_CONNECTIONS = 2;
/** OpenLDAP hangs up at 1,000 outstanding requests (conn_max_pending_auth). */
const LOOKUPS_PER_CONNECTION = 200;
/** RFC 4511 §4.2.1: a bind is alone on its connection. */
const BIND_CONNECTIONS_MAX = 32;
/** Two entries with a few attributes, or a long list of groups. */
const LOOKUP_BYTES_MAX = 4 * 1024 * 1024;
/** A result code and a text. */
const BIND_BYTES_MAX = 64 * 1024;

/** Throws for a filter or DN that can't be read or has no place for a name. */
export function createDirectory(options: DirectoryOptions): DirectoryBackend {
  let isRetired = false;
  const settings = readOptions(heardWhile(() => !isRetired, options));
  const health = createHealth(settings);
  const checkServer = createServerCheck(settings, health);
  const watch = createWatch(settings, health, checkServer);
  const dialer = createDialer(settings, health, checkServer);
  const lookups = new Pool({
    settings,
    health,
    dialer,
    connectionsMax: LOOKUP_CONNECTIONS,
    exchangesMax: LOOKUPS_PER_CONNECTION,
    messageBytesMax: LOOKUP_BYTES_MAX,
    prepare: async (connection) => {
      // The others must have their turn before a login's time is over.
      const deadlineAt = clock.monotonic() + settings.timeoutMs / settings.urls.length;
      await bindService(connection, settings, health, deadlineAt);
      health.admitted(connection.url);
      void learnt.from(connection.url);
    },
  });
  const binds = new Pool({
    settings,
    health,
    dialer,
    connectionsMax: BIND_CONNECTIONS_MAX,
    exchangesMax: 1,
    messageBytesMax: BIND_BYTES_MAX,
    prepare: undefined,
  });
  const { clock, dependency } = settings;
  const learnt = createLearnt(settings, lookups);
  const relays = new Relays(settings, health, dialer, checkServer);
  let checkTimer: NodeJS.Timeout | undefined;

  // So that the first login after a quiet hour, or after an outage, waits for nothing.
  async function connect(): Promise<void> {
    await Promise.all([lookups.open(LOOKUP_CONNECTIONS), binds.open(1)]);
  }

  const lookup = createLookup(settings, lookups, () => learnt.attributes);
  const memberOf = createMembership(settings, lookups);
  const findMail = createFindMail(settings, lookups);
  return {
    name: settings.name,
    relays,
    lockout: () => learnt.lockout,
    owns(username) {
      const name = readName(username, settings.domains);
      if (name?.kind === "dn") return isWithin(name.rdns, settings.baseRdns);
      return name?.domain !== undefined && settings.domains.has(name.domain);
    },
    find: (username) => watch.over(lookup.find(username)),
    findEntry: (dn) => watch.over(lookup.findEntry(dn)),
    findMail: (identity) => watch.over(findMail(identity)),
    async bind({ dn, isDisabled }, password) {
      const answered = new Promise<BindResult>((resolve, reject) => {
        const deadlineAt = clock.monotonic() + settings.timeoutMs;
        binds.run(new BindExchange({ dependency, dn, password, deadlineAt }, resolve, reject));
      });
      const result = await watch.over(answered);
      return isDisabled === true ? refuseDisabled(result) : result;
    },
    everybody: () => listEverybody({ settings, health, dialer, known: () => learnt.attributes }),
    memberOf: (identity, groupDns) => watch.over(memberOf(identity, groupDns)),
    async start() {
      checkTimer = setInterval(() => {
        watch.lookAtAll();
        void connect();
      }, settings.checkIntervalMs).unref();
      await Promise.race([connect(), wait(settings.timeoutMs, undefined, { ref: false })]);
    },
    retire() {
      isRetired = true;
    },
    close() {
      clearInterval(checkTimer);
      watch.stop();
      lookups.close();
      binds.close();
      relays.close();
    },
    status() {
      const connections = lookups.connections + binds.connections + relays.connections;
      const { problem } = health;
      if (problem !== undefined) return { name: settings.name, state: "down", detail: problem };
      const detail = [`${connections} connections`, health.failing()].filter(Boolean).join("; ");
      return { name: settings.name, state: "up", detail };
    },
    load: () => ({
      servers: settings.urls.map((url) => ({ url: url.url, isUp: health.isUp(url) })),
      pools: { lookup: lookups, bind: binds, relay: relays },
    }),
  };
}

/** The options, whose listeners are told as long as that holds. */
function heardWhile(isInUse: () => boolean, options: DirectoryOptions): DirectoryOptions {
  const whileInUse =
    <News extends unknown[]>(tell: (...news: News) => void) =>
    (...news: News): void => {
      if (isInUse()) tell(...news);
    };
  return {
    ...options,
    onDown: whileInUse(options.onDown),
    onRecovered: whileInUse(options.onRecovered),
    onServer: whileInUse(options.onServer),
    onUnusable: whileInUse(options.onUnusable),
  };
}
