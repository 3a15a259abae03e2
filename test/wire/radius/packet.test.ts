// Reading datagrams and writing packets: RFC examples, the catalogue of bad packets, limits.

import fc from "fast-check";
import t from "tap";
import { Secret } from "../../../src/lib/secret.ts";
import { WIRE_ERROR_CODES, WireError, type WireErrorCode } from "../../../src/wire/error.ts";
import type { Attribute } from "../../../src/wire/radius/attributes.ts";
import { ATTRIBUTE, find, readText } from "../../../src/wire/radius/attributes.ts";
import { CODE, codeName } from "../../../src/wire/radius/code.ts";
import {
  decode,
  encodeAccountingRequest,
  encodeAccountingResponse,
  encodeReply,
  encodeRequest,
} from "../../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";
import { readBadInputs } from "../../support/radius-vectors.ts";

const secret = new SharedSecret(Secret.of("xyzzy5461"));
const authenticator = Buffer.alloc(16, 0x5a);

function outcome(datagram: Buffer): string {
  try {
    decode(datagram);
    return "ok";
  } catch (error) {
    return error instanceof WireError ? error.code : String(error);
  }
}

function refused(write: () => Buffer): WireErrorCode | "written" {
  try {
    write();
    return "written";
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

for (const { id, title, decode: expected, packets } of readBadInputs()) {
  t.test(`${id}: ${title} decodes as ${expected}`, async (t) => {
    for (const packet of packets) t.equal(outcome(Buffer.from(packet, "hex")), expected);
  });
}

t.test("RAD-09 R17: octets after Length are padding and reach nobody", async (t) => {
  const packet = Buffer.from(`0c01001a${"00".repeat(16)}0106626f6221`, "hex");
  const decoded = decode(Buffer.concat([packet, Buffer.from("ff00ff", "hex")]));
  t.same(decoded.bytes, packet);
  t.same(decoded.attributes, [{ type: 1, value: Buffer.from("bob!") }]);
});

t.test("RAD-09: every cut of a good packet is refused", async (t) => {
  const whole = encodeRequest({
    code: CODE.accessRequest,
    identifier: 1,
    authenticator,
    attributes: [{ type: ATTRIBUTE.userName, value: Buffer.from("nemo") }],
    secret,
    password: Secret.of("arctangent"),
  });
  t.equal(outcome(whole), "ok");
  for (let length = 0; length < whole.length; length++) {
    const expected = length < 20 ? "too-short" : "overrun";
    t.equal(outcome(whole.subarray(0, length)), expected);
  }
});

t.test("RAD-30: 200 attributes are read, one more is refused", async (t) => {
  const packet = (count: number): Buffer => {
    const bytes = Buffer.alloc(20 + 3 * count);
    bytes.writeUInt8(1, 0);
    bytes.writeUInt16BE(bytes.length, 2);
    for (let at = 20; at < bytes.length; at += 3) bytes.set([25, 3, 0], at);
    return bytes;
  };
  t.equal(outcome(packet(200)), "ok");
  t.equal(outcome(packet(201)), "too-many-attributes");
});

t.test("RAD-09: 4096 octets are read and written, 4097 are not", async (t) => {
  const filled = (last: number): Attribute[] => [
    ...Array.from({ length: 15 }, () => ({ type: ATTRIBUTE.class, value: Buffer.alloc(253) })),
    { type: ATTRIBUTE.class, value: Buffer.alloc(last) },
  ];
  const write = (last: number) => () =>
    encodeReply({
      code: CODE.accessAccept,
      identifier: 1,
      requestAuthenticator: authenticator,
      attributes: filled(last),
      secret,
    });
  const room = 4096 - 20 - 18 - 15 * 255 - 2;
  t.equal(outcome(write(room)()), "ok");
  t.equal(write(room)().length, 4096);
  t.equal(refused(write(room + 1)), "too-long");
});

t.test("RAD-06: Message-Authenticator is the first attribute of every Access reply", async (t) => {
  const proxyState = { type: ATTRIBUTE.proxyState, value: Buffer.from("one") };
  for (const code of [
    CODE.accessAccept,
    CODE.accessReject,
    CODE.accessChallenge,
    CODE.protocolError,
  ]) {
    const reply = decode(
      encodeReply({
        code,
        identifier: 200,
        requestAuthenticator: authenticator,
        attributes: [proxyState],
        secret,
      }),
    );
    t.equal(reply.code, code);
    t.equal(reply.identifier, 200);
    t.equal(reply.attributes[0]?.type, ATTRIBUTE.messageAuthenticator);
    t.same(reply.attributes.slice(1), [proxyState]);
  }
});

t.test("RAD-29: an Accounting-Response carries just what it is given", async (t) => {
  const reply = encodeAccountingResponse({
    identifier: 3,
    requestAuthenticator: authenticator,
    attributes: [],
    secret,
  });
  t.equal(reply.length, 20);
  t.equal(decode(reply).code, CODE.accountingResponse);
});

t.test("what doesn't fit a packet is an error, never cut or split", async (t) => {
  const write = (identifier: number, authenticatorBytes: number, attribute: Attribute) => () =>
    encodeReply({
      code: CODE.accessAccept,
      identifier,
      requestAuthenticator: Buffer.alloc(authenticatorBytes),
      attributes: [attribute],
      secret,
    });
  const good = { type: ATTRIBUTE.class, value: Buffer.alloc(253) };
  const cases: [() => Buffer, WireErrorCode | "written"][] = [
    [write(255, 16, good), "written"],
    [write(256, 16, good), "bad-integer"],
    [write(-1, 16, good), "bad-integer"],
    [write(0.5, 16, good), "bad-integer"],
    [write(1, 15, good), "bad-length"],
    [write(1, 17, good), "bad-length"],
    [write(1, 16, { type: ATTRIBUTE.class, value: Buffer.alloc(254) }), "too-long"],
    [write(1, 16, { type: 0, value: Buffer.alloc(1) }), "bad-attribute"],
    [write(1, 16, { type: 256, value: Buffer.alloc(1) }), "bad-attribute"],
    [write(1, 16, { type: ATTRIBUTE.messageAuthenticator, value: Buffer.alloc(16) }), "duplicate"],
  ];
  for (const [attempt, expected] of cases) t.equal(refused(attempt), expected);
});

t.test("what is written is read back, in order", async (t) => {
  const attribute = fc.record({
    type: fc.integer({ min: 1, max: 255 }).filter((type) => type !== 80),
    value: fc.uint8Array({ maxLength: 253 }).map((value) => Buffer.from(value)),
  });
  const property = fc.property(
    fc.integer({ min: 0, max: 255 }),
    fc.array(attribute, { maxLength: 15 }),
    (identifier, attributes) => {
      const signed = { identifier, attributes, secret };
      const request = { ...signed, code: CODE.accessRequest, authenticator };
      const read = decode(encodeRequest(request));
      t.same(read.attributes.slice(1), attributes);
      t.same([read.code, read.identifier, read.authenticator], [1, identifier, authenticator]);
      t.same(decode(encodeAccountingRequest(signed)).attributes, attributes);
    },
  );
  fc.assert(property, { seed: 2865, numRuns: 100 });
});

t.test("decoding shares the datagram's memory and copies nothing", async (t) => {
  const datagram = Buffer.from(`01000019${"00".repeat(16)}0105626f62`, "hex");
  const value = find(decode(datagram).attributes, ATTRIBUTE.userName)?.value;
  t.equal(value?.buffer, datagram.buffer);
  t.equal(value === undefined ? "" : readText(value), "bob");
});

t.test("codes have their names from the registry", async (t) => {
  t.equal(codeName(CODE.accessRequest), "Access-Request");
  t.equal(codeName(250), "code 250");
  for (const code of Object.values(CODE)) t.notMatch(codeName(code), /^code/);
});

t.test("a WireError tells its code and place, nothing of the bytes", async (t) => {
  const error = new WireError("overrun", 27);
  t.match(error, {
    name: "WireError",
    code: "overrun",
    offset: 27,
    message: "overrun at octet 27",
  });
  t.equal(new Set(WIRE_ERROR_CODES).size, WIRE_ERROR_CODES.length);
  for (const code of WIRE_ERROR_CODES) t.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/);
});
