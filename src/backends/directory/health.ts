// Which of a directory's servers serve us, and which must be left alone for a while.
// Invariants: each outage is reported once and each end of one once, however many logins notice it;
// a server that failed is the last choice until it has answered several checks in a row, unless no
// other one answers; wrong passwords for our own account are few, however many servers there are.

import type { DirectoryUrl, Settings } from "./options.ts";

export interface Health {
  /** Undefined while a server answers and takes our own account. */
  readonly problem: string | undefined;
  /** The servers that don't serve us, with the cause of each; "" if all do. */
  failing(): string;
  /** Nothing bad is known of it. */
  isUp(url: DirectoryUrl): boolean;
  /** Those that may be asked: those that answer first, each group in the order of preference. */
  candidates(): readonly DirectoryUrl[];
  /** Another server than this one answers. */
  hasOther(url: DirectoryUrl): boolean;
  /** It answered a question of ours. */
  answered(url: DirectoryUrl): void;
  /** It can't be connected to. */
  unreachable(url: DirectoryUrl, reason: string): void;
  /** It took a question and didn't answer in time. */
  hangs(url: DirectoryUrl): void;
  /** What a health check found; undefined: no problem. */
  checked(url: DirectoryUrl, problem: string | undefined): void;
  /** It hangs up when our own account comes, or says nothing that makes sense. */
  broken(url: DirectoryUrl, reason: string): void;
  /** It refuses our own account, or to serve it: it is left alone for a while. */
  refused(url: DirectoryUrl, reason: string, kind: RefusalKind): void;
  /** It takes our own account. */
  admitted(url: DirectoryUrl): void;
  /** Nothing is asked of this server now; without one: of any. */
  isLeftAlone(url?: DirectoryUrl): boolean;
  /** A pool is asked about its connections and told when to give some up. */
  watch(pool: ServerUser): void;
}

type RefusalKind = "wrong-password" | "other";

/** What connects to servers. */
interface ServerUser {
  isConnectedTo(url: DirectoryUrl): boolean;
  /** Those that wait for no answer; all of them if `isBusyToo`. */
  drop(url: DirectoryUrl, isBusyToo: boolean): void;
}

interface Server {
  readonly url: DirectoryUrl;
  /** Undefined: it is used. */
  problem: string | undefined;
  checksFailed: number;
  checksPassed: number;
  /** Checks it has to pass before it is used again. */
  checksNeeded: number;
  /** Monotonic ms. */
  upSince: number;
  /** Refusals in a row; 0: it takes us, as far as we know. */
  refusals: number;
  /** It took our own account, and hasn't refused it since. */
  isProven: boolean;
  /** Monotonic ms. */
  leftAloneUntil: number;
}

/** A single lost packet is no outage. */
const CHECKS_FAILED_MAX = 2;
/** Twice as many after each failure, so that a server that comes and goes is soon out of the game. */
const CHECKS_NEEDED_MIN = 3;
const CHECKS_NEEDED_MAX = 48;
const STABLE_MS = 600_000;

/**
 * How long nothing is asked of a server that refused us. Each wrong password counts there: at most
 * five in the half hour after which Active Directory forgets them. Other refusals don't count, and
 * end without us.
 */
const LEFT_ALONE = {
  "wrong-password": { firstMs: 30_000, factor: 4, mostMs: 600_000 },
  other: { firstMs: 5_000, factor: 2, mostMs: 60_000 },
} as const;

type HealthSettings = Pick<Settings, "urls" | "clock" | "onDown" | "onRecovered" | "onServer">;

export function createHealth(settings: HealthSettings): Health {
  const { urls, clock } = settings;
  const servers = new Map<DirectoryUrl, Server>(urls.map((url) => [url, createServer(url)]));
  const pools: ServerUser[] = [];
  /** In a row, by servers of which none is known to take our own account. */
  let wrongPasswords = 0;
  let isReportedDown = false;

  const all = (): Server[] => [...servers.values()];
  const upWithout = (url: DirectoryUrl | undefined): boolean =>
    all().some((server) => server.url !== url && server.problem === undefined);

  function get(url: DirectoryUrl): Server {
    const server = servers.get(url);
    if (server === undefined) throw new Error(`${url.url} is no server of this directory`);
    return server;
  }

  const isUp = (url: DirectoryUrl): boolean => get(url).problem === undefined;
  const isLeftAlone = ({ leftAloneUntil }: Server): boolean => leftAloneUntil > clock.monotonic();

  function problem(): string | undefined {
    return upWithout(undefined) ? undefined : failing();
  }

  function failing(): string {
    return all()
      .flatMap(({ url, problem: cause }) => (cause === undefined ? [] : [`${url.url}: ${cause}`]))
      .join("; ");
  }

  function report(): void {
    const cause = problem();
    if (cause !== undefined && !isReportedDown) {
      isReportedDown = true;
      settings.onDown(cause);
    } else if (cause === undefined && isReportedDown) {
      isReportedDown = false;
      settings.onRecovered();
    }
  }

  function fall(server: Server, reason: string): void {
    server.checksPassed = 0;
    if (server.problem === undefined) {
      const wasStable = clock.monotonic() - server.upSince >= STABLE_MS;
      const needed = wasStable ? CHECKS_NEEDED_MIN : server.checksNeeded * 2;
      server.checksNeeded = Math.min(needed, CHECKS_NEEDED_MAX);
      settings.onServer(server.url, reason);
    }
    server.problem = reason;
    report();
  }

  function rise(server: Server): void {
    server.problem = undefined;
    server.upSince = clock.monotonic();
    settings.onServer(server.url, undefined);
    report();
  }

  function checkedServer(server: Server, found: string | undefined): void {
    const { url } = server;
    server.checksFailed = found === undefined ? 0 : server.checksFailed + 1;
    server.checksPassed = found === undefined ? server.checksPassed + 1 : 0;
    if (server.problem === undefined) {
      if (found === undefined || server.checksFailed < CHECKS_FAILED_MAX) return;
      fall(server, found);
      // Its connections may hang as well: whoever can goes to another server now.
      for (const pool of pools) pool.drop(url, upWithout(url));
    } else if (found === undefined) {
      if (server.checksPassed >= server.checksNeeded || !upWithout(url)) rise(server);
    }
  }

  function turnAway(server: Server, reason: string): void {
    fall(server, reason);
    // Connections from before serve on, unless another server can.
    const { url } = server;
    if (upWithout(url)) for (const pool of pools) pool.drop(url, false);
  }

  // A second wrong password in a row is hardly one server's mistake, and wherever it is typed the
  // directory may count it for all of them. A server that took the right one isn't concerned.
  function leaveAlone(server: Server, kind: RefusalKind): void {
    const { firstMs, factor, mostMs } = LEFT_ALONE[kind];
    let times = server.refusals;
    let alone = [server];
    if (kind === "wrong-password" && !all().some((one) => one.isProven && isUp(one.url))) {
      wrongPasswords += 1;
      times = Math.max(times, wrongPasswords);
      if (wrongPasswords > 1) alone = all().filter((one) => one === server || !one.isProven);
    }
    const until = clock.monotonic() + Math.min(firstMs * factor ** (times - 1), mostMs);
    for (const one of alone) one.leftAloneUntil = Math.max(one.leftAloneUntil, until);
  }

  return {
    get problem() {
      return problem();
    },
    failing,
    isUp,
    candidates() {
      const open = all().filter((server) => !isLeftAlone(server));
      const doubtful = open.filter(({ url }) => !isUp(url));
      return [
        ...open.filter(({ url }) => isUp(url)),
        // The one that refused us least often: all have their turn.
        ...doubtful.toSorted((one, other) => one.refusals - other.refusals),
      ].map(({ url }) => url);
    },
    hasOther: upWithout,
    answered(url) {
      const server = get(url);
      server.checksFailed = 0;
      // What it answers to others is no answer to us.
      if (server.refusals > 0) return;
      if (server.problem !== undefined && !upWithout(url)) rise(server);
    },
    unreachable(url, reason) {
      // One that takes no more connections than it has is no outage.
      if (pools.some((pool) => pool.isConnectedTo(url))) return;
      fall(get(url), reason);
    },
    hangs(url) {
      fall(get(url), "no answer in time");
      // Where there is no other server, those that wait might as well go on waiting.
      for (const pool of pools) pool.drop(url, upWithout(url));
    },
    checked: (url, found) => checkedServer(get(url), found),
    broken: (url, reason) => turnAway(get(url), reason),
    refused(url, reason, kind) {
      const server = get(url);
      // Two attempts that were under way at once are one.
      if (isLeftAlone(server)) return;
      server.refusals += 1;
      server.isProven = false;
      leaveAlone(server, kind);
      turnAway(server, reason);
    },
    admitted(url) {
      const server = get(url);
      Object.assign(server, { refusals: 0, isProven: true, leftAloneUntil: 0 });
      wrongPasswords = 0;
      if (server.problem !== undefined && !upWithout(url)) rise(server);
    },
    isLeftAlone: (url) => (url === undefined ? all() : [get(url)]).every(isLeftAlone),
    watch: (pool) => void pools.push(pool),
  };
}

function createServer(url: DirectoryUrl): Server {
  const checks = { checksFailed: 0, checksPassed: 0, checksNeeded: CHECKS_NEEDED_MIN };
  const refusals = { refusals: 0, isProven: false, leftAloneUntil: 0 };
  return { url, problem: undefined, upSince: -Infinity, ...checks, ...refusals };
}
