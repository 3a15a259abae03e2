// Whether a packet comes from someone who holds the client's secret, and whether it must prove it.
// Invariant: a Message-Authenticator that is there is verified, and an address that once signed its
// logins has to sign them for ever.

import type { Learnt } from "../../core/ports.ts";
import type { Log } from "../../lib/log.ts";
import { ATTRIBUTE, find } from "../../wire/radius/attributes.ts";
import { checkMessageAuthenticator } from "../../wire/radius/authenticator.ts";
import { CODE } from "../../wire/radius/code.ts";
import type { Packet } from "../../wire/radius/packet.ts";
import type { SharedSecret } from "../../wire/radius/shared-secret.ts";
import type { KnownClient } from "./clients.ts";
import type { DropReason } from "./drop-reasons.ts";

/** Replies are signed with `secret`. */
export interface Proof {
  readonly secret: SharedSecret;
  readonly isSigned: boolean;
}

/** Addresses that have shown that they sign. */
export interface Signers {
  has(address: string): boolean;
  add(address: string): void;
}

/** Signed with which secret, or the reason for silence. Touches nothing but `signers`. */
export function proveOrigin(
  packet: Packet,
  client: KnownClient,
  address: string,
  signers: Signers,
): Proof | DropReason {
  const { settings, secret, previousSecret } = client;
  if (find(packet.attributes, ATTRIBUTE.messageAuthenticator) === undefined) {
    if (mustSign(packet, client, address, signers)) return "missing-message-authenticator";
    // What a BlastRADIUS forgery needs room in (draft-ietf-radext-deprecating-radius §5.2.4).
    const hasProxyState = find(packet.attributes, ATTRIBUTE.proxyState) !== undefined;
    if (settings.limitProxyState && hasProxyState) return "unsigned-proxy-state";
    return { secret, isSigned: false };
  }
  const signedWith = findSigner(packet, secret, previousSecret);
  if (signedWith === undefined) return "bad-message-authenticator";
  if (settings.requireMessageAuthenticator === "auto" && isPlainLogin(packet)) {
    signers.add(address);
  }
  return { secret: signedWith, isSigned: true };
}

function findSigner(
  packet: Packet,
  secret: SharedSecret,
  previousSecret: SharedSecret | undefined,
): SharedSecret | undefined {
  if (checkMessageAuthenticator(packet, secret) === "genuine") return secret;
  if (previousSecret === undefined) return undefined;
  const signature = checkMessageAuthenticator(packet, previousSecret);
  return signature === "genuine" ? previousSecret : undefined;
}

function mustSign(
  packet: Packet,
  { settings }: KnownClient,
  address: string,
  signers: Signers,
): boolean {
  // RFC 3579 §3.2 for EAP, RFC 5997 §3 for Status-Server: these always sign.
  if (!isPlainLogin(packet)) return true;
  const required = settings.requireMessageAuthenticator;
  return required === "auto" ? signers.has(address) : required;
}

// Only these say something about a NAS: every one signs EAP and Status-Server.
function isPlainLogin({ code, attributes }: Packet): boolean {
  return code === CODE.accessRequest && find(attributes, ATTRIBUTE.eapMessage) === undefined;
}

// Only holders of a secret get here, so it takes networks full of NASes to fill.
const SIGNERS_MAX = 50_000;

/** Those of earlier runs, and new ones as they come. Throws when the store can't be read. */
export async function loadSigners(learnt: Learnt, log: Log): Promise<Signers> {
  const known = new Set(await learnt.load("message-authenticator"));
  const unsaved = new Set<string>();

  function save(address: string): void {
    unsaved.delete(address);
    learnt.remember("message-authenticator", address).catch((error: unknown) => {
      // Known until the restart at least, and tried again with its next packet.
      unsaved.add(address);
      log.error({ err: error, source: address }, "that this address signs could not be saved");
    });
  }

  return {
    has: (address) => known.has(address),
    add(address) {
      if (known.has(address)) {
        if (unsaved.has(address)) save(address);
        return;
      }
      if (known.size >= SIGNERS_MAX) return;
      known.add(address);
      log.info({ source: address }, "signs its logins; unsigned ones are dropped from now on");
      save(address);
    },
  };
}
