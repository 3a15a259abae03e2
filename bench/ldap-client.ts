// What the generators have in common: a connection to the LDAP door, and the Bind of a person.

import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";

import { generateCode, stepAt } from "../src/core/totp.ts";
import { Secret } from "../src/lib/secret.ts";
import { BerWriter, TAG } from "../src/wire/ldap/ber.ts";
import { finishMessage } from "../src/wire/ldap/envelope.ts";
import { OPERATION } from "../src/wire/ldap/operation.ts";
import { BASE, nameOf, passwordOf, totpKeyOf } from "./people.ts";

const STEP_SECONDS = 30;
const TOKEN = { algorithm: "sha1", digits: 6 } as const;

export const dnOf = (index: number): string => `uid=${nameOf(index)},ou=people,${BASE}`;

/** How to connect to that port of loopback; `caFile`: a PEM file, and LDAPS. */
export function connector(port: number, caFile: string | undefined): () => Socket {
  const options = { host: "127.0.0.1", port, noDelay: true };
  if (caFile === undefined || caFile === "") return () => connect(options);
  const ca = readFileSync(caFile);
  return () => connectTls({ ...options, ca });
}

/** Reset, as many clients do it: otherwise the machine runs out of ports for a minute. */
export function hangUp(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** The message id 1; `withCode`: the password ends in ",code". */
export function makeBind(index: number, withCode: boolean): Buffer {
  const step = stepAt(Date.now(), STEP_SECONDS);
  const code = withCode ? `,${generateCode(TOKEN, Secret.of(totpKeyOf(index)), step)}` : "";
  const writer = new BerWriter();
  writer.writeText(0x80, `${passwordOf(index)}${code}`);
  writer.writeText(TAG.octetString, dnOf(index));
  writer.writeInteger(TAG.integer, 3);
  writer.wrap(OPERATION.bindRequest, 0);
  return finishMessage(writer, 1);
}
