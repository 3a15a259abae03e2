// The requests of an LDAP client, octet by octet as a client would write them, right or wrong; and
// the answers it reads. Invariant: nothing here shares code with what reads requests.

import { BerReader, BerWriter, TAG } from "../../src/wire/ldap/ber.ts";

export interface RequestControl {
  readonly oid: string;
  readonly isCritical?: boolean;
  readonly value?: Buffer;
}

interface More {
  readonly controls?: readonly RequestControl[];
}

/** One element around what is there already. */
export function element(tag: number, ...contents: readonly (Buffer | string)[]): Buffer {
  const writer = new BerWriter();
  writer.writeOctets(
    tag,
    Buffer.concat(contents.map((one) => (typeof one === "string" ? Buffer.from(one) : one))),
  );
  return writer.finish();
}

export const text = (value: string | Buffer): Buffer => element(TAG.octetString, value);

function integer(tag: number, value: number): Buffer {
  const writer = new BerWriter();
  writer.writeInteger(tag, value);
  return writer.finish();
}

const boolean = (value: boolean): Buffer => element(TAG.boolean, Buffer.of(value ? 0xff : 0));

export function request(id: number, operation: Buffer, { controls }: More = {}): Buffer {
  const parts = [integer(TAG.integer, id), operation];
  if (controls !== undefined) {
    parts.push(
      element(
        0xa0,
        ...controls.map(({ oid, isCritical, value }) =>
          element(
            TAG.sequence,
            text(oid),
            isCritical === undefined ? "" : boolean(isCritical),
            value === undefined ? "" : text(value),
          ),
        ),
      ),
    );
  }
  return element(TAG.sequence, ...parts);
}

export function bindRequest(
  id: number,
  name: string | Buffer,
  password: string | Buffer,
  more: More & { readonly version?: number } = {},
): Buffer {
  const version = integer(TAG.integer, more.version ?? 3);
  return request(id, element(0x60, version, text(name), element(0x80, password)), more);
}

export function saslRequest(id: number, mechanism: string): Buffer {
  const sasl = element(0xa3, text(mechanism), text("credentials"));
  return request(id, element(0x60, integer(TAG.integer, 3), text(""), sasl));
}

/** Filters, as far as tests need them. */
export const filter = {
  present: (name: string): Buffer => element(0x87, name),
  equality: (name: string, value: string): Buffer => element(0xa3, text(name), text(value)),
  greaterOrEqual: (name: string, value: string): Buffer => element(0xa5, text(name), text(value)),
  lessOrEqual: (name: string, value: string): Buffer => element(0xa6, text(name), text(value)),
  approximate: (name: string, value: string): Buffer => element(0xa8, text(name), text(value)),
  substrings: (name: string, initial: string): Buffer =>
    element(0xa4, text(name), element(TAG.sequence, element(0x80, initial))),
  /** `name` undefined: of every attribute that the rule knows. */
  extensible: (name: string | undefined, value: string, rule = "2.5.13.17"): Buffer =>
    element(
      0xa9,
      element(0x81, rule),
      name === undefined ? "" : element(0x82, name),
      element(0x83, value),
      element(0x84, Buffer.of(0xff)),
    ),
  and: (...filters: readonly Buffer[]): Buffer => element(0xa0, ...filters),
  or: (...filters: readonly Buffer[]): Buffer => element(0xa1, ...filters),
  not: (inner: Buffer): Buffer => element(0xa2, inner),
};

export function searchRequest(
  id: number,
  more: More & {
    readonly base?: string;
    readonly scope?: number;
    readonly typesOnly?: boolean;
    readonly filter?: Buffer;
    readonly attributes?: readonly string[];
  } = {},
): Buffer {
  const operation = element(
    0x63,
    text(more.base ?? "dc=example,dc=com"),
    integer(TAG.enumerated, more.scope ?? 2),
    integer(TAG.enumerated, 0),
    integer(TAG.integer, 0),
    integer(TAG.integer, 0),
    boolean(more.typesOnly ?? false),
    more.filter ?? filter.present("objectClass"),
    element(TAG.sequence, ...(more.attributes ?? []).map(text)),
  );
  return request(id, operation, more);
}

export function compareRequest(id: number, name: string, more: More = {}): Buffer {
  const assertion = element(TAG.sequence, text(name), text("hello"));
  return request(id, element(0x6e, text("uid=bob,dc=example,dc=com"), assertion), more);
}

export function addRequest(id: number, name: string, types: readonly string[]): Buffer {
  const attributes = types.map((type) =>
    element(TAG.sequence, text(type), element(TAG.set, text("x"))),
  );
  return request(id, element(0x68, text(name), element(TAG.sequence, ...attributes)));
}

interface Modification {
  readonly operation: number;
  readonly type: string;
  readonly values?: readonly (string | Buffer)[];
}

export function modifyRequest(
  id: number,
  modifications: readonly Modification[],
  more: More = {},
): Buffer {
  const changes = modifications.map(({ operation, type, values = [] }) =>
    element(
      TAG.sequence,
      integer(TAG.enumerated, operation),
      element(TAG.sequence, text(type), element(TAG.set, ...values.map(text))),
    ),
  );
  const entry = text("uid=bob,dc=example,dc=com");
  return request(id, element(0x66, entry, element(TAG.sequence, ...changes)), more);
}

export const deleteRequest = (id: number, name: string, more: More = {}): Buffer =>
  request(id, element(0x4a, name), more);

export const modifyDnRequest = (id: number, newRdn: string, more: More = {}): Buffer =>
  request(id, element(0x6c, text("uid=bob,dc=example,dc=com"), text(newRdn), boolean(true)), more);

export function extendedRequest(id: number, oid: string, value?: Buffer, more: More = {}): Buffer {
  const requestValue = value === undefined ? "" : element(0x81, value);
  return request(id, element(0x77, element(0x80, oid), requestValue), more);
}

export function passwordModifyRequest(
  id: number,
  fields: { readonly person?: string; readonly old?: string; readonly new?: string },
): Buffer {
  const value = element(
    TAG.sequence,
    fields.person === undefined ? "" : element(0x80, fields.person),
    fields.old === undefined ? "" : element(0x81, fields.old),
    fields.new === undefined ? "" : element(0x82, fields.new),
  );
  return extendedRequest(id, "1.3.6.1.4.1.4203.1.11.1", value);
}

export const startTlsRequest = (id: number): Buffer =>
  extendedRequest(id, "1.3.6.1.4.1.1466.20037");

export const whoAmIRequest = (id: number): Buffer => extendedRequest(id, "1.3.6.1.4.1.4203.1.11.3");

export const abandonRequest = (id: number, target: number): Buffer =>
  request(id, integer(0x50, target));

export const unbindRequest = (id: number): Buffer => request(id, Buffer.of(0x42, 0));

const RESPONSES: Readonly<Record<number, string>> = {
  0x61: "bind",
  0x64: "entry",
  0x65: "search",
  0x67: "modify",
  0x69: "add",
  0x6b: "delete",
  0x6d: "modrdn",
  0x6f: "compare",
  0x73: "reference",
  0x78: "extended",
  0x79: "intermediate",
};

export interface Response {
  readonly id: number;
  readonly kind: string;
  /** -1: it has none. */
  readonly resultCode: number;
  readonly text: string;
}

/** What a client reads; a notice of disconnection has the id 0. */
export function readResponse(bytes: Buffer): Response {
  const reader = new BerReader(bytes);
  const outer = reader.enter(TAG.sequence);
  const id = reader.readInteger(TAG.integer);
  const tag = reader.peekTag();
  const kind = RESPONSES[tag] ?? `0x${tag.toString(16)}`;
  if (kind === "entry" || kind === "reference" || kind === "intermediate") {
    return { id, kind, resultCode: -1, text: "" };
  }
  const operation = reader.enter(tag);
  const resultCode = reader.readInteger(TAG.enumerated);
  reader.readText(TAG.octetString);
  const diagnosticMessage = reader.readText(TAG.octetString);
  reader.leaveEarly(operation);
  reader.leaveEarly(outer);
  return { id, kind, resultCode, text: diagnosticMessage };
}
