// A directory server examined step by step, as a login would use it: reachable, encrypted, our own
// account, a person found, groups, its clock, its own lockout. Nothing is changed there; the one password
// that is sent is our own. Invariants: it ends at the first step without which the next makes no sense;
// a password that is wrong is sent once, however many servers there are.

import { TLSSocket, type DetailedPeerCertificate } from "node:tls";
import { isDeepStrictEqual } from "node:util";

import type { BindResult } from "../../core/ports.ts";
import type { Finding, Tell } from "../../core/finding.ts";
import { daysLeft, endsSoon } from "../../lib/certificate.ts";
import { canonicalDn } from "../../wire/ldap/dn.ts";
import { parseFilter, PLACEHOLDER } from "../../wire/ldap/filter.ts";
import { RESULT_CODE, type SearchRequest } from "../../wire/ldap/message.ts";
import { BindExchange } from "./bind.ts";
import { Connection, type Exchange } from "./connection.ts";
import { dial } from "./dial.ts";
import { identify, identityAttributes } from "./identity.ts";
import { readLockout } from "./lockout-policy.ts";
import { dnOf } from "./lookup.ts";
import { readOptions, type DirectoryOptions, type DirectoryUrl, type Settings } from "./options.ts";
import { ANY_ENTRY, NO_NAME, search, type Found } from "./search.ts";
import { valuesOf } from "./security-groups.ts";
import { NOBODY } from "./server-check.ts";

/** Each has its own deadline; this is the whole conversation's. */
const QUESTIONS_MAX = 7;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** A one-time code's period: a clock further off than that is somebody's mistake. */
const CLOCK_OFFSET_MAX_MS = 30_000;

/** What is needed of the options: everything about asking, nothing about telling. */
export type ExaminedDirectory = Omit<
  DirectoryOptions,
  "onDown" | "onRecovered" | "onServer" | "onUnusable"
>;

/** Tells what it finds of each server, one after the other. `groups`: DNs that matter. Never rejects. */
export async function examineDirectory(
  options: ExaminedDirectory,
  groups: readonly string[],
  tell: Tell,
): Promise<void> {
  const nothing = (): void => undefined;
  const listeners = {
    onDown: nothing,
    onRecovered: nothing,
    onServer: nothing,
    onUnusable: nothing,
  };
  const settings = readOptions({ ...options, ...listeners });
  const { userFilter } = options;
  let isPasswordWrong = false;
  for (const url of settings.urls) {
    const subject = `directory ${settings.name} ${url.url}`;
    try {
      const say: Say = (finding) => tell({ ...finding, subject });
      const line = await connect(url, settings, say);
      if (line !== undefined && isPasswordWrong) skipAccount(line, say);
      else if (line !== undefined) {
        isPasswordWrong = await examineServer(line, settings, { userFilter, groups }, say);
      }
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      tell({ state: "wrong", subject, said, remedy: "look at its log at this moment" });
    }
  }
}

type Say = (finding: Omit<Finding, "subject">) => void;
/** One connection on which each question waits for its answer. */
interface Line {
  readonly connection: Connection;
  run(exchange: Exchange): void;
}

// The directory may count a wrong password for all of its servers, and lock the running gateway out.
function skipAccount({ connection }: Line, say: Say): void {
  connection.end();
  const said = "bind_dn isn't tried here, so that its wrong password doesn't lock it";
  say({ state: "doubtful", said, remedy: "correct bind_password, and check again" });
}

/** Resolves to whether the password of our own account is wrong. */
async function examineServer(
  line: Line,
  settings: Settings,
  wanted: { readonly userFilter: string; readonly groups: readonly string[] },
  say: Say,
): Promise<boolean> {
  const timer = setTimeout(
    () => line.connection.close("no answer in time"),
    QUESTIONS_MAX * settings.timeoutMs,
  );
  try {
    const kind = await bindService(line, settings, say);
    if (kind !== "right") return kind === "wrong";
    await findSomebody(line, settings, wanted.userFilter, say);
    await findGroups(line, settings, wanted.groups, say);
    await compareClocks(line, settings, say);
    const lockout = await readLockout(settings, line);
    if (lockout !== undefined) {
      const minutes = Math.round(lockout.observationMs / 60_000);
      const said = `it says that it locks after ${lockout.threshold} wrong passwords in ${minutes} min`;
      say({ state: "right", said });
    }
    return false;
  } finally {
    clearTimeout(timer);
    line.connection.end();
  }
}

async function connect(url: DirectoryUrl, settings: Settings, say: Say): Promise<Line | undefined> {
  const { clock, secureContext, timeoutMs } = settings;
  const startedAt = clock.monotonic();
  try {
    const socket = await dial(url, secureContext, timeoutMs);
    const ms = Math.ceil(clock.monotonic() - startedAt);
    if (socket instanceof TLSSocket) {
      const certificate = socket.getPeerCertificate(true);
      say(certificateFinding(certificate, clock.now(), `${socket.getProtocol() ?? ""}, ${ms} ms`));
    } else {
      const remedy = "use ldaps://, or start_tls: true";
      say({ state: "doubtful", said: `connected in ${ms} ms, in clear`, remedy });
    }
    const limits = { messageBytesMax: ANSWER_BYTES_MAX, isShared: false, renewAt: Infinity };
    const connection = new Connection({ url, socket }, limits, NOBODY);
    return { connection, run: (exchange) => connection.send(exchange, clock.monotonic()) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    say({ state: "wrong", said, remedy: remedyOf(error, url) });
    return undefined;
  }
}

function certificateFinding(
  certificate: DetailedPeerCertificate,
  nowMs: number,
  how: string,
): Omit<Finding, "subject"> {
  // The one of the chain that ends first ends them all.
  let first = certificate;
  for (let next = certificate; next.issuerCertificate !== next; next = next.issuerCertificate) {
    if (Date.parse(next.valid_to) < Date.parse(first.valid_to)) first = next;
    if (next.issuerCertificate === undefined) break;
  }
  const end = { endsAt: Date.parse(first.valid_to) };
  const days = daysLeft(end, nowMs);
  const names = certificate.subjectaltname ?? certificate.subject.CN;
  const said = `${how}, certificate for ${String(names)} ends in ${days} days`;
  if (!endsSoon(end, nowMs)) return { state: "right", said };
  return { state: "doubtful", said, remedy: "renew it: nobody logs in once it has ended" };
}

async function bindService(line: Line, settings: Settings, say: Say): Promise<BindResult["kind"]> {
  const { clock, dependency, bindDn: dn, bindPassword: password, timeoutMs } = settings;
  const deadlineAt = clock.monotonic() + timeoutMs;
  const result = await new Promise<BindResult>((resolve, reject) => {
    line.run(new BindExchange({ dependency, dn, password, deadlineAt }, resolve, reject));
  });
  if (result.kind === "right") {
    say({ state: "right", said: `it takes bind_dn ${dn}` });
    return "right";
  }
  const isWrong = result.kind === "wrong";
  const said = `it refuses bind_dn ${dn}: ${isWrong ? "wrong name or password" : result.reason}`;
  const remedy =
    result.kind === "refused" && result.reason === "stronger-auth-required"
      ? "use ldaps://, or start_tls: true"
      : `try it by hand: ldapwhoami -x -H ${line.connection.url.url} -D '${dn}' -W`;
  say({ state: "wrong", said, remedy });
  return result.kind;
}

async function findSomebody(
  line: Line,
  settings: Settings,
  userFilterText: string,
  say: Say,
): Promise<void> {
  const { base, userDn, usernameAttribute } = settings;
  const anybody = parseFilter(userFilterText.replaceAll(PLACEHOLDER, "*"));
  const below = { base, scope: "whole-subtree", username: NO_NAME, sizeLimit: 1 } as const;
  const attributes = identityAttributes(settings, undefined);
  const { resultCode, entries } = await ask(line, settings, {
    ...below,
    filter: anybody,
    attributes,
  });
  const [entry] = entries;
  if (resultCode === RESULT_CODE.noSuchObject) {
    const remedy = "write the base as the directory spells it, and let bind_dn read it";
    return say({ state: "wrong", said: `it knows no base ${base}`, remedy });
  }
  if (entry === undefined) {
    const said = `user_filter finds nobody below ${base}`;
    const remedy = "compare user_filter with an entry, and let bind_dn read people";
    return say({ state: "wrong", said, remedy });
  }
  const somebody = identify(entry, settings, undefined);
  if (somebody.kind === "unusable") {
    const said = `user_filter finds ${somebody.problem}: ${entry.dn}`;
    const remedy = "set username_attribute and id_attribute, and let bind_dn read both";
    return say({ state: "wrong", said, remedy });
  }
  const { username } = somebody.identity;
  if (userDn !== undefined) {
    const isThere = canonicalDn(dnOf(userDn, username)) === canonicalDn(entry.dn);
    if (isThere) return say({ state: "right", said: "user_dn leads to a person" });
    const remedy = "compare user_dn with the directory's entries";
    return say({ state: "wrong", said: `user_dn doesn't lead to ${entry.dn}`, remedy });
  }
  const again = await ask(line, settings, {
    ...below,
    filter: settings.userFilter,
    attributes,
    username: Buffer.from(username, "utf8"),
  });
  const [same] = again.entries;
  const isSame = same !== undefined && !again.isCut && same.dn === entry.dn;
  if (isSame && isDeepStrictEqual(identify(same, settings, undefined), somebody)) {
    return say({ state: "right", said: "user_filter finds a person by name, with a lasting id" });
  }
  const said = `user_filter doesn't find ${entry.dn} by its ${usernameAttribute}`;
  say({ state: "wrong", said, remedy: "let user_filter compare username_attribute" });
}

async function findGroups(
  line: Line,
  settings: Settings,
  groups: readonly string[],
  say: Say,
): Promise<void> {
  const one = { scope: "base-object", filter: ANY_ENTRY, username: NO_NAME, sizeLimit: 1 } as const;
  const found = await Promise.all(
    groups.map((base) => ask(line, settings, { ...one, base, attributes: ["1.1"] })),
  );
  const missing = groups.filter((_, index) => found[index]?.entries.length !== 1);
  for (const dn of missing) {
    const remedy = "correct it in allow_groups or reply, or let bind_dn read it";
    say({ state: "doubtful", said: `it knows no group ${dn}: nobody is in it`, remedy });
  }
  if (groups.length > 0 && missing.length === 0) {
    say({ state: "right", said: "it knows every group that allow_groups and reply name" });
  }
}

// Active Directory alone says what time it is there ([MS-ADTS] §3.1.1.3.2.5).
async function compareClocks(line: Line, settings: Settings, say: Say): Promise<void> {
  const { entries } = await ask(line, settings, {
    base: "",
    scope: "base-object",
    filter: ANY_ENTRY,
    username: NO_NAME,
    sizeLimit: 1,
    attributes: ["currentTime"],
  });
  const [root] = entries;
  const text =
    root === undefined ? undefined : valuesOf(root, "currentTime")[0]?.toString("latin1");
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/.exec(text ?? "");
  if (match === null) return;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  const there = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  const offsetMs = settings.clock.now() - there;
  const said = `this clock and its own differ by ${Math.round(Math.abs(offsetMs) / 1_000)} s`;
  if (Math.abs(offsetMs) <= CLOCK_OFFSET_MAX_MS) return say({ state: "right", said });
  say({ state: "wrong", said, remedy: "one-time codes need the right time: set up NTP here" });
}

function ask(
  line: Line,
  settings: Settings,
  request: Omit<SearchRequest, "timeLimitSeconds">,
): Promise<Found> {
  const { clock, dependency, timeoutMs, timeLimitSeconds } = settings;
  const deadlineAt = clock.monotonic() + timeoutMs;
  return search(line, dependency, { ...request, timeLimitSeconds }, deadlineAt);
}

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is the directory running, are host and port right?",
  ENOTFOUND: "DNS knows no such name: correct it, or the host's resolver",
  EAI_AGAIN: "DNS doesn't answer: look at this host's resolver",
  EHOSTUNREACH: "there is no way to that host: look at routing and firewalls",
  ENETUNREACH: "there is no way to that network: look at routing",
  ECONNRESET: "it hung up: is this the right port, and do both sides share a TLS version?",
  EPROTO: "it doesn't speak TLS on that port: ldaps:// is 636; for 389 use start_tls: true",
  CERT_HAS_EXPIRED: "renew the directory's certificate",
  CERT_NOT_YET_VALID: "is this host's clock right?",
  CERT_REVOKED: "its authority has revoked the certificate: give the directory another one",
  CRL_HAS_EXPIRED: "fetch the authority's current list into directories[].crl",
  CRL_NOT_YET_VALID: "is this host's clock right?",
  UNABLE_TO_GET_CRL: "directories[].crl must hold a list of each authority in the chain",
  ERR_TLS_CERT_ALTNAME_INVALID: "write in urls: a name that the certificate carries",
};
const UNKNOWN_AUTHORITY =
  "put the CA that signed the directory's certificate (PEM) into directories[].ca";

function remedyOf(error: unknown, url: DirectoryUrl): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = BY_CODE[code];
  if (known !== undefined) return known;
  if (/SELF_SIGNED|UNABLE_TO/.test(code)) return UNKNOWN_AUTHORITY;
  if (code.startsWith("ERR_SSL")) return BY_CODE["EPROTO"] ?? "";
  return `see whether ${url.host} port ${url.port} can be reached from here: routing, firewalls`;
}
