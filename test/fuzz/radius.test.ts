// Mutated packets against the RADIUS codec, from one seed.
// Invariant under test: reading ends in a value or a WireError, nothing else.

import t from "tap";
import { Secret } from "../../src/lib/secret.ts";
import { WireError } from "../../src/wire/error.ts";
import { ATTRIBUTE, find, findVendor, readText } from "../../src/wire/radius/attributes.ts";
import {
  checkMessageAuthenticator,
  verifyAccountingRequest,
  verifyReply,
} from "../../src/wire/radius/authenticator.ts";
import { findAsText, findDefinition } from "../../src/wire/radius/dictionary.ts";
import { reveal } from "../../src/wire/radius/hidden.ts";
import { decode, encodeReply } from "../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../src/wire/radius/shared-secret.ts";
import { seededNumbers } from "../support/prng.ts";
import { BAD_INPUT_SECRET, readBadInputs } from "../support/radius-vectors.ts";

const MUTATIONS = 20_000;
const SEED = 2865;

const secret = new SharedSecret(Secret.of(BAD_INPUT_SECRET));
const names = ["Calling-Station-Id", "NAS-Port", "Tunnel-Client-Endpoint", "Cisco-AVPair"];
const definitions = names.map(findDefinition).filter((found) => found !== undefined);
const corpus = readBadInputs().flatMap(({ packets }) =>
  packets.map((packet) => Buffer.from(packet, "hex")),
);
const next = seededNumbers(SEED);

/** One to four changes: an octet, a bit, a length, a cut, a splice of two packets. */
function mutate(): Buffer {
  let bytes = Buffer.from(corpus[next(corpus.length)] ?? Buffer.of());
  for (let changes = 1 + next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = next(bytes.length);
    const kind = next(6);
    if (kind === 0) bytes.writeUInt8(next(256), at);
    else if (kind === 1) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << next(8)), at);
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3) bytes = Buffer.concat([bytes, Buffer.alloc(next(8), next(256))]);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), splice()]);
    // Right or nearly right lengths get the mutation past the header.
    else if (bytes.length >= 4) bytes.writeUInt16BE(Math.max(0, bytes.length - next(3)), 2);
  }
  return bytes;
}

function splice(): Buffer {
  const other = corpus[next(corpus.length)] ?? Buffer.of();
  return other.subarray(next(other.length + 1));
}

/** Everything a door does with a packet. */
function useAll(datagram: Buffer): "read" | "refused" {
  try {
    const packet = decode(datagram);
    const { attributes, authenticator, bytes } = packet;
    const octets = attributes.reduce((sum, { value }) => sum + 2 + value.length, 20);
    if (octets !== bytes.length) throw new Error("attributes and Length differ");
    for (const { value } of attributes) readText(value);
    for (const definition of definitions) findAsText(attributes, definition);
    findVendor(attributes, 9, 1);
    checkMessageAuthenticator(packet, secret);
    verifyReply(packet, authenticator, secret);
    verifyAccountingRequest(packet, secret);
    const hidden = find(attributes, ATTRIBUTE.userPassword);
    if (hidden !== undefined) reveal(hidden.value, authenticator, secret);
    return "read";
  } catch (error) {
    if (error instanceof WireError) return "refused";
    throw error;
  }
}

t.test(`${MUTATIONS} mutations are read or refused, nothing else`, async (t) => {
  const counts = { read: 0, refused: 0 };
  for (let turn = 0; turn < MUTATIONS; turn++) {
    const datagram = mutate();
    try {
      counts[useAll(datagram)] += 1;
    } catch (error) {
      t.fail(`${datagram.toString("hex")}: ${String(error)}`);
    }
  }
  t.ok(counts.read > MUTATIONS / 20, `${counts.read} were read`);
  t.ok(counts.refused > MUTATIONS / 20, `${counts.refused} were refused`);
});

t.test("the same process still reads and answers a good login", async (t) => {
  const good = readBadInputs().find(({ id }) => id === "R01");
  const packet = decode(Buffer.from(good?.packets[0] ?? "", "hex"));
  t.equal(checkMessageAuthenticator(packet, secret), "genuine");
  const bytes = encodeReply({
    code: 2,
    identifier: packet.identifier,
    requestAuthenticator: packet.authenticator,
    attributes: [],
    secret,
  });
  t.ok(verifyReply(decode(bytes), packet.authenticator, secret));
});
