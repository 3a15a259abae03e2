// Addresses of mail: one, plain, and nothing that could become a header.

import t from "tap";

import { domainOf, isMailAddress, parseMailbox } from "../../src/lib/mail-address.ts";

/** In a title a separator would end the line. */
const shown = (text: string): string => JSON.stringify(text).replaceAll("\u2028", "\\u2028");

for (const address of [
  "alice@example.org",
  "a.b+c@mail.example.org",
  "o'neil@example.org",
  "root@localhost",
  `${"a".repeat(64)}@example.org`,
]) {
  t.test(`${address} is an address`, async (t) => t.ok(isMailAddress(address)));
}

for (const text of [
  "",
  "alice",
  "@example.org",
  "alice@",
  "alice@example.org\r\nBcc: eve@example.org",
  "alice@example.org\nBcc: eve@example.org",
  "alice@example.org\n",
  "alice\r@example.org",
  "alice@example.org\0",
  "alice@example.org, eve@example.org",
  "alice@example.org eve@example.org",
  "alice@example.org;eve@example.org",
  "alice@eve@example.org",
  "<alice@example.org>",
  "Alice <alice@example.org>",
  '"alice\r\nBcc: eve@example.org"@example.org',
  '"alice"@example.org',
  "alice(comment)@example.org",
  "alice..b@example.org",
  ".alice@example.org",
  "alice@-example.org",
  "alice@example..org",
  "alice@[192.0.2.1]",
  "älice@example.org",
  "alice@exämple.org",
  "alice@example.org\u2028",
  `${"a".repeat(65)}@example.org`,
  `alice@${"a.".repeat(130)}org`,
]) {
  t.test(`${shown(text)} is none`, async (t) => t.notOk(isMailAddress(text)));
}

t.test("a sender is an address, or a name and an address", async (t) => {
  const address = "mfa@example.org";
  t.same(parseMailbox(address), { name: "", address });
  t.same(parseMailbox(`<${address}>`), { name: "", address });
  t.same(parseMailbox(`Gatehouse <${address}>`), { name: "Gatehouse", address });
  t.same(parseMailbox(`Müller, Söhne <${address}>`), { name: "Müller, Söhne", address });
  t.equal(domainOf({ name: "", address }), "example.org");
  for (const text of [
    "Gatehouse",
    `Gatehouse\r\nBcc: eve@example.org <${address}>`,
    `Gatehouse\u2028 <${address}>`,
    `"Gatehouse" <${address}>`,
    `Gatehouse <${address}> <eve@example.org>`,
    `Gatehouse <${address}>, eve@example.org`,
    `${"x".repeat(129)} <${address}>`,
  ]) {
    t.equal(parseMailbox(text), undefined, shown(text));
  }
});
