// From a RADIUS client's keys to its ClientConfig: what needs other keys, other clients or files.
// Invariant: what can be attacked as it stands is refused; what is merely weak warns at each start.

import type { Secret } from "../lib/secret.ts";
import { findDefinition } from "../wire/radius/dictionary.ts";
import { isLoopback } from "./address.ts";
import type { ClientConfig } from "./config.ts";
import { readSecret, type Surroundings } from "./files.ts";
import { warnOfMode } from "./mode.ts";
import { type Neighbours, onlyDirectory } from "./neighbours.ts";
import { type Path, quote, type Report } from "./problem.ts";
import { buildReply } from "./reply.ts";
import type { RawClient } from "./schema.ts";

/** RFC 2865 §3 wants a secret as hard to guess as a good password; below this it warns. */
const SECRET_BYTES_MIN = 12;
/** What half the world's RADIUS examples use. */
const DEFAULT_SECRET = "testing123";

/** `raws` holds the entries that are valid by themselves, with their place in the list. */
export function buildClients(
  raws: ReadonlyMap<number, RawClient>,
  neighbours: Neighbours,
  around: Surroundings,
): ClientConfig[] {
  const names = new Set<string>();
  const networks = new Map<string, string>();
  const built: ClientConfig[] = [];
  for (const [index, raw] of raws) {
    const at: Path = ["radius", "clients", index];
    if (names.has(raw.name)) {
      around.report.problem([...at, "name"], `${quote(raw.name)} is taken; choose another name`);
    }
    names.add(raw.name);
    claimNetworks(raw, at, networks, around.report);
    warnOfSettings(raw, at, neighbours.today, around.report);
    const client = buildClient(raw, at, neighbours, around);
    if (client === undefined) continue;
    warnOfReuse(client, at, built, around.report);
    built.push(client);
  }
  return built;
}

function buildClient(
  raw: RawClient,
  at: Path,
  neighbours: Neighbours,
  around: Surroundings,
): ClientConfig | undefined {
  const { report } = around;
  const secret = readShared(raw, "secret", at, around);
  const previousSecret = readShared(raw, "previous_secret", at, around);
  checkDirectory(raw, at, neighbours.directories, report);
  const reply = buildReply(raw.reply, [...at, "reply"], report);
  const endUser = raw.end_user === "none" ? undefined : findDefinition(raw.end_user);
  if (endUser === undefined && raw.end_user !== "none") {
    const message = `${quote(raw.end_user)} is not an attribute known here; or write none`;
    report.problem([...at, "end_user"], message);
  }
  if (raw.separator === "" && raw.code === "auto") {
    const message = 'an empty separator needs code: append or code: challenge (or write ",")';
    report.problem([...at, "separator"], message);
  }
  if (secret === undefined) return undefined;
  return {
    name: raw.name,
    addresses: raw.addresses,
    secret,
    previousSecret,
    requireMessageAuthenticator: raw.require_message_authenticator,
    limitProxyState: raw.limit_proxy_state,
    rejectDelayMs: raw.reject_delay,
    directory: raw.directory ?? onlyDirectory(neighbours),
    allowGroups: raw.allow_groups,
    probeUsers: raw.probe_users,
    mfa: raw.mfa,
    mfaException: raw.mfa_exception,
    code: raw.code,
    separator: raw.separator,
    endUser,
    reply,
  };
}

function readShared(
  raw: RawClient,
  key: "secret" | "previous_secret",
  at: Path,
  around: Surroundings,
): Secret | undefined {
  const location = raw[key];
  if (location === undefined) return undefined;
  const secret = readSecret(location, [...at, key], around);
  if (secret === undefined) return undefined;
  if (secret.reveal().toString("latin1") === DEFAULT_SECRET) {
    if (raw.addresses.every(isLoopback)) return secret;
    const message = `"${DEFAULT_SECRET}" is known to everyone and only allowed on loopback`;
    around.report.problem([...at, key], `${message}; make one with: openssl rand -hex 16`);
  } else if (secret.byteLength < SECRET_BYTES_MIN) {
    const message = `is shorter than ${SECRET_BYTES_MIN} bytes and can be guessed from one packet`;
    around.report.warning([...at, key], `${message}; make one with: openssl rand -hex 16`);
  }
  return secret;
}

// A name without a domain is looked for everywhere; with one it has to lead to one directory.
function checkDirectory(
  raw: RawClient,
  at: Path,
  directories: Neighbours["directories"],
  report: Report,
): void {
  const known = directories.map(({ name }) => name).join(", ");
  if (raw.directory !== undefined) {
    if (directories.some(({ name }) => name === raw.directory)) return;
    const message = `there is no directory ${quote(raw.directory)}; known: ${known}`;
    report.problem([...at, "directory"], message);
    return;
  }
  const undecided = directories.find(({ hasDomains }) => !hasDomains);
  if (directories.length < 2 || undecided === undefined) return;
  const remedy = `choose one of: ${known}; or list the domains of ${quote(undecided.name)}`;
  report.problem([...at, "directory"], `missing; there are several directories, ${remedy}`);
}

/** Ranges may overlap, since the longest prefix wins; the very same network has one owner. */
function claimNetworks(
  raw: RawClient,
  at: Path,
  owners: Map<string, string>,
  report: Report,
): void {
  for (const [index, network] of raw.addresses.entries()) {
    const here: Path = [...at, "addresses", index];
    const owner = owners.get(network.text);
    if (owner !== undefined) {
      const both = `${quote(raw.name)} and ${quote(owner)}`;
      report.problem(here, `${network.text} is listed twice, at clients ${both}; keep one`);
    }
    owners.set(network.text, raw.name);
    if (network.prefix > 0) continue;
    if (!raw.any_address) {
      const message = "takes packets from everywhere; list the client's networks";
      report.problem(here, `${network.text} ${message} (or set any_address: true)`);
    } else if (raw.require_message_authenticator !== true) {
      const message = `must be true where ${network.text} is listed`;
      report.problem([...at, "require_message_authenticator"], message);
    }
  }
}

function warnOfSettings(raw: RawClient, at: Path, today: string, report: Report): void {
  if (raw.require_message_authenticator === false) {
    const message = "false lets an attacker on the way forge an Accept (BlastRADIUS)";
    report.warning([...at, "require_message_authenticator"], `${message}; use true or auto`);
  }
  if (!raw.limit_proxy_state) {
    const message = "false leaves the way of the BlastRADIUS attack open; use true";
    report.warning([...at, "limit_proxy_state"], message);
  }
  warnOfMode(raw, at, today, report);
}

function warnOfReuse(
  client: ClientConfig,
  at: Path,
  others: readonly ClientConfig[],
  report: Report,
): void {
  if (client.previousSecret?.equals(client.secret) === true) {
    report.warning([...at, "previous_secret"], "is the same as secret; remove it");
  }
  const twin = others.find(({ secret }) => secret.equals(client.secret));
  if (twin === undefined) return;
  const message = `is the same as client ${quote(twin.name)}'s; give each client its own`;
  report.warning([...at, "secret"], message);
}
