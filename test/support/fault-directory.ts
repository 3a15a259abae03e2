// A directory that misbehaves on demand: a raw TCP peer that the test scripts, one function per
// kind of request. What isn't scripted is answered honestly: binds succeed, searches find alice.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";

import { WireError } from "../../src/wire/error.ts";
import { BerReader, BerWriter, TAG } from "../../src/wire/ldap/ber.ts";
import { createFramer } from "../../src/wire/ldap/frame.ts";
import { BASE, SERVICE_DN } from "./slapd.ts";

interface FaultRequest {
  readonly id: number;
  /** Of a bind, or the base of a search. */
  readonly dn: string;
  readonly bytes: Buffer;
}

export type Script = (request: FaultRequest, peer: Socket) => void;

export interface Scripts {
  /** On accept, before any request. */
  connection?: (peer: Socket) => void;
  /** Binds of the service account. */
  serviceBind?: Script;
  bind?: Script;
  search?: Script;
  extended?: Script;
}

export interface FaultDirectory {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Replace a script at any time. */
  readonly scripts: Scripts;
  /** All requests so far, "bind <dn>" and "search <base>". */
  readonly log: readonly string[];
  /** Connections accepted so far. */
  readonly accepted: number;
  stop(): Promise<void>;
}

export const ALICE_DN = `uid=alice,ou=people,${BASE}`;
export const ALICE_UUID = "7f1c1e5e-0000-4000-8000-00000000000a";

export async function startFaultDirectory(scripts: Scripts = {}): Promise<FaultDirectory> {
  const log: string[] = [];
  const peers = new Set<Socket>();
  let accepted = 0;
  const server = createServer((peer) => {
    accepted += 1;
    peers.add(peer);
    peer.on("close", () => peers.delete(peer));
    peer.on("error", () => peer.destroy());
    scripts.connection?.(peer);
    const framer = createFramer(1_000_000);
    peer.on("data", (chunk: Buffer) => {
      try {
        framer.push(chunk, (bytes) => serve(bytes, peer));
      } catch (error) {
        // After StartTLS there comes TLS, of which it understands nothing.
        if (!(error instanceof WireError)) throw error;
      }
    });
  });

  function serve(bytes: Buffer, peer: Socket): void {
    const reader = new BerReader(bytes);
    reader.enter(TAG.sequence);
    const id = reader.readInteger(TAG.integer);
    const tag = reader.peekTag();
    if (tag === 0x60) {
      reader.enter(tag);
      reader.readInteger(TAG.integer);
      const dn = reader.readText(TAG.octetString);
      log.push(`bind ${dn}`);
      const script = dn === SERVICE_DN ? scripts.serviceBind : scripts.bind;
      (script ?? honestBind)({ id, dn, bytes }, peer);
    } else if (tag === 0x63) {
      reader.enter(tag);
      const dn = reader.readText(TAG.octetString);
      log.push(`search ${dn}`);
      (scripts.search ?? honestSearch)({ id, dn, bytes }, peer);
    } else if (tag === 0x77) {
      (scripts.extended ?? honestExtended)({ id, dn: "", bytes }, peer);
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    host: "127.0.0.1",
    port: address.port,
    scripts,
    log,
    get accepted() {
      return accepted;
    },
    async stop() {
      for (const peer of peers) peer.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function honestBind({ id }: FaultRequest, peer: Socket): void {
  peer.write(result(id, "bind", 0));
}

function honestExtended({ id }: FaultRequest, peer: Socket): void {
  peer.write(result(id, "extended", 0));
}

function honestSearch({ id, dn }: FaultRequest, peer: Socket): void {
  // Its root says nothing about itself.
  if (dn === "") return void peer.write(result(id, "search", 0));
  peer.write(Buffer.concat([entry(id, ALICE_DN, alice()), result(id, "search", 0)]));
}

/** The attributes of an honest entry, with some replaced. */
export function alice(
  changes: Readonly<Record<string, readonly (string | Buffer)[]>> = {},
): Readonly<Record<string, readonly (string | Buffer)[]>> {
  return { uid: ["alice"], entryUUID: [ALICE_UUID], ...changes };
}

const RESULT_TAGS = { bind: 0x61, search: 0x65, extended: 0x78 } as const;

export function result(
  id: number,
  kind: keyof typeof RESULT_TAGS,
  resultCode: number,
  more: { text?: string; control?: { oid: string; value: Buffer } } = {},
): Buffer {
  const writer = new BerWriter();
  if (more.control !== undefined) {
    writer.writeOctets(TAG.octetString, more.control.value);
    writer.writeText(TAG.octetString, more.control.oid);
    writer.wrap(TAG.sequence, 0);
    writer.wrap(0xa0, 0);
  }
  const before = writer.size;
  writer.writeText(TAG.octetString, more.text ?? "");
  writer.writeText(TAG.octetString, "");
  writer.writeInteger(TAG.enumerated, resultCode);
  writer.wrap(RESULT_TAGS[kind], before);
  return message(writer, id);
}

export function entry(
  id: number,
  dn: string | Buffer,
  attributes: Readonly<Record<string, readonly (string | Buffer)[]>>,
): Buffer {
  const writer = new BerWriter();
  for (const [name, values] of Object.entries(attributes).toReversed()) {
    const before = writer.size;
    for (const value of values.toReversed()) {
      writer.writeOctets(TAG.octetString, Buffer.from(value));
    }
    writer.wrap(TAG.set, before);
    writer.writeText(TAG.octetString, name);
    writer.wrap(TAG.sequence, before);
  }
  writer.wrap(TAG.sequence, 0);
  writer.writeOctets(TAG.octetString, Buffer.from(dn));
  writer.wrap(0x64, 0);
  return message(writer, id);
}

/** A continuation reference. */
export function reference(id: number, url: string): Buffer {
  const writer = new BerWriter();
  writer.writeText(TAG.octetString, url);
  writer.wrap(0x73, 0);
  return message(writer, id);
}

/** RFC 4511 §4.4.1: Notice of Disconnection. */
export function notice(): Buffer {
  const writer = new BerWriter();
  writer.writeText(0x8a, "1.3.6.1.4.1.1466.20036");
  writer.writeText(TAG.octetString, "");
  writer.writeText(TAG.octetString, "");
  writer.writeInteger(TAG.enumerated, 52);
  writer.wrap(0x78, 0);
  return message(writer, 0);
}

/** A response control of the password policy: error as 0 … 8, or grace logins. */
export function policyControl(policy: { error?: number; graceLogins?: number }): {
  oid: string;
  value: Buffer;
} {
  const writer = new BerWriter();
  if (policy.error !== undefined) writer.writeInteger(0x81, policy.error);
  if (policy.graceLogins !== undefined) {
    const before = writer.size;
    writer.writeInteger(0x81, policy.graceLogins);
    writer.wrap(0xa0, before);
  }
  writer.wrap(TAG.sequence, 0);
  return { oid: "1.3.6.1.4.1.42.2.27.8.5.1", value: writer.finish() };
}

function message(writer: BerWriter, id: number): Buffer {
  writer.writeInteger(TAG.integer, id);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}
