// Active Directory's own list of somebody's groups: security identifiers, the nested ones and the
// primary group included ([MS-ADTS] §3.1.1.4.5.19). Their binary form: [MS-DTYP] §2.4.2.2.

import type { Entry } from "../../wire/ldap/message.ts";

export interface SecurityGroups {
  /** Hex of each group's objectSid; empty where a directory knows no such thing. */
  readonly sids: ReadonlySet<string>;
  /** Groups reached through groups are among them. */
  readonly isNested: boolean;
}

/** What has to be asked of a person's entry. */
export function securityAttributes(nestedGroups: boolean): string[] {
  return ["objectSid", "primaryGroupID", ...(nestedGroups ? ["tokenGroups"] : [])];
}

export function readSecurityGroups(entry: Entry): SecurityGroups {
  const nested = valuesOf(entry, "tokenGroups").map((sid) => sid.toString("hex"));
  const primary = primaryGroup(entry);
  return {
    sids: new Set(primary === undefined ? nested : [...nested, primary]),
    isNested: nested.length > 0,
  };
}

/** Hex; undefined for an entry that has none. */
export function readSid(entry: Entry): string | undefined {
  return valuesOf(entry, "objectSid")[0]?.toString("hex");
}

/** Octets of the last part of a SID, which alone tells the objects of a domain apart. */
const RELATIVE_ID_BYTES = 4;
/** Revision, count and authority come first. */
const SID_BYTES_MIN = 8 + RELATIVE_ID_BYTES;
const NUMBER = /^[0-9]{1,10}$/;

// Nobody is listed as a member of their primary group, on either side.
function primaryGroup(entry: Entry): string | undefined {
  const sid = valuesOf(entry, "objectSid")[0];
  const id = valuesOf(entry, "primaryGroupID")[0]?.toString("latin1") ?? "";
  if (sid === undefined || sid.length < SID_BYTES_MIN || !NUMBER.test(id)) return undefined;
  const group = Buffer.from(sid);
  group.writeUInt32LE(Number(id) >>> 0, group.length - RELATIVE_ID_BYTES);
  return group.toString("hex");
}

/** None if it isn't there; names ignore case (RFC 4512 §2.5). */
export function valuesOf(entry: Entry, name: string): readonly Buffer[] {
  const wanted = name.toLowerCase();
  return entry.attributes
    .filter((attribute) => attribute.name.toLowerCase() === wanted)
    .flatMap(({ values }) => values);
}
