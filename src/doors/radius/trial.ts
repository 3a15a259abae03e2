// A login tried by an administrator as if a NAS had sent it: how the packet looks, and what the NAS
// would have got. The decision itself, with its counters, claims and event, is a real one.

import type { Reason } from "../../core/verdict.ts";
import { randomBytes } from "../../lib/random.ts";
import type { Secret } from "../../lib/secret.ts";
import { ATTRIBUTE, find } from "../../wire/radius/attributes.ts";
import { CODE } from "../../wire/radius/code.ts";
import { describeAttribute } from "../../wire/radius/dictionary.ts";
import { decode, encodeRequest, type Packet } from "../../wire/radius/packet.ts";
import type { KnownClient } from "./clients.ts";
import type { DropReason } from "./drop-reasons.ts";

export interface Trial {
  readonly username: string;
  readonly password: Secret;
  /** In the answer to a challenge. */
  readonly state: Buffer | undefined;
}

export interface TrialResult {
  readonly reply: "accept" | "challenge" | "reject" | "silence";
  /** Why it wasn't accepted; never told to a NAS. */
  readonly reason: Reason | DropReason | undefined;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  /** To be sent back with the code. */
  readonly state: Buffer | undefined;
}

/** What the audit shows as NAS-Identifier. */
const IDENTIFIER = "gatehouse test login";
/** Between NAS and gateway only. */
const UNINTERESTING: ReadonlySet<number> = new Set([
  ATTRIBUTE.state,
  ATTRIBUTE.messageAuthenticator,
  ATTRIBUTE.proxyState,
]);

export function trialPacket({ username, password, state }: Trial, client: KnownClient): Packet {
  const request = encodeRequest({
    code: CODE.accessRequest,
    identifier: 0,
    authenticator: randomBytes(16),
    attributes: [
      { type: ATTRIBUTE.userName, value: Buffer.from(username, "utf8") },
      { type: ATTRIBUTE.nasIdentifier, value: Buffer.from(IDENTIFIER) },
      ...(state === undefined ? [] : [{ type: ATTRIBUTE.state, value: state }]),
    ],
    secret: client.secret,
    password,
  });
  return decode(request);
}

export function readTrial(answer: Buffer | DropReason, reason: Reason | undefined): TrialResult {
  if (typeof answer === "string") {
    return { reply: "silence", reason: reason ?? answer, attributes: [], state: undefined };
  }
  const { code, attributes } = decode(answer);
  return {
    reply: REPLIES.get(code) ?? "reject",
    reason,
    attributes: attributes.filter(({ type }) => !UNINTERESTING.has(type)).map(describeAttribute),
    state: find(attributes, ATTRIBUTE.state)?.value,
  };
}

const REPLIES: ReadonlyMap<number, TrialResult["reply"]> = new Map([
  [CODE.accessAccept, "accept"],
  [CODE.accessChallenge, "challenge"],
]);
