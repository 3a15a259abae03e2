// Which of a directory's servers answer, and whether it must be left alone altogether.
// Invariants: each outage is reported once and each end of one once, however many logins notice it;
// a server that failed is the last choice until it has answered several checks in a row, unless no
// other one answers.

import type { DirectoryUrl, Settings } from "./options.ts";

export interface Health {
  /** Undefined while a server answers and takes our own account. */
  readonly problem: string | undefined;
  /** The servers that don't answer, with the cause of each; "" if all do. */
  failing(): string;
  isUp(url: DirectoryUrl): boolean;
  /** Those that answer first, each group in the order of preference. */
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
  /** It refuses our own account: nothing is asked for a while. */
  refused(reason: string, kind: "wrong-password" | "other"): void;
  /** It takes our own account. */
  admitted(): void;
  isLeftAlone(): boolean;
  /** A pool is asked about its connections and told when to give some up. */
  watch(pool: ServerUser): void;
}

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
}

/** A single lost packet is no outage. */
const CHECKS_FAILED_MAX = 2;
/** Twice as many after each failure, so that a server that comes and goes is soon out of the game. */
const CHECKS_NEEDED_MIN = 3;
const CHECKS_NEEDED_MAX = 48;
const STABLE_MS = 600_000;

/**
 * How long nothing is asked after the directory refused our own account. Each wrong password counts
 * there: at most five in the half hour after which Active Directory forgets them. Other refusals
 * don't count, and end without us.
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
  let refusal: string | undefined;
  let leftAloneUntil = 0;
  let leftAloneMs = 0;
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

  function problem(): string | undefined {
    if (refusal !== undefined || upWithout(undefined)) return refusal;
    return failing();
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

  return {
    get problem() {
      return problem();
    },
    failing,
    isUp,
    candidates() {
      return [...urls.filter(isUp), ...urls.filter((url) => !isUp(url))];
    },
    hasOther: upWithout,
    answered(url) {
      const server = get(url);
      server.checksFailed = 0;
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
    refused(reason, kind) {
      const { firstMs, factor, mostMs } = LEFT_ALONE[kind];
      leftAloneMs = Math.min(Math.max(leftAloneMs * factor, firstMs), mostMs);
      leftAloneUntil = clock.monotonic() + leftAloneMs;
      refusal = reason;
      report();
    },
    admitted() {
      leftAloneMs = 0;
      refusal = undefined;
      report();
    },
    isLeftAlone: () => leftAloneUntil > clock.monotonic(),
    watch: (pool) => void pools.push(pool),
  };
}

function createServer(url: DirectoryUrl): Server {
  const checks = { checksFailed: 0, checksPassed: 0, checksNeeded: CHECKS_NEEDED_MIN };
  return { url, problem: undefined, upSince: -Infinity, ...checks };
}
