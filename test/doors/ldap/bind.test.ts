// Which Binds are asked about, and what the others get.

import t from "tap";

import { judgeBind } from "../../../src/doors/ldap/bind.ts";
import type { ListenerRules } from "../../../src/doors/ldap/rules.ts";
import { CONTROL } from "../../../src/wire/ldap/control.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { bindRequest, element, request, saslRequest, text } from "../../support/ldap-requests.ts";
import { BOB, OPEN } from "../../support/ldap-session.ts";

function judged(
  message: Buffer,
  { tls = "none", isTls = false }: { tls?: ListenerRules["tls"]; isTls?: boolean } = {},
): string {
  const rules = { ...OPEN, tls };
  const judgement = judgeBind(message, peekEnvelope(message), { rules, isTls });
  if (judgement.kind === "refuse") return judgement.refusal;
  return judgement.kind === "ask" ? `ask ${judgement.name}` : judgement.kind;
}

const NAMES = [
  BOB,
  "UID=Bob , DC=Example,dc=COM",
  "uid=\\62ob,dc=example,dc=com",
  "uid=#0403626f62,dc=example,dc=com",
  "0.9.2342.19200300.100.1.1=bob,dc=example,dc=com",
  "cn=b+uid=bob,dc=example,dc=com",
  "cn=manager",
  "bob@example.org",
  "EXAMPLE\\bob",
  "b=ob@example.org",
  "cn=müller,dc=example",
];

for (const name of NAMES) {
  t.test(`${name} is a name to ask about`, async (t) => {
    t.equal(judged(bindRequest(1, name, "hello")), `ask ${name}`);
  });
}

const MALFORMED: readonly (string | Buffer)[] = [
  "not a dn",
  "bob",
  " ",
  "uid=bob,",
  "uid=bob,dc",
  "<SID=S-1-5-21-1>",
  "<GUID=6f3c>",
  "{6f3c0000-0000-4000-8000-000000000000}",
  "uid=bob\0,dc=example",
  "bob@example.org\n",
  Buffer.of(0x75, 0x3d, 0xff, 0xfe),
  `uid=${"a".repeat(9_000)}`,
  `${"a".repeat(9_000)}@example.org`,
];

for (const name of MALFORMED) {
  t.test(`${JSON.stringify(name.toString("latin1").slice(0, 30))} is no name`, async (t) => {
    t.equal(judged(bindRequest(1, name, "hello")), "malformed-name");
    t.equal(judged(bindRequest(1, name, "")), "malformed-name");
  });
}

const critical = { oid: "1.2.3", isCritical: true };
const kerberos = request(1, element(0x60, element(2, Buffer.of(3)), text(BOB), element(0x81, "x")));

const REFUSED: readonly [title: string, message: Buffer, expected: string][] = [
  ["version 2", bindRequest(1, BOB, "hello", { version: 2 }), "unsupported-version"],
  ["SASL PLAIN", saslRequest(1, "PLAIN"), "unsupported-auth-method"],
  ["SASL EXTERNAL", saslRequest(1, "EXTERNAL"), "unsupported-auth-method"],
  ["SASL DIGEST-MD5", saslRequest(1, "DIGEST-MD5"), "unsupported-auth-method"],
  ["SASL without a mechanism", saslRequest(1, ""), "unsupported-auth-method"],
  ["a reserved choice", kerberos, "unsupported-auth-method"],
  ["a name without a password", bindRequest(1, BOB, ""), "empty-password"],
  ["a password without a name", bindRequest(1, "", "hello"), "empty-name"],
  ["neither", bindRequest(1, "", ""), "anonymous"],
  [
    "a critical control nobody knows, before anything is asked",
    bindRequest(1, BOB, "hello,123456", { controls: [critical] }),
    "unknown-critical-control",
  ],
  [
    "a wish to act as somebody else",
    bindRequest(1, BOB, "hello", {
      controls: [{ oid: CONTROL.proxiedAuthorization, isCritical: true }],
    }),
    "proxied-authorisation",
  ],
];

for (const [title, message, expected] of REFUSED) {
  t.test(`a Bind with ${title}: ${expected}`, async (t) => {
    t.equal(judged(message), expected);
  });
}

t.test("before StartTLS no password is taken; who has none may still bind as nobody", async (t) => {
  const plain = { tls: "start_tls", isTls: false } as const;
  t.equal(judged(bindRequest(1, BOB, "hello"), plain), "confidentiality-required");
  t.equal(judged(bindRequest(1, "bob@example.org", "hello"), plain), "confidentiality-required");
  t.equal(judged(bindRequest(1, "", ""), plain), "anonymous");
  t.equal(judged(bindRequest(1, BOB, "hello"), { ...plain, isTls: true }), `ask ${BOB}`);
  t.equal(judged(bindRequest(1, BOB, "hello"), { tls: "implicit", isTls: true }), `ask ${BOB}`);
  // Connected before a reload gave the listener TLS.
  const earlier = { tls: "implicit", isTls: false } as const;
  t.equal(judged(bindRequest(1, BOB, "hello"), earlier), "confidentiality-required");
});

t.test("the credentials are the field as it came, and can't be printed", async (t) => {
  const message = bindRequest(1, BOB, "a,b,123456");
  const judgement = judgeBind(message, peekEnvelope(message), { rules: OPEN, isTls: false });
  if (judgement.kind !== "ask") throw new Error(judgement.kind);
  t.equal(judgement.credentials.reveal().toString(), "a,b,123456");
  t.notMatch(JSON.stringify(judgement), "123456");
});

t.test("a control that isn't critical and isn't known is not among those that go on", async (t) => {
  const controls = [{ oid: "1.2.3" }, { oid: CONTROL.passwordPolicy }];
  const message = bindRequest(1, BOB, "hello", { controls });
  const judgement = judgeBind(message, peekEnvelope(message), { rules: OPEN, isTls: false });
  if (judgement.kind !== "ask") throw new Error(judgement.kind);
  t.same(
    judgement.controls.map(({ oid }) => oid),
    [CONTROL.passwordPolicy],
  );
});
