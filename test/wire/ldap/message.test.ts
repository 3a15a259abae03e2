// Messages: requests as RFC 4511 writes them, answers read whole or refused.

import t from "tap";

import { parseFilter } from "../../../src/wire/ldap/filter.ts";
import {
  decodeAnswer,
  encodeBind,
  encodeSearch,
  encodeStartTls,
  encodeUnbind,
} from "../../../src/wire/ldap/message.ts";
import { entry, notice, policyControl, reference, result } from "../../support/fault-directory.ts";

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");
const bytes = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

t.test("a bind is version 3, simple, and asks for the policy without insisting", async (t) => {
  const control = `a01d 301b 0419${hex("1.3.6.1.4.1.42.2.27.8.5.1")}`;
  const bind = `600f 020103 0404${hex("cn=a")} 8004${hex("pass")}`;
  t.same(encodeBind(2, "cn=a", Buffer.from("pass")), bytes(`3033 020102 ${bind} ${control}`));
});

t.test("a search never follows aliases and asks for values", async (t) => {
  const request = encodeSearch(300, {
    base: "o=x",
    scope: "whole-subtree",
    sizeLimit: 2,
    timeLimitSeconds: 3,
    filter: parseFilter("(uid={username})"),
    username: Buffer.from("al"),
    attributes: ["uid", "entryUUID"],
  });
  const filter = `a309 0403${hex("uid")} 0402${hex("al")}`;
  const attributes = `3010 0403${hex("uid")} 0409${hex("entryUUID")}`;
  const search = `6331 0403${hex("o=x")} 0a0102 0a0100 020102 020103 010100 ${filter} ${attributes}`;
  t.same(request, bytes(`3037 0202012c ${search}`));
});

t.test(
  "RFC 2696: a page is asked for with the cookie of the one before, and must be one",
  async (t) => {
    const request = encodeSearch(1, {
      base: "",
      scope: "base-object",
      sizeLimit: 0,
      timeLimitSeconds: 0,
      filter: parseFilter("(a=*)"),
      username: Buffer.alloc(0),
      attributes: [],
      page: { size: 500, cookie: Buffer.from("ck") },
    });
    const search = "6316 0400 0a0100 0a0100 020100 020100 010100 870161 3000";
    const value = "3008 020201f4 0402636b";
    const oid = `0416${hex("1.2.840.113556.1.4.319")}`;
    t.same(request, bytes(`3046 020101 ${search} a029 3027 ${oid} 0101ff 040a ${value}`));
    const control = { oid: "1.2.840.113556.1.4.319", value: bytes(value) };
    t.match(decodeAnswer(result(1, "search", 0, { control })), { pageCookie: Buffer.from("ck") });
  },
);

t.test("StartTLS and unbind are as short as they are", async (t) => {
  const oid = hex("1.3.6.1.4.1.1466.20037");
  t.same(encodeStartTls(1), bytes(`301d 020101 7718 8016${oid}`));
  t.same(encodeUnbind(5), bytes("3005 020105 4200"));
});

t.test("a result is read with its text and what the policy says", async (t) => {
  t.same(decodeAnswer(result(7, "bind", 49, { text: "data 532" })), {
    kind: "bind",
    id: 7,
    resultCode: 49,
    diagnosticMessage: "data 532",
    policy: undefined,
    pageCookie: undefined,
  });
  const policyOf = (control: { oid: string; value: Buffer }): unknown => {
    const answer = decodeAnswer(result(7, "bind", 0, { control }));
    return "policy" in answer ? answer.policy : "none";
  };
  t.same(policyOf(policyControl({ error: 2 })), { error: 2, graceLogins: undefined });
  t.same(policyOf(policyControl({ graceLogins: 0 })), { error: undefined, graceLogins: 0 });
  t.same(policyOf(policyControl({})), { error: undefined, graceLogins: undefined });
  t.same(policyOf({ oid: "2.16.840.1.113730.3.4.4", value: Buffer.from("0") }), {
    error: 0,
    graceLogins: undefined,
  });
  t.equal(policyOf({ oid: "1.2.3", value: Buffer.from("0") }), undefined);
  t.throws(() => policyOf({ ...policyControl({}), value: Buffer.from("x") }), { code: "bad-tag" });
});

t.test("a policy that is told twice could contradict itself", async (t) => {
  const oid = `0419${hex("1.3.6.1.4.1.42.2.27.8.5.1")}`;
  const expired = `3022 ${oid} 0405 3003810100`;
  const nothing = `301f ${oid} 0402 3000`;
  const answer = (...controls: string[]): Buffer => {
    const list = bytes(controls.join(""));
    const length = (octets: number): string => octets.toString(16).padStart(2, "0");
    const head = `30${length(list.length + 14)} 020101 6107 0a0100 0400 0400`;
    return Buffer.concat([bytes(`${head} a0${length(list.length)}`), list]);
  };
  t.match(decodeAnswer(answer(expired)), { policy: { error: 0 } });
  for (const controls of [
    [expired, nothing],
    [nothing, expired],
  ]) {
    t.throws(() => decodeAnswer(answer(...controls)), { code: "duplicate" });
  }
});

t.test("an entry is read with every value, a reference without its address", async (t) => {
  t.same(decodeAnswer(entry(3, "cn=a", { cn: ["a", "b"], sn: [] })), {
    kind: "entry",
    id: 3,
    dn: "cn=a",
    attributes: [
      { name: "cn", values: [Buffer.from("a"), Buffer.from("b")] },
      { name: "sn", values: [] },
    ],
  });
  t.same(decodeAnswer(reference(4, "ldap://evil.example")), { kind: "reference", id: 4 });
  t.match(decodeAnswer(notice()), { kind: "extended", id: 0, resultCode: 52 });
});

t.test("D07 D09: what isn't a whole answer is refused", async (t) => {
  const cases: Record<string, string> = {
    "a request": "300c 020101 6007 020103 0400 8000",
    "an unknown operation": "3005 020101 7e00",
    "a negative id": "300c 0201ff 6107 0a0100 0400 0400",
    "an id of five octets": "3010 02050080000000 6107 0a0100 0400 0400",
    "no operation": "3003 020101",
    "a result without a code": "3005 020101 6100",
    "a result code that is an INTEGER": "300c 020101 6107 020100 0400 0400",
    "a constructed text": "300e 020101 6109 0a0100 0400 24020400",
    "an inner length beyond the message": "300c 020101 6107 0a0100 0400 0409",
    "a DN that isn't UTF-8": "300a 020101 6405 0401ff 3000",
    "something behind an entry's attributes": "300b 020101 6406 0400 3000 0400",
    "an attribute that is no sequence": "300b 020101 6406 0400 3002 0400",
  };
  for (const [name, text] of Object.entries(cases)) {
    t.throws(() => decodeAnswer(bytes(text)), { name: "WireError" }, name);
  }
});
