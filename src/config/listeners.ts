// From an LDAP listener's keys to its ListenerConfig: what needs other keys, listeners or files.
// Invariant: no password is taken in clear from another host; an exemption always names addresses.

import { addressText } from "../lib/listen.ts";
import { canonicalDn } from "../wire/ldap/dn.ts";
import { isLoopback, type Network, parseNetwork } from "./address.ts";
import type { ListenerConfig, ListenerTls } from "./config.ts";
import { readCertificates, type Surroundings } from "./files.ts";
import { readKeyPair } from "./key-pair.ts";
import { warnOfMode } from "./mode.ts";
import { type Neighbours, onlyDirectory } from "./neighbours.ts";
import { type Path, quote, type Report } from "./problem.ts";
import type { RawListener } from "./schema.ts";

/** `raws` holds the entries that are valid by themselves, with their place in the list. */
export function buildListeners(
  raws: ReadonlyMap<number, RawListener>,
  neighbours: Neighbours,
  around: Surroundings,
): ListenerConfig[] {
  const names = new Set<string>();
  const places = new Map<string, string>();
  const built: ListenerConfig[] = [];
  for (const [index, raw] of raws) {
    const at: Path = ["ldap", "listeners", index];
    if (names.has(raw.name)) {
      around.report.problem([...at, "name"], `${quote(raw.name)} is taken; choose another name`);
    }
    names.add(raw.name);
    claimPlace(raw, at, places, around.report);
    warnOfMode(raw, at, neighbours.today, around.report);
    const listener = buildListener(raw, at, neighbours, around);
    if (listener !== undefined) built.push(listener);
  }
  return built;
}

function buildListener(
  raw: RawListener,
  at: Path,
  neighbours: Neighbours,
  around: Surroundings,
): ListenerConfig | undefined {
  const { report } = around;
  const directory = raw.directory ?? onlyDirectory(neighbours);
  checkDirectory(raw, at, neighbours, report);
  checkPlain(raw, at, report);
  checkEverywhere(raw.proxy_protocol, [...at, "proxy_protocol"], "the balancers", report);
  checkEndUser(raw, at, report);
  checkExemptions(raw, at, report);
  const tls = buildTls(raw, at, neighbours.today, around);
  if (directory === undefined || tls === "wrong") return undefined;
  return {
    name: raw.name,
    listen: raw.listen,
    tls,
    directory,
    allowGroups: raw.allow_groups,
    mfa: raw.mfa,
    mfaException: raw.mfa_exception,
    separator: raw.separator,
    rebindWindowMs: raw.rebind_window,
    proxyProtocol: raw.proxy_protocol,
    endUser: raw.end_user,
    operations: raw.operations,
    referrals: raw.referrals,
    exempt: raw.exempt,
  };
}

/** Whoever connects to loopback is this host, and no person's own machine. */
function checkEndUser(raw: RawListener, at: Path, report: Report): void {
  if (raw.end_user === "none" || raw.proxy_protocol.length > 0) return;
  const host = parseNetwork(raw.listen.host);
  if (typeof host === "string" || !isLoopback(host)) return;
  const message = "every client here has this host's address; list the balancer in proxy_protocol";
  report.problem([...at, "end_user"], `${message}, or write none`);
}

function buildTls(
  raw: RawListener,
  at: Path,
  today: string,
  around: Surroundings,
): ListenerTls | undefined | "wrong" {
  const { certificate, key, client_ca: clientCa } = raw;
  if (raw.tls === "none") return undefined;
  for (const name of ["certificate", "key"] as const) {
    if (raw[name] !== undefined) continue;
    around.report.problem(at, `missing; add "${name}: …" here: tls: ${raw.tls} needs it`);
  }
  const authorities =
    clientCa === undefined ? undefined : readCertificates(clientCa, [...at, "client_ca"], around);
  if (certificate === undefined || key === undefined) return "wrong";
  const pair = readKeyPair({ certificate, key }, at, today, around);
  if (pair === undefined || (clientCa !== undefined && authorities === undefined)) return "wrong";
  return { begins: raw.tls, ...pair, clientCa: authorities };
}

/** RFC 4513 §6.3.1: a simple bind without TLS shows the password to everyone on the way. */
function checkPlain(raw: RawListener, at: Path, report: Report): void {
  if (raw.tls !== "none") return;
  const host = parseNetwork(raw.listen.host);
  if (typeof host === "string" || !isLoopback(host)) {
    const message = "none takes passwords in clear and is only allowed on loopback";
    report.problem([...at, "tls"], `${message}; use implicit or start_tls`);
  }
  for (const name of ["certificate", "key", "client_ca"] as const) {
    if (raw[name] === undefined) continue;
    report.problem([...at, name], "does nothing with tls: none; remove it, or use implicit");
  }
  const index = raw.operations.indexOf("password_modify");
  if (index !== -1) {
    const message = "password_modify needs TLS; use implicit or start_tls";
    report.problem([...at, "operations", index], message);
  }
}

function checkDirectory(
  raw: RawListener,
  at: Path,
  { directories }: Neighbours,
  report: Report,
): void {
  const known = directories.map(({ name }) => name).join(", ");
  if (raw.directory === undefined && directories.length > 1) {
    const message = "missing; a listener shows one directory, choose one of";
    report.problem([...at, "directory"], `${message}: ${known}`);
  } else if (
    raw.directory !== undefined &&
    directories.every(({ name }) => name !== raw.directory)
  ) {
    const message = `there is no directory ${quote(raw.directory)}; known: ${known}`;
    report.problem([...at, "directory"], message);
  }
}

function claimPlace(raw: RawListener, at: Path, owners: Map<string, string>, report: Report): void {
  const place = addressText(raw.listen);
  const owner = owners.get(place);
  if (owner !== undefined && raw.listen.port !== 0) {
    const message = `${place} is listened on by ${quote(owner)} already; keep one`;
    report.problem([...at, "listen"], message);
  }
  owners.set(place, raw.name);
}

/** The same account under two spellings would have the addresses of one of them. */
function checkExemptions(raw: RawListener, at: Path, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { dn, addresses }] of raw.exempt.entries()) {
    const here: Path = [...at, "exempt", index];
    const canonical = canonicalDn(dn);
    if (seen.has(canonical)) {
      report.problem([...here, "dn"], `${quote(dn)} is listed twice; put its addresses together`);
    }
    seen.add(canonical);
    checkEverywhere(addresses, [...here, "addresses"], "the application's servers", report);
    const from = addresses.map(({ text }) => text).join(", ");
    report.warning([...here, "dn"], `${quote(dn)} is asked for no code from ${from}`);
  }
}

function checkEverywhere(
  networks: readonly Network[],
  at: Path,
  whose: string,
  report: Report,
): void {
  for (const [index, { prefix, text }] of networks.entries()) {
    if (prefix > 0) continue;
    report.problem([...at, index], `${text} is everywhere; list the addresses of ${whose}`);
  }
}
