// What an Access-Request asks for: a login to try, or the reason why none can be tried.
// Invariant: exactly one name and one kind of credentials, or a refusal; never "the first wins".

import { isUtf8 } from "node:buffer";

import type { Reason } from "../../core/verdict.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import {
  ATTRIBUTE,
  type Attribute,
  find,
  findAll,
  findVendor,
  readInteger,
  readText,
} from "../../wire/radius/attributes.ts";
import { reveal } from "../../wire/radius/hidden.ts";
import type { Packet } from "../../wire/radius/packet.ts";
import type { SharedSecret } from "../../wire/radius/shared-secret.ts";
import type { KnownClient } from "./clients.ts";
import type { Proof } from "./proof.ts";

type AuthType = "PAP" | "CHAP" | "MS-CHAP" | "MS-CHAPv2" | "EAP" | "none";

/** `secret` is the one that the reply is signed with. */
export type AccessRequest =
  | {
      readonly kind: "login";
      readonly username: string;
      readonly authType: "PAP";
      readonly credentials: Secret;
      /** Present in the answer to a challenge. */
      readonly state: Buffer | undefined;
      readonly secret: SharedSecret;
    }
  | {
      readonly kind: "refused";
      readonly reason: Reason;
      /** For the audit only: it may be anything. */
      readonly username: string | undefined;
      readonly authType: AuthType;
      readonly secret: SharedSecret;
    }
  | { readonly kind: "probe"; readonly username: string; readonly secret: SharedSecret };

const MICROSOFT = 311;
const MS_CHAP_RESPONSE = 1;
const MS_CHAP2_RESPONSE = 25;

const CALL_CHECK = 10;
const AUTHORIZE_ONLY = 17;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

export function readRequest(packet: Packet, client: KnownClient, proof: Proof): AccessRequest {
  const { attributes } = packet;
  const names = findAll(attributes, ATTRIBUTE.userName);
  const authTypes = presentAuthTypes(attributes);
  const [authType = "none", secondAuthType] = authTypes;
  const refused = (reason: Reason): AccessRequest => ({
    kind: "refused",
    reason,
    username: names[0]?.value.toString("utf8"),
    authType: secondAuthType === undefined ? authType : "none",
    secret: proof.secret,
  });

  const username = readUsername(names);
  if (username === undefined) return refused("malformed-username");
  if (isProbe(username, client)) return { kind: "probe", username, secret: proof.secret };
  const states = findAll(attributes, ATTRIBUTE.state);
  const reason = refusalByKind(attributes, authTypes, states);
  if (reason !== undefined) return refused(reason);

  const password = revealPassword(packet, client, proof);
  if (typeof password === "string") return refused(password);
  const { credentials, secret } = password;
  const state = states[0]?.value;
  return { kind: "login", username, authType: "PAP", credentials, state, secret };
}

/** RFC 7542 §2: a name that isn't valid as it stands is nobody's, never cut or cleaned. */
function readUsername(names: readonly Attribute[]): string | undefined {
  const [name, second] = names;
  if (name === undefined || second !== undefined) return undefined;
  const username = readText(name.value);
  return username === undefined || CONTROL.test(username) ? undefined : username;
}

function isProbe(username: string, { probeUsers }: KnownClient): boolean {
  return probeUsers.size > 0 && probeUsers.has(normaliseUsername(username));
}

function refusalByKind(
  attributes: readonly Attribute[],
  authTypes: readonly AuthType[],
  states: readonly Attribute[],
): Reason | undefined {
  const serviceType = find(attributes, ATTRIBUTE.serviceType);
  const service = serviceType === undefined ? undefined : readInteger(serviceType.value);
  // Anybody can have the hardware address of a device: it proves nothing.
  if (service === CALL_CHECK) return "call-check";
  // RFC 2865 §5.24: at most one State.
  if (states.length > 1) return "state-invalid";
  // RFC 5080 §2.1.1: it authorizes what went before, so it must say what.
  if (service === AUTHORIZE_ONLY && states.length === 0) return "unsupported-auth-type";
  // RFC 2865 §4.1 and RFC 3579 §3.3: one kind of credentials, once.
  if (authTypes.length !== 1) return "malformed-credentials";
  return authTypes[0] === "PAP" ? undefined : "unsupported-auth-type";
}

/** One for each credential in the packet; an EAP packet may be in several attributes. */
function presentAuthTypes(attributes: readonly Attribute[]): AuthType[] {
  const authTypes: AuthType[] = [];
  for (const { type } of attributes) {
    if (type === ATTRIBUTE.userPassword) authTypes.push("PAP");
    if (type === ATTRIBUTE.chapPassword) authTypes.push("CHAP");
    if (type === ATTRIBUTE.eapMessage && !authTypes.includes("EAP")) authTypes.push("EAP");
  }
  if (find(attributes, ATTRIBUTE.vendorSpecific) === undefined) return authTypes;
  for (const _ of findVendor(attributes, MICROSOFT, MS_CHAP_RESPONSE)) authTypes.push("MS-CHAP");
  for (const _ of findVendor(attributes, MICROSOFT, MS_CHAP2_RESPONSE)) {
    authTypes.push("MS-CHAPv2");
  }
  return authTypes;
}

interface Revealed {
  readonly credentials: Secret;
  readonly secret: SharedSecret;
}

/**
 * Noise instead of UTF-8 means that the secrets differ: forwarded, it would count as a wrong
 * password and lock people out. Unsigned packets don't say which secret hid the password.
 */
function revealPassword(packet: Packet, client: KnownClient, proof: Proof): Revealed | Reason {
  const hidden = find(packet.attributes, ATTRIBUTE.userPassword)?.value ?? Buffer.alloc(0);
  const { authenticator } = packet;
  const credentials = reveal(hidden, authenticator, proof.secret);
  if (credentials === undefined) return "malformed-credentials";
  if (isUtf8(credentials.reveal())) return { credentials, secret: proof.secret };
  if (proof.isSigned || client.previousSecret === undefined) return "secret-mismatch";
  const earlier = reveal(hidden, authenticator, client.previousSecret);
  if (earlier === undefined || !isUtf8(earlier.reveal())) return "secret-mismatch";
  return { credentials: earlier, secret: client.previousSecret };
}
