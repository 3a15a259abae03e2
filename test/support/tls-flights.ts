// What the two sides of a TLS handshake send first, recorded from a genuine one, and hundreds of
// damaged forms of it. Invariant: none of these completes a handshake, as its random values were
// another's; the same number gives the same octets.

import { once } from "node:events";
import { duplexPair } from "node:stream";
import { connect, createServer } from "node:tls";

import { mutate } from "./mutate.ts";
import { seededNumbers } from "./prng.ts";

type Side = "client" | "server";
type Flights = Readonly<Record<Side, Buffer>>;

interface Identity {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** As many as a well-known corpus of TLS has; whole flights of TLS 1.2 and 1.3, cut, damaged, mixed. */
export const DAMAGED = 349;

export async function damagedFlights(identity: Identity, side: Side): Promise<Buffer[]> {
  const whole = [await record(identity, "TLSv1.2"), await record(identity, "TLSv1.3")];
  const flights = whole.map((both) => both[side]);
  const next = seededNumbers(19);
  return Array.from({ length: DAMAGED }, (_, index) => {
    const flight = flights[index % 2] ?? Buffer.alloc(0);
    const kind = index % 5;
    if (kind === 0) return flight.subarray(0, 1 + next(flight.length));
    // Heads of records and messages are where lengths are.
    if (kind === 1)
      return Buffer.concat([mutate(flight.subarray(0, 60), next), flight.subarray(60)]);
    if (kind === 2) return shuffled(flight, next);
    if (kind === 3) {
      const other = whole[next(2)]?.[next(2) === 0 ? "client" : "server"] ?? flight;
      return Buffer.concat([mutate(flight, next), other]);
    }
    return mutate(flight, next);
  });
}

/** Its records in another order, some of them twice. */
function shuffled(flight: Buffer, next: (limit: number) => number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at + 5 <= flight.length;) {
    const end = at + 5 + flight.readUInt16BE(at + 3);
    records.push(flight.subarray(at, end));
    at = end;
  }
  const count = 1 + next(2 * records.length);
  return Buffer.concat(
    Array.from({ length: count }, () => records[next(records.length)] ?? Buffer.alloc(0)),
  );
}

/** All that each side sent until the handshake was done. */
async function record(identity: Identity, version: "TLSv1.2" | "TLSv1.3"): Promise<Flights> {
  const { key, cert, ca } = identity;
  const sent: Record<Side, Buffer[]> = { client: [], server: [] };
  const options = { key, cert, minVersion: version, maxVersion: version };
  const server = createServer(options);
  const [outer, inner] = duplexPair();
  outer.on("data", (chunk: Buffer) => sent.server.push(chunk));
  inner.on("data", (chunk: Buffer) => sent.client.push(chunk));
  const done = once(server, "secureConnection");
  server.emit("connection", inner);
  const client = connect({ socket: outer, ca, checkServerIdentity: () => undefined });
  await Promise.all([done, once(client, "secureConnect")]);
  client.destroy();
  return { client: Buffer.concat(sent.client), server: Buffer.concat(sent.server) };
}
