// From a directory's entry to the identity that everything is keyed on.
// Invariant: no identity without a readable DN below the base and an id that never changes.

import type { Identity } from "../../core/ports.ts";
import { decodeUtf8 } from "../../wire/ldap/ber.ts";
import { canonicalRdns, isWithin } from "../../wire/ldap/dn.ts";
import { WireError } from "../../wire/error.ts";
import type { Entry } from "../../wire/ldap/message.ts";
import type { Settings } from "./options.ts";
import type { KnownAttributes } from "./schema.ts";

/**
 * Active Directory, 389 Directory Server, RFC 4530; the first that an entry carries. 389 Directory
 * Server may add entryUUID to old entries one day: nobody must become somebody else by that.
 */
const ID_ATTRIBUTES = ["objectGUID", "nsUniqueId", "entryUUID"];
/** Octets without a meaning as text; a text that happens to be one must not change its id. */
const BINARY_IDS: ReadonlySet<string> = new Set(["objectguid", "objectsid", "guid"]);
/** Ids are 16 octets or 36 characters. */
const ID_BYTES_MAX = 200;
/** [MS-ADTS] §2.2.16: a set of bits. */
const CONTROL_BITS = "userAccountControl";
const ACCOUNT_DISABLED = 0x2;
/** 389 Directory Server and FreeIPA: "true" in any case. */
const ACCOUNT_LOCK = "nsAccountLock";
/** draft-behera-ldap-password-policy-10 §5.3.3: this time is an administrator's lock, for good. */
const LOCKED_TIME = "pwdAccountLockedTime";
const LOCKED_FOR_GOOD = "000001010000Z";

export type Identified =
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "unusable"; readonly problem: string };

/**
 * What has to be asked for so that `identify` can work: with `known`, only what the directory's
 * schema has. An id is always asked for, in case some directory keeps its own out of its schema.
 */
export function identityAttributes(
  settings: Pick<Settings, "usernameAttribute" | "idAttribute">,
  known: KnownAttributes | undefined,
): string[] {
  const isKnown = (name: string): boolean => known?.has(name.toLowerCase()) ?? true;
  const ids = idAttributes(settings);
  const knownIds = ids.filter(isKnown);
  const states = [CONTROL_BITS, ACCOUNT_LOCK, LOCKED_TIME].filter(isKnown);
  return [settings.usernameAttribute, ...(knownIds.length > 0 ? knownIds : ids), ...states];
}

/** `expectedDn` is the canonical DN that was read, if one was. Problems name no value of the entry. */
export function identify(
  entry: Entry,
  settings: Settings,
  expectedDn: string | undefined,
): Identified {
  return read(entry, settings, expectedDn, (rdns) => {
    if (!isWithin(rdns, settings.baseRdns)) return unusable("an entry outside the base");
    const name = findValue(entry, settings.usernameAttribute);
    if (name === undefined || name.length === 0) {
      return unusable(`an entry without ${settings.usernameAttribute}`);
    }
    return decodeUtf8(name, 0);
  });
}

/** The same for an entry that the configuration names: it may stand anywhere, and its DN is its name. */
export function identifyEntry(
  entry: Entry,
  settings: Settings,
  expectedDn: string | undefined,
): Identified {
  return read(entry, settings, expectedDn, (rdns) => rdns.join(","));
}

function read(
  entry: Entry,
  settings: Settings,
  expectedDn: string | undefined,
  nameOf: (rdns: readonly string[]) => string | Identified,
): Identified {
  try {
    const rdns = canonicalRdns(entry.dn);
    if (rdns.length === 0) return unusable("an entry without a DN");
    if (expectedDn !== undefined && rdns.join(",") !== expectedDn) {
      return unusable("another entry than the one that was read");
    }
    const username = nameOf(rdns);
    if (typeof username !== "string") return username;
    const id = findId(entry, settings);
    if (id === undefined) return unusable("an entry without an id that never changes");
    const identity = { directory: settings.name, id, username, dn: entry.dn };
    if (!isDisabled(entry)) return { kind: "identity", identity };
    return { kind: "identity", identity: { ...identity, isDisabled: true } };
  } catch (error) {
    if (error instanceof WireError) return unusable(`an entry that can't be read (${error.code})`);
    throw error;
  }
}

function isDisabled(entry: Entry): boolean {
  const bits = findValue(entry, CONTROL_BITS)?.toString("latin1") ?? "0";
  const lock = findValue(entry, ACCOUNT_LOCK)?.toString("latin1") ?? "false";
  const lockedTime = findValue(entry, LOCKED_TIME)?.toString("latin1");
  const isLocked = lock.toLowerCase() === "true" || lockedTime === LOCKED_FOR_GOOD;
  return (Number(bits) & ACCOUNT_DISABLED) !== 0 || isLocked;
}

function findId(entry: Entry, settings: Pick<Settings, "idAttribute">): string | undefined {
  for (const name of idAttributes(settings)) {
    const value = findValue(entry, name);
    if (value === undefined || value.length === 0 || value.length > ID_BYTES_MAX) continue;
    if (BINARY_IDS.has(name.toLowerCase())) return value.toString("hex");
    return decodeUtf8(value, 0).toLowerCase();
  }
  return undefined;
}

function idAttributes({ idAttribute }: Pick<Settings, "idAttribute">): string[] {
  return idAttribute === undefined ? ID_ATTRIBUTES : [idAttribute];
}

// RFC 4512 §2.5: names ignore case; ";binary" and the like say how, not what.
function findValue(entry: Entry, name: string): Buffer | undefined {
  const wanted = name.toLowerCase();
  const found = entry.attributes.find(
    (attribute) => attribute.name.toLowerCase().split(";")[0] === wanted,
  );
  return found?.values[0];
}

function unusable(problem: string): Identified {
  return { kind: "unusable", problem };
}
