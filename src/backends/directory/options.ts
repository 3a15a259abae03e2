// What a directory's client is told, and what it does with it once: templates read, names compared
// in one form. Invariant: whatever is wrong with the settings shows at creation, not at a login.

import { constants } from "node:crypto";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

import type { Clock } from "../../lib/clock.ts";
import type { Secret } from "../../lib/secret.ts";
import { canonicalDn, canonicalRdns, isWithin } from "../../wire/ldap/dn.ts";
import { parseFilter, PLACEHOLDER, type Filter } from "../../wire/ldap/filter.ts";

export interface DirectoryOptions {
  readonly name: string;
  /** In order of preference. */
  readonly urls: readonly DirectoryUrl[];
  /** PEM of the authorities that sign the directory's certificates; undefined: the system's. */
  readonly ca: string | undefined;
  /** PEM of those authorities' revocation lists, one of each that a chain needs; undefined: none. */
  readonly crl: string | undefined;
  readonly bindDn: string;
  readonly bindPassword: Secret;
  readonly base: string;
  /** Contains {username} in a value. */
  readonly userFilter: string;
  /** Contains {username} in a value; read instead of searching when set. */
  readonly userDn: string | undefined;
  readonly usernameAttribute: string;
  /** Undefined: found out from the entries. */
  readonly idAttribute: string | undefined;
  /** Where somebody gets mail. */
  readonly mailAttribute: string;
  readonly domains: readonly string[];
  readonly nestedGroups: boolean;
  /** Failed binds after which the directory locks; 0: never. Undefined: what it says itself. */
  readonly lockoutThreshold: number | undefined;
  /** For queueing, connecting and the answer together. */
  readonly timeoutMs: number;
  /** How often each server is asked whether it is there. */
  readonly checkIntervalMs: number;
  readonly clock: Clock;
  /** Once per outage, with its cause in words. Must not throw. */
  readonly onDown: (reason: string) => void;
  /** Once, when it answers again. Must not throw. */
  readonly onRecovered: () => void;
  /** One server of several fails, or answers again (undefined). Must not throw. */
  readonly onServer: (url: DirectoryUrl, problem: string | undefined) => void;
  /** An entry with which nobody can log in, and why. Must not throw. */
  readonly onUnusable: (reason: string) => void;
}

export interface DirectoryUrl {
  /** As configured, for messages. */
  readonly url: string;
  /** A name or an address, without brackets; the certificate must carry it. */
  readonly host: string;
  readonly port: number;
  /** "none" sends passwords in clear: only where somebody asked for exactly that. */
  readonly tls: "implicit" | "start-tls" | "none";
}

/** The options, with their texts read. */
export interface Settings extends Omit<DirectoryOptions, "domains" | "userFilter"> {
  /** "directory:<name>". */
  readonly dependency: string;
  readonly userFilter: Filter;
  readonly baseRdns: readonly string[];
  /** Lower case. */
  readonly domains: ReadonlySet<string>;
  readonly secureContext: SecureContext;
  /** What the directory is told: the deadline, in its unit (RFC 4511 §4.5.1.6). */
  readonly timeLimitSeconds: number;
}

/** Throws for a filter or DN that can't be read or has no place for a name. */
export function readOptions(options: DirectoryOptions): Settings {
  const { userDn, urls, crl } = options;
  const baseRdns = canonicalRdns(options.base);
  if (urls.length === 0) throw new Error("a directory needs at least one URL");
  // Without a place for the name everybody would be the same person.
  if (!options.userFilter.includes(PLACEHOLDER))
    throw new Error(`user_filter has no ${PLACEHOLDER}`);
  if (userDn !== undefined) checkUserDn(userDn, baseRdns);
  canonicalDn(options.bindDn);
  return {
    ...options,
    dependency: `directory:${options.name}`,
    userFilter: parseFilter(options.userFilter),
    baseRdns,
    domains: new Set(options.domains.map((domain) => domain.toLowerCase())),
    timeLimitSeconds: Math.ceil(options.timeoutMs / 1000),
    secureContext: createSecureContext({
      minVersion: "TLSv1.2",
      // RFC 9325 §3.5: a server could have one handshake after the other (RFC 5246 §7.4.1.1).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(urls.every(({ tls }) => tls === "none") ? {} : trusted(options.ca)),
      ...(crl === undefined ? {} : { crl }),
    }),
  };
}

// Left to itself Node trusts the authorities it was built with, and not what the administrators of
// this host trust. A host that knows none, such as a small container, gets those.
function trusted(ca: string | undefined): { readonly ca?: string | string[] } {
  if (ca !== undefined) return { ca };
  const found = [...getCACertificates("system"), ...getCACertificates("extra")];
  return found.length === 0 ? {} : { ca: [...new Set(found)] };
}

function checkUserDn(userDn: string, baseRdns: readonly string[]): void {
  if (!userDn.includes(PLACEHOLDER)) throw new Error(`user_dn has no ${PLACEHOLDER}`);
  // An escaped letter is only allowed in a value, as a name is.
  const rdns = canonicalRdns(userDn.replaceAll(PLACEHOLDER, "\\61"));
  if (!isWithin(rdns, baseRdns)) throw new Error("user_dn is outside the base");
}
