// From a directory's keys to its DirectoryConfig: what needs other keys, directories or files.
// Invariant: no password travels in clear unless the configuration spells that out.

import type { DirectoryConfig, DirectoryUrl } from "./config.ts";
import { readCertificates, readRevocations, readSecret, type Surroundings } from "./files.ts";
import { type Path, quote, type Report } from "./problem.ts";
import type { RawDirectory } from "./schema.ts";

/** `raws` holds the entries that are valid by themselves, with their place in the list. */
export function buildDirectories(
  raws: ReadonlyMap<number, RawDirectory>,
  around: Surroundings,
): DirectoryConfig[] {
  const names = new Set<string>();
  const owners = new Map<string, string>();
  const built: DirectoryConfig[] = [];
  for (const [index, raw] of raws) {
    const at: Path = ["directories", index];
    if (names.has(raw.name)) {
      around.report.problem([...at, "name"], `${quote(raw.name)} is taken; choose another name`);
    }
    names.add(raw.name);
    claimDomains(raw, at, owners, around.report);
    const directory = buildDirectory(raw, at, around);
    if (directory !== undefined) built.push(directory);
  }
  return built;
}

function buildDirectory(
  raw: RawDirectory,
  at: Path,
  around: Surroundings,
): DirectoryConfig | undefined {
  const urls = raw.urls.map((url, index) => judgeUrl(url, raw, [...at, "urls", index], around));
  const bindPassword = readSecret(raw.bind_password, [...at, "bind_password"], around);
  const ca = raw.ca === undefined ? undefined : readCertificates(raw.ca, [...at, "ca"], around);
  const crl = raw.crl === undefined ? undefined : readRevocations(raw.crl, [...at, "crl"], around);
  if (bindPassword === undefined) return undefined;
  return {
    name: raw.name,
    urls,
    ca,
    crl,
    bindDn: raw.bind_dn,
    bindPassword,
    base: raw.base,
    userFilter: raw.user_filter ?? `(${raw.username_attribute}={username})`,
    userDn: raw.user_dn,
    usernameAttribute: raw.username_attribute,
    idAttribute: raw.id_attribute === "auto" ? undefined : raw.id_attribute,
    mailAttribute: raw.mail_attribute,
    domains: raw.domains,
    nestedGroups: raw.nested_groups,
    lockoutThreshold: raw.lockout_threshold,
    timeoutMs: raw.timeout,
    checkIntervalMs: raw.check_interval,
  };
}

/** RFC 4513 §6.3.1: a simple bind without TLS shows the password to everyone on the way. */
function judgeUrl(
  url: DirectoryUrl,
  raw: RawDirectory,
  at: Path,
  { report }: Surroundings,
): DirectoryUrl {
  if (url.tls === "implicit") {
    if (raw.start_tls) {
      report.problem(at, "ldaps:// is encrypted already; remove start_tls or write ldap://");
    }
    return url;
  }
  if (raw.start_tls) return { ...url, tls: "start-tls" };
  if (raw.allow_cleartext) {
    report.warning(at, "passwords cross the network in clear; use ldaps:// or start_tls: true");
  } else {
    const remedy = "write ldaps://, or set start_tls: true";
    report.problem(at, `would send passwords in clear; ${remedy} (or allow_cleartext: true)`);
  }
  return url;
}

/** UPN suffixes and NetBIOS names ignore case. */
function claimDomains(
  raw: RawDirectory,
  at: Path,
  owners: Map<string, string>,
  report: Report,
): void {
  for (const [index, domain] of raw.domains.entries()) {
    const owner = owners.get(domain.toLowerCase());
    if (owner !== undefined) {
      const message = `${quote(domain)} belongs to directory ${quote(owner)} already; keep one`;
      report.problem([...at, "domains", index], message);
    }
    owners.set(domain.toLowerCase(), raw.name);
  }
}
