import t from "tap";

import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { element, request, searchRequest, unbindRequest } from "../../support/ldap-requests.ts";

const operation = element(0x63, "x");
const id = (...octets: number[]): Buffer => element(0x02, Buffer.from(octets));

t.test(
  "the envelope tells id, operation and where they end, without controls and with",
  async (t) => {
    const plain = searchRequest(70_000);
    const seen = peekEnvelope(plain);
    t.match(seen, { id: 70_000, tag: 0x63, operationEnd: plain.length, hasControls: false });
    t.equal(plain[seen.operationAt], 0x63);
    t.equal(
      plain.toString("latin1", seen.contentsAt + 2, seen.contentsAt + 19),
      "dc=example,dc=com",
    );

    const controlled = searchRequest(7, { controls: [{ oid: "1.2.3", isCritical: true }] });
    const also = peekEnvelope(controlled);
    t.match(also, { id: 7, tag: 0x63, hasControls: true });
    t.equal(controlled[also.operationEnd], 0xa0);
    t.equal(also.operationEnd + 2 + (controlled[also.operationEnd + 1] ?? 0), controlled.length);
  },
);

t.test("an operation without contents has an envelope", async (t) => {
  const { tag, contentsAt, operationEnd } = peekEnvelope(unbindRequest(3));
  t.same([tag, contentsAt], [0x42, operationEnd]);
});

t.test("lengths needn't be short (RFC 4511 §5.1)", async (t) => {
  const long = Buffer.from("30840000000b0284000000010963820000", "hex");
  t.match(peekEnvelope(long), { id: 9, tag: 0x63 });
});

const BROKEN: readonly [title: string, message: Buffer, code: string][] = [
  ["nothing", Buffer.alloc(0), "too-short"],
  ["another tag", element(0x31, id(1), operation), "bad-tag"],
  [
    "octets behind the message",
    Buffer.concat([request(1, operation), Buffer.of(0)]),
    "trailing-bytes",
  ],
  ["an end before its length says", request(1, operation).subarray(0, -1), "overrun"],
  ["no id", element(0x30, operation), "bad-tag"],
  ["an id without octets", element(0x30, id(), operation), "bad-integer"],
  ["a negative id", element(0x30, id(0xff), operation), "bad-integer"],
  ["the id 2^31", element(0x30, id(0, 0x80, 0, 0, 0), operation), "bad-integer"],
  ["no operation", element(0x30, id(1)), "too-short"],
  ["a tag of several octets", element(0x30, id(1), Buffer.of(0x7f, 0)), "bad-tag"],
  ["an operation that reaches beyond", element(0x30, id(1), Buffer.of(0x63, 9)), "overrun"],
  [
    "something else than controls behind",
    element(0x30, id(1), operation, element(4, "x")),
    "bad-tag",
  ],
  [
    "something behind the controls",
    element(0x30, id(1), operation, element(0xa0), element(0xa0)),
    "trailing-bytes",
  ],
  ["an indefinite length", Buffer.from("308002010163000000", "hex"), "indefinite-length"],
];

for (const [title, message, code] of BROKEN) {
  t.test(`a message with ${title} has no envelope: ${code}`, async (t) => {
    t.throws(() => peekEnvelope(message), { name: "WireError", code });
  });
}

t.test("ids go from 0 to 2^31 - 1", async (t) => {
  t.equal(peekEnvelope(element(0x30, id(0), operation)).id, 0);
  t.equal(peekEnvelope(element(0x30, id(0x7f, 0xff, 0xff, 0xff), operation)).id, 2 ** 31 - 1);
});
