// The name somebody typed, and what this directory is asked about it.
// Invariant: only a domain on the list is taken off; everything else stays part of the name.

import { WireError } from "../../wire/error.ts";
import { canonicalRdns } from "../../wire/ldap/dn.ts";

/** RFC 2865 §5.1: a User-Name fits into one attribute. */
const USERNAME_BYTES_MAX = 253;
/** A name and its place, every octet of them escaped. */
const DN_BYTES_MAX = 4096;
const SPACES_AROUND = /^ +| +$/g;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

export type TypedName =
  | {
      readonly kind: "dn";
      /** In canonical form: not every directory reads every spelling. */
      readonly rdns: readonly string[];
    }
  | {
      readonly kind: "name";
      /** Without its domain, if that is one of ours. */
      readonly local: string;
      /** Lower case, as typed; undefined: there is none. */
      readonly domain: string | undefined;
      /** The whole of `name@domain`: somebody's userPrincipalName may be just that. */
      readonly principal: string | undefined;
    };

/**
 * A DN (two RDNs at least, so that "a=b" may be a name), `name@domain`, `DOMAIN\name` or a name;
 * undefined for what no directory should be asked about. `domains` is lower case.
 */
export function readName(typed: string, domains: ReadonlySet<string>): TypedName | undefined {
  const bytes = Buffer.byteLength(typed, "utf8");
  if (bytes > DN_BYTES_MAX || CONTROL.test(typed) || !typed.isWellFormed()) return undefined;
  const rdns = typed.includes("=") ? readRdns(typed) : undefined;
  if (rdns !== undefined) return { kind: "dn", rdns };
  if (bytes > USERNAME_BYTES_MAX) return undefined;
  // Directories ignore spaces around a name (RFC 4518 §2.6.1); a domain is compared here.
  const whole = typed.replaceAll(SPACES_AROUND, "");
  const { local, domain, isPrincipal } = split(whole);
  const isOurs = domain !== undefined && domains.has(domain);
  const name = isOurs ? local : whole;
  if (name.trim() === "") return undefined;
  return { kind: "name", local: name, domain, principal: isPrincipal ? whole : undefined };
}

function readRdns(typed: string): string[] | undefined {
  try {
    const rdns = canonicalRdns(typed);
    return rdns.length > 1 ? rdns : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function split(typed: string): {
  local: string;
  domain: string | undefined;
  isPrincipal: boolean;
} {
  const backslash = typed.indexOf("\\");
  if (backslash !== -1) {
    const domain = typed.slice(0, backslash).toLowerCase();
    return { local: typed.slice(backslash + 1), domain, isPrincipal: false };
  }
  const at = typed.lastIndexOf("@");
  if (at === -1) return { local: typed, domain: undefined, isPrincipal: false };
  const domain = typed.slice(at + 1).toLowerCase();
  return { local: typed.slice(0, at), domain, isPrincipal: true };
}
