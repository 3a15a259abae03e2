// Every signature four ways: genuine, one bit flipped, absent, made with another secret.

import { hash } from "node:crypto";
import t from "tap";
import { Secret } from "../../../src/lib/secret.ts";
import { WireError } from "../../../src/wire/error.ts";
import { ATTRIBUTE, find } from "../../../src/wire/radius/attributes.ts";
import {
  checkMessageAuthenticator,
  verifyAccountingRequest,
  verifyReply,
} from "../../../src/wire/radius/authenticator.ts";
import { CODE } from "../../../src/wire/radius/code.ts";
import { reveal } from "../../../src/wire/radius/hidden.ts";
import {
  decode,
  encodeAccountingRequest,
  encodeReply,
  encodeRequest,
  type Packet,
} from "../../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";
import { BAD_INPUT_SECRET, readBadInputs, readExamples } from "../../support/radius-vectors.ts";

const secret = new SharedSecret(Secret.of("a shared secret"));
const otherSecret = new SharedSecret(Secret.of("a shared secreT"));
const authenticator = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const attributes = [{ type: ATTRIBUTE.userName, value: Buffer.from("nemo") }];
const signedRequest = encodeRequest({
  code: CODE.accessRequest,
  identifier: 7,
  authenticator,
  attributes,
  secret,
});
const accounting = encodeAccountingRequest({ identifier: 8, attributes, secret });
const reply = encodeReply({
  code: CODE.accessReject,
  identifier: 7,
  requestAuthenticator: authenticator,
  attributes: [{ type: ATTRIBUTE.replyMessage, value: Buffer.from("no") }],
  secret,
});

/** The packet with each of its bits flipped in turn, wherever it can still be read. */
function* flipEveryBit(packet: Buffer): Generator<Packet> {
  for (let bit = 0; bit < 8 * packet.length; bit++) {
    const changed = Buffer.from(packet);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    try {
      yield decode(changed);
    } catch {
      continue;
    }
  }
}

t.test("R01 R03 R04: a Message-Authenticator is genuine, or forged in any bit", async (t) => {
  t.equal(checkMessageAuthenticator(decode(signedRequest), secret), "genuine");
  t.equal(checkMessageAuthenticator(decode(signedRequest), otherSecret), "forged");
  const results = [...flipEveryBit(signedRequest)].map((packet) =>
    checkMessageAuthenticator(packet, secret),
  );
  t.ok(results.length > 300);
  t.notOk(results.includes("genuine"));
});

t.test("R02: a packet without Message-Authenticator is unsigned, not forged", async (t) => {
  const bytes = Buffer.from(`01010019${"00".repeat(16)}0105626f62`, "hex");
  t.equal(checkMessageAuthenticator(decode(bytes), secret), "absent");
});

t.test("RAD-01 RAD-05: the catalogue's signatures, wherever they stand", async (t) => {
  const expected: Record<string, string> = {
    R01: "genuine",
    R02: "absent",
    R03: "forged",
    R04: "forged",
    R05: "forged",
    R06: "forged",
    R07: "genuine",
    R08: "absent",
    R09: "genuine",
    R17: "genuine",
    R52: "genuine",
    R53: "absent",
    R54: "forged",
    R61: "absent",
    R62: "forged",
    R92: "genuine",
  };
  const catalogueSecret = new SharedSecret(Secret.of(BAD_INPUT_SECRET));
  const rows = new Map(readBadInputs().map((row) => [row.id, row.packets[0] ?? ""]));
  for (const [id, signature] of Object.entries(expected)) {
    const packet = decode(Buffer.from(rows.get(id) ?? "", "hex"));
    t.equal(checkMessageAuthenticator(packet, catalogueSecret), signature, id);
  }
});

t.test("a reply's signatures hold for its own request and secret only", async (t) => {
  const packet = decode(reply);
  t.ok(verifyReply(packet, authenticator, secret));
  t.equal(checkMessageAuthenticator(packet, secret, authenticator), "genuine");
  t.notOk(verifyReply(packet, authenticator, otherSecret));
  t.equal(checkMessageAuthenticator(packet, otherSecret, authenticator), "forged");
  const otherRequest = Buffer.alloc(16);
  t.notOk(verifyReply(packet, otherRequest, secret));
  t.equal(checkMessageAuthenticator(packet, secret, otherRequest), "forged");
  const unsigned = Buffer.from(reply);
  unsigned.fill(0, 4, 20);
  t.notOk(verifyReply(decode(unsigned), authenticator, secret));
  for (const changed of flipEveryBit(reply)) {
    if (verifyReply(changed, authenticator, secret)) t.fail("one bit differs and it verifies");
  }
});

t.test("RAD-29: an Accounting-Request's authenticator is genuine or refused", async (t) => {
  t.ok(verifyAccountingRequest(decode(accounting), secret));
  t.notOk(verifyAccountingRequest(decode(accounting), otherSecret));
  const unsigned = Buffer.from(accounting);
  unsigned.fill(0, 4, 20);
  t.notOk(verifyAccountingRequest(decode(unsigned), secret));
  for (const changed of flipEveryBit(accounting)) {
    if (verifyAccountingRequest(changed, secret)) t.fail("one bit differs and it verifies");
  }
});

t.test("RAD-29: an Accounting-Request is signed over zeros, then digested", async (t) => {
  const value = Buffer.alloc(16);
  const type = ATTRIBUTE.messageAuthenticator;
  const draft = encodeAccountingRequest({ identifier: 9, attributes: [{ type, value }], secret });
  draft.fill(0, 4, 20);
  secret.hmac([draft]).copy(draft, 22);
  secret.md5After([draft]).copy(draft, 4);
  t.equal(checkMessageAuthenticator(decode(draft), secret), "genuine");
  t.ok(verifyAccountingRequest(decode(draft), secret));
});

t.test("a packet of another kind never passes for an Accounting-Request", async (t) => {
  const bytes = Buffer.from(accounting);
  bytes.writeUInt8(CODE.accessRequest, 0);
  bytes.fill(0, 4, 20);
  secret.md5After([bytes]).copy(bytes, 4);
  t.notOk(verifyAccountingRequest(decode(bytes), secret));
});

for (const name of ["rfc2865-7.1", "rfc2865-7.2", "rfc2865-7.3"]) {
  t.test(`RAD-31: the logins of ${name} read and verify as printed`, async (t) => {
    verifyExamples(t, name);
  });
}

for (const name of ["rfc5997-6.1", "rfc5997-6.2", "rfc5997-6.3"]) {
  t.test(`RAD-31: the Status-Server of ${name} is genuine and so is its reply`, async (t) => {
    const request = verifyExamples(t, name);
    t.equal(request.code, CODE.statusServer);
    t.equal(checkMessageAuthenticator(request, rfcSecret), "genuine");
    t.equal(checkMessageAuthenticator(request, secret), "forged");
  });
}

const rfcSecret = new SharedSecret(Secret.of("xyzzy5461"));

/** Checks every line of one file in turn; the last request. */
function verifyExamples(t: Tap, name: string): Packet {
  let request = decode(Buffer.alloc(20).fill(20, 3, 4));
  for (const { key, value } of readExamples(`radius-${name}.txt`)) {
    const field = (type: number): Buffer => find(request.attributes, type)?.value ?? Buffer.of();
    if (key === "request-misprinted") {
      t.throws(() => decode(Buffer.from(value, "hex")), WireError);
    } else if (key === "request") {
      request = decode(Buffer.from(value, "hex"));
    } else if (key === "user-name") {
      t.equal(field(ATTRIBUTE.userName).toString(), value);
    } else if (key === "user-password") {
      const hidden = field(ATTRIBUTE.userPassword);
      const password = reveal(hidden, request.authenticator, rfcSecret);
      t.equal(password?.reveal().toString(), value);
    } else if (key === "chap-password") {
      const chap = field(ATTRIBUTE.chapPassword);
      const answer = Buffer.concat([
        chap.subarray(0, 1),
        Buffer.from(value),
        request.authenticator,
      ]);
      t.same(hash("md5", answer, "buffer"), chap.subarray(1));
    } else if (key === "reply" || key === "reply-misprinted") {
      const reply = decode(Buffer.from(value, "hex"));
      t.equal(reply.identifier, request.identifier);
      t.equal(verifyReply(reply, request.authenticator, rfcSecret), key === "reply");
    } else {
      t.same([key, value], ["secret", "xyzzy5461"]);
    }
  }
  return request;
}

type Tap = Pick<typeof t, "equal" | "same" | "throws">;
