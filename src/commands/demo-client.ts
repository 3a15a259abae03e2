// A NAS as small as it can be: one request, one verified reply. For the demo only; real ones retransmit.

import { createSocket } from "node:dgram";

import { randomBytes, randomInt } from "../lib/random.ts";
import { Secret } from "../lib/secret.ts";
import { ATTRIBUTE, find } from "../wire/radius/attributes.ts";
import { verifyReply } from "../wire/radius/authenticator.ts";
import { CODE, codeName } from "../wire/radius/code.ts";
import { decode, encodeRequest, type Packet } from "../wire/radius/packet.ts";
import { SharedSecret } from "../wire/radius/shared-secret.ts";
import { Failure } from "./failure.ts";

export interface RadiusClient {
  /** The reply's name as in RFC 2865, and its State. Throws when none comes. */
  login(
    username: string,
    password: string,
    state?: Buffer,
  ): Promise<{ readonly name: string; readonly state: Buffer | undefined }>;
  close(): void;
}

const TIMEOUT_MS = 5_000;

export function createRadiusClient(port: number, sharedSecret: string): RadiusClient {
  const secret = new SharedSecret(Secret.of(sharedSecret));
  const socket = createSocket("udp4");
  const waiting = new Map<number, (reply: Buffer) => void>();
  socket.on("message", (reply) => waiting.get(reply[1] ?? -1)?.(reply));
  let identifier = randomInt(256);

  return {
    async login(username, password, state) {
      identifier = (identifier + 1) % 256;
      const own = identifier;
      const authenticator = randomBytes(16);
      const request = encodeRequest({
        code: CODE.accessRequest,
        identifier: own,
        authenticator,
        attributes: [
          { type: ATTRIBUTE.userName, value: Buffer.from(username) },
          ...(state === undefined ? [] : [{ type: ATTRIBUTE.state, value: state }]),
        ],
        secret,
        password: Secret.of(password),
      });
      const reply = await new Promise<Buffer>((resolve, reject) => {
        const late = new Failure(1, `no reply from 127.0.0.1:${port}`);
        const timer = setTimeout(() => reject(late), TIMEOUT_MS);
        waiting.set(own, (bytes) => {
          clearTimeout(timer);
          resolve(bytes);
        });
        socket.send(request, port, "127.0.0.1");
      }).finally(() => waiting.delete(own));
      const packet: Packet = decode(reply);
      if (!verifyReply(packet, authenticator, secret)) throw new Failure(1, "a forged reply");
      return {
        name: codeName(packet.code),
        state: find(packet.attributes, ATTRIBUTE.state)?.value,
      };
    },
    close: () => socket.close(),
  };
}
