// From a verdict to a packet and the moment it may leave.
// Invariants: attributes that grant anything stand in an Accept only, and all refusals look alike.

import { WireError } from "../../wire/error.ts";
import {
  ATTRIBUTE,
  type Attribute,
  find,
  findAll,
  VALUE_BYTES_MAX,
} from "../../wire/radius/attributes.ts";
import { CODE, type ReplyCode } from "../../wire/radius/code.ts";
import { encodeReply, type Packet } from "../../wire/radius/packet.ts";
import type { SharedSecret } from "../../wire/radius/shared-secret.ts";
import type { ReplyRule } from "./clients.ts";

const CHALLENGE_TEXT = Buffer.from("Enter your one-time code");

const VENDOR_HEADER_BYTES = 5;

// RFC 3580 §3.31: these three say one thing together; so do those that RFC 2868 groups with them.
const TUNNEL_TYPES: ReadonlySet<number> = new Set([64, 65, 66, 67, 81, 82, 83, 90, 91]);

/** The attributes of all rules whose group is among `groups`; for the same one the later wins. */
export function replyAttributes(
  rules: readonly ReplyRule[],
  groups: ReadonlySet<string>,
): Attribute[] {
  if (groups.size === 0) return [];
  const winners = new Map<string, Attribute[]>();
  for (const rule of rules) {
    if (!groups.has(rule.group)) continue;
    const own = Map.groupBy(rule.attributes, attributeKey);
    for (const [key, attributes] of own) winners.set(key, attributes);
  }
  return [...winners.values()].flat();
}

/** The same for attributes that replace each other. */
function attributeKey({ type, value }: Attribute): string {
  if (TUNNEL_TYPES.has(type)) return "tunnel";
  if (type !== ATTRIBUTE.vendorSpecific) return String(type);
  return `vendor ${value.toString("hex", 0, VENDOR_HEADER_BYTES)}`;
}

/** Words for the person (RFC 2865 §5.18), as far as they fit. */
export function messageAttributes(text: string | undefined): Attribute[] {
  if (text === undefined) return [];
  return [{ type: ATTRIBUTE.replyMessage, value: Buffer.from(text).subarray(0, VALUE_BYTES_MAX) }];
}

export function challengeAttributes(state: Buffer): Attribute[] {
  return [
    { type: ATTRIBUTE.state, value: state },
    { type: ATTRIBUTE.replyMessage, value: CHALLENGE_TEXT },
  ];
}

/** Nothing; to an EAP request the EAP-Failure that RFC 3579 §2.6.3 wants in every Reject. */
export function rejectAttributes(request: Packet): Attribute[] {
  const eap = find(request.attributes, ATTRIBUTE.eapMessage);
  if (eap === undefined) return [];
  // RFC 3748 §4.2: code 4, the identifier of what it answers, length 4.
  const identifier = eap.value.length > 1 ? eap.value.readUInt8(1) : 0;
  return [{ type: ATTRIBUTE.eapMessage, value: Buffer.from([4, identifier, 0, 4]) }];
}

/** Signed, with all Proxy-States in order; undefined when they don't fit in with the rest. */
export function writeReply(
  request: Packet,
  code: ReplyCode,
  attributes: readonly Attribute[],
  secret: SharedSecret,
): Buffer | undefined {
  const { identifier, authenticator } = request;
  // RFC 2865 §5.33: unmodified and in order.
  const proxyStates = findAll(request.attributes, ATTRIBUTE.proxyState);
  try {
    return encodeReply({
      code,
      identifier,
      requestAuthenticator: authenticator,
      attributes: [...attributes, ...proxyStates],
      secret,
    });
  } catch (error) {
    if (error instanceof WireError && error.code === "too-long") return undefined;
    throw error;
  }
}

/** RFC 5997 §3: "I'm alive", as an Access-Accept that grants nothing. */
export function writeStatusReply(request: Packet, secret: SharedSecret): Buffer {
  const { identifier, authenticator: requestAuthenticator } = request;
  const attributes: Attribute[] = [];
  return encodeReply({
    code: CODE.accessAccept,
    identifier,
    requestAuthenticator,
    attributes,
    secret,
  });
}
