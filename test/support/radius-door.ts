// A RADIUS door without sockets and a NAS that talks to it: what a test needs and nothing else.
// Invariant: every reply is verified: both authenticators, Message-Authenticator first.

import type { Attempt, Authenticator, ChallengeAnswer, Decision } from "../../src/core/attempt.ts";
import type { EventDraft } from "../../src/core/audit.ts";
import type { Directory, Learnt } from "../../src/core/ports.ts";
import type { Reason, Verdict } from "../../src/core/verdict.ts";
import type { RadiusClient } from "../../src/doors/radius/clients.ts";
import {
  createRadiusDoor,
  type Origin,
  type RadiusDoor,
  type RadiusDoorOptions,
} from "../../src/doors/radius/handle.ts";
import type { Log } from "../../src/lib/log.ts";
import { randomBytes } from "../../src/lib/random.ts";
import { Secret } from "../../src/lib/secret.ts";
import { ATTRIBUTE, type Attribute, find } from "../../src/wire/radius/attributes.ts";
import { checkMessageAuthenticator, verifyReply } from "../../src/wire/radius/authenticator.ts";
import { CODE, codeName, type RequestCode } from "../../src/wire/radius/code.ts";
import { findDefinition } from "../../src/wire/radius/dictionary.ts";
import { decode, encodeRequest, type Packet } from "../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../src/wire/radius/shared-secret.ts";
import { fakeClock, type FakeClock } from "./clock.ts";

export const SECRET = "testing123";
export const NAS: Origin = { address: "127.0.0.1", port: 40_000, socket: "127.0.0.1:1812" };

export function network(text: string): RadiusClient["addresses"][number] {
  const [address = "", length] = text.split("/");
  const bytes = address.includes(":")
    ? Buffer.from(address.replaceAll(":", "").padEnd(32, "0"), "hex")
    : Buffer.from(address.split(".").map(Number));
  return { bytes, prefix: length === undefined ? bytes.length * 8 : Number(length) };
}

export function client(changes: Partial<RadiusClient> = {}): RadiusClient {
  return {
    name: "vpn",
    addresses: [network("127.0.0.1")],
    secret: Secret.of(SECRET),
    previousSecret: undefined,
    requireMessageAuthenticator: true,
    limitProxyState: true,
    rejectDelayMs: 1_000,
    directory: "corp",
    allowGroups: [],
    probeUsers: [],
    mfa: "disabled",
    code: "auto",
    separator: ",",
    endUser: findDefinition("Calling-Station-Id"),
    reply: [],
    ...changes,
  };
}

/** bob has the password hello; nobody else is known. Nothing here is asked over a network. */
export const corp: Directory = {
  name: "corp",
  find: async (username) =>
    username === "bob"
      ? {
          kind: "found",
          identity: {
            directory: "corp",
            id: "1",
            username: "bob",
            dn: "uid=bob,dc=example,dc=com",
          },
        }
      : { kind: "not-found" },
  bind: async (_, password) => ({
    kind: password.equals(Secret.of("hello")) ? "right" : "wrong",
  }),
  memberOf: async () => new Set(),
};

export function rejected(reason: Reason): Decision {
  return decided({ outcome: "reject", reason });
}

export function decided(verdict: Verdict, more: Partial<Decision> = {}): Decision {
  return { verdict, groups: new Set(), ...more };
}

export const ACCEPTED = decided({ outcome: "accept" });
export const DOWN = decided({
  outcome: "unavailable",
  reason: "directory-unavailable",
  dependency: "directory:corp",
});

interface Script {
  readonly authenticator: Authenticator;
  readonly logins: Attempt[];
  readonly answers: ChallengeAnswer[];
  readonly refusals: { reason: Reason; username: string | undefined; authType: string }[];
  /** Replaces the rule "bob with hello is accepted" for every login and answer to come. */
  decide: (attempt: Attempt) => Decision | Promise<Decision>;
}

function scriptedAuthenticator(): Script {
  const script: Script = {
    logins: [],
    answers: [],
    refusals: [],
    decide({ username, credentials }) {
      if (username !== "bob") return rejected("user-not-found");
      return credentials.equals(Secret.of("hello")) ? ACCEPTED : rejected("password-incorrect");
    },
    authenticator: {
      async login(attempt) {
        script.logins.push(attempt);
        return script.decide(attempt);
      },
      async answer(answer) {
        script.answers.push(answer);
        return script.decide(answer);
      },
      opens: ({ state }) => state.toString().startsWith("a State"),
      async refuse({ username, authType }, reason) {
        script.refusals.push({ reason, username, authType });
      },
    },
  };
  return script;
}

/** What one run of the gateway leaves to the next. */
export function memoryLearnt(): Learnt & { readonly keys: string[] } {
  const keys: string[] = [];
  return {
    keys,
    load: async () => [...keys],
    remember: async (_, key) => {
      keys.push(key);
    },
  };
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function memoryLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string): Log["info"] =>
    (fields, message) =>
      void lines.push({ level, message, fields });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export interface Kit {
  readonly door: RadiusDoor;
  readonly clock: FakeClock;
  readonly script: Script;
  readonly events: EventDraft[];
  readonly log: ReturnType<typeof memoryLog>;
}

/** A door for `client()` with a scripted authenticator, unless `changes` say otherwise. */
export async function openDoor(changes: Partial<RadiusDoorOptions> = {}): Promise<Kit> {
  const clock = fakeClock();
  const script = scriptedAuthenticator();
  const log = memoryLog();
  const events: EventDraft[] = [];
  const door = await createRadiusDoor({
    clients: [client()],
    directories: new Map([["corp", corp]]),
    authenticator: script.authenticator,
    learnt: memoryLearnt(),
    canServe: () => true,
    helpText: () => undefined,
    audit: async (event) => {
      events.push(event);
    },
    clock,
    log,
    ...changes,
  });
  return { door, clock, script, events, log };
}

export interface RequestParts {
  readonly code?: RequestCode;
  readonly identifier?: number;
  readonly authenticator?: Buffer;
  /** Null: no User-Name. */
  readonly username?: string | Buffer | null;
  /** Null: no User-Password. */
  readonly password?: string | Buffer | null;
  readonly attributes?: readonly Attribute[];
  readonly secret?: string;
  readonly signature?: "genuine" | "absent" | "forged";
}

/** bob's login with hello, signed, unless told otherwise. */
export function request(parts: RequestParts = {}): Buffer {
  const { username = "bob", password = "hello", signature = "genuine" } = parts;
  const attributes = [...(parts.attributes ?? [])];
  if (username !== null) attributes.unshift({ type: ATTRIBUTE.userName, value: bytesOf(username) });
  const bytes = encodeRequest({
    code: parts.code ?? CODE.accessRequest,
    identifier: parts.identifier ?? 1,
    authenticator: parts.authenticator ?? randomBytes(16),
    attributes,
    secret: new SharedSecret(Secret.of(parts.secret ?? SECRET)),
    ...(password === null ? {} : { password: Secret.of(bytesOf(password)) }),
  });
  if (signature === "forged") bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
  return signature === "absent" ? unsigned(bytes) : bytes;
}

export function attribute(type: number, value: string | Buffer): Attribute {
  return { type, value: bytesOf(value) };
}

export function statusRequest(parts: RequestParts = {}): Buffer {
  return request({ code: CODE.statusServer, username: null, password: null, ...parts });
}

function bytesOf(value: string | Buffer): Buffer {
  return typeof value === "string" ? Buffer.from(value) : value;
}

/** Without the Message-Authenticator that stands first. */
function unsigned(bytes: Buffer): Buffer {
  const shorter = Buffer.concat([bytes.subarray(0, 20), bytes.subarray(38)]);
  shorter.writeUInt16BE(shorter.length, 2);
  return shorter;
}

export interface Reply {
  /** "Access-Accept" … */
  readonly name: string;
  readonly packet: Packet;
  readonly bytes: Buffer;
  /** ms after the request was received. */
  readonly afterMs: number;
}

/** The verified reply, or the reason for the silence. */
export async function ask(
  kit: Pick<Kit, "door" | "clock">,
  datagram: Buffer,
  from: Partial<Origin> = {},
  secret = SECRET,
): Promise<Reply | string> {
  const receivedAt = kit.clock.monotonic();
  const answer = await kit.door.handle(datagram, { ...NAS, ...from });
  if ("drop" in answer) return answer.drop;
  const { bytes, sendAt } = answer;
  return { ...readReply(datagram, bytes, secret), afterMs: sendAt - receivedAt };
}

export function readReply(
  datagram: Buffer,
  bytes: Buffer,
  secret: string,
): Pick<Reply, "name" | "packet" | "bytes"> {
  const packet = decode(bytes);
  const requestAuthenticator = datagram.subarray(4, 20);
  const shared = new SharedSecret(Secret.of(secret));
  const signature = checkMessageAuthenticator(packet, shared, requestAuthenticator);
  if (signature !== "genuine") throw new Error(`the reply's Message-Authenticator: ${signature}`);
  if (!verifyReply(packet, requestAuthenticator, shared)) throw new Error("a forged reply");
  if (packet.attributes[0]?.type !== ATTRIBUTE.messageAuthenticator) {
    throw new Error("Message-Authenticator isn't the first attribute");
  }
  if (packet.identifier !== datagram.readUInt8(1)) throw new Error("another identifier");
  return { name: codeName(packet.code), packet, bytes };
}

/** The reply's name, or the reason for the silence. */
export async function nameOf(
  kit: Pick<Kit, "door" | "clock">,
  datagram: Buffer,
  from: Partial<Origin> = {},
  secret = SECRET,
): Promise<string> {
  const reply = await ask(kit, datagram, from, secret);
  return typeof reply === "string" ? reply : reply.name;
}

/** Fails unless there was a reply. */
export function replied(reply: Reply | string): Reply {
  if (typeof reply === "string") throw new Error(`silence: ${reply}`);
  return reply;
}

export function stateOf(reply: Reply): Buffer {
  const state = find(reply.packet.attributes, ATTRIBUTE.state);
  if (state === undefined) throw new Error("the reply has no State");
  return state.value;
}
