import t from "tap";

import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { decodeAnswer } from "../../../src/wire/ldap/message.ts";
import { OPERATION, responseTo } from "../../../src/wire/ldap/operation.ts";
import {
  encodeAnonymousIdentity,
  encodeExtendedResult,
  encodeNoticeOfDisconnection,
  encodeResult,
  peekResponseName,
  peekResult,
} from "../../../src/wire/ldap/response.ts";
import { notice, result } from "../../support/fault-directory.ts";
import { element, readResponse, request, text } from "../../support/ldap-requests.ts";

const ANSWERED = [
  ["bindRequest", "bind"],
  ["searchRequest", "search"],
  ["modifyRequest", "modify"],
  ["addRequest", "add"],
  ["deleteRequest", "delete"],
  ["modifyDnRequest", "modrdn"],
  ["compareRequest", "compare"],
  ["extendedRequest", "extended"],
] as const;

for (const [name, kind] of ANSWERED) {
  t.test(`${name} is answered by a result of its own kind`, async (t) => {
    const bytes = encodeResult(70_000, OPERATION[name], 53, "because");
    t.same(readResponse(bytes), { id: 70_000, kind, resultCode: 53, text: "because" });
    t.equal(peekEnvelope(bytes).tag, responseTo(OPERATION[name]));
  });
}

t.test(
  "to ask for the answer of an Abandon, an Unbind or an answer is our own mistake",
  async (t) => {
    for (const tag of [OPERATION.abandonRequest, OPERATION.unbindRequest, OPERATION.bindResponse]) {
      t.equal(responseTo(tag), undefined);
      t.throws(() => encodeResult(1, tag, 0, ""), /no answer/);
    }
  },
);

t.test("the results of Binds and searches are what our own client reads", async (t) => {
  t.match(decodeAnswer(encodeResult(1, OPERATION.bindRequest, 49, "")), {
    kind: "bind",
    resultCode: 49,
  });
  t.same(encodeResult(9, OPERATION.searchRequest, 4, "x"), result(9, "search", 4, { text: "x" }));
});

t.test("a Notice of Disconnection has the id 0 and its OID (RFC 4511 §4.4.1)", async (t) => {
  t.same(encodeNoticeOfDisconnection(52, ""), notice());
});

t.test("an extended result carries the name it is asked to", async (t) => {
  const bytes = encodeExtendedResult(5, "1.3.6.1.4.1.1466.20037", 0, "");
  t.equal(peekResponseName(bytes, peekEnvelope(bytes)), "1.3.6.1.4.1.1466.20037");
  t.match(readResponse(bytes), { id: 5, kind: "extended", resultCode: 0 });
});

t.test("nobody is the empty authzId (RFC 4532 §2.2)", async (t) => {
  const bytes = encodeAnonymousIdentity(6);
  t.match(readResponse(bytes), { id: 6, kind: "extended", resultCode: 0 });
  t.same(bytes.subarray(-2), Buffer.of(0x8b, 0), "a value, and it is empty");
  t.equal(peekResponseName(bytes, peekEnvelope(bytes)), undefined);
});

t.test("of a result the code is seen, and whether it names other servers", async (t) => {
  const done = (...more: Buffer[]): Buffer =>
    request(1, element(0x65, element(0x0a, Buffer.of(10)), text(""), text(""), ...more));
  const referral = element(0xa3, text("ldap://elsewhere/"));
  t.same(peekResult(done(), peekEnvelope(done())), { resultCode: 10, hasReferral: false });
  t.same(peekResult(done(referral), peekEnvelope(done(referral))), {
    resultCode: 10,
    hasReferral: true,
  });
  const named = request(
    0,
    element(0x78, element(0x0a, Buffer.of(10)), text(""), text(""), referral, element(0x8a, "1.2")),
  );
  t.equal(peekResponseName(named, peekEnvelope(named)), "1.2");
});

t.test("a result that can't be read is refused", async (t) => {
  const short = request(1, element(0x65, element(0x0a, Buffer.of(0)), text("")));
  t.throws(() => peekResult(short, peekEnvelope(short)), { name: "WireError", code: "too-short" });
  const odd = request(1, element(0x61, text("x")));
  t.throws(() => peekResult(odd, peekEnvelope(odd)), { name: "WireError", code: "bad-tag" });
});
