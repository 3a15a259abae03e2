// A NAS in a few lines: many logins at once over one UDP socket, each reply proven genuine. For tests
// that need to know exactly which replies arrived; one-off logins go through the real radclient.

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";

import { Secret } from "../../src/lib/secret.ts";
import { ATTRIBUTE } from "../../src/wire/radius/attributes.ts";
import { verifyReply } from "../../src/wire/radius/authenticator.ts";
import { CODE } from "../../src/wire/radius/code.ts";
import { decode, encodeRequest } from "../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../src/wire/radius/shared-secret.ts";

/** "none": the client gave up waiting. */
export type Reply = "accept" | "reject" | "challenge" | "none";

export interface RadiusClient {
  /** One request, sent once. Every call comes from another device, so that none is a copy. */
  login(username: string, password: string): Promise<Reply>;
  /** Whoever still waits gets "none". */
  giveUp(): void;
}

interface Waiting {
  readonly authenticator: Buffer;
  readonly resolve: (reply: Reply) => void;
}

const IDENTIFIERS = 256;
const NAMES = new Map<number, Reply>([
  [CODE.accessAccept, "accept"],
  [CODE.accessReject, "reject"],
  [CODE.accessChallenge, "challenge"],
]);
let devices = 0;

/** At most 256 logins at a time. */
export function createRadiusClient(port: number, sharedSecret: string): RadiusClient {
  const secret = new SharedSecret(Secret.of(sharedSecret));
  const socket = createSocket("udp4").unref();
  const waiting = new Map<number, Waiting>();
  let sent = 0;
  // The gateway was killed: nobody listens on its port any more.
  socket.on("error", () => undefined);
  socket.on("message", (datagram) => {
    const reply = decode(datagram);
    const one = waiting.get(reply.identifier);
    if (one === undefined || !verifyReply(reply, one.authenticator, secret)) return;
    waiting.delete(reply.identifier);
    one.resolve(NAMES.get(reply.code) ?? "none");
  });
  return {
    login(username, password) {
      if (waiting.size === IDENTIFIERS) throw new Error("too many logins at a time");
      while (waiting.has(sent % IDENTIFIERS)) sent += 1;
      const identifier = sent % IDENTIFIERS;
      sent += 1;
      devices += 1;
      const authenticator = randomBytes(16);
      const bytes = encodeRequest({
        code: CODE.accessRequest,
        identifier,
        authenticator,
        secret,
        password: Secret.of(password),
        attributes: [
          { type: ATTRIBUTE.userName, value: Buffer.from(username) },
          { type: ATTRIBUTE.callingStationId, value: Buffer.from(`device-${devices}`) },
        ],
      });
      return new Promise((resolve) => {
        waiting.set(identifier, { authenticator, resolve });
        socket.send(bytes, port, "127.0.0.1");
      });
    },
    giveUp() {
      for (const { resolve } of waiting.values()) resolve("none");
      waiting.clear();
      socket.close();
    },
  };
}
