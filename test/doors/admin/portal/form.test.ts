// Reading a form: whatever arrives, it is either exactly the fields that were asked for or no form.

import fc from "fast-check";
import t from "tap";

import { readForm } from "../../../../src/doors/admin/portal/form.ts";
import { COOKIE, isOwnOrigin } from "../../../../src/doors/admin/portal/guard.ts";

const NAMES = ["username", "password"] as const;

t.test("what a browser encodes comes back as it was typed", async () => {
  const typed = fc
    .string({ unit: "grapheme", maxLength: 200 })
    .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text));
  fc.assert(
    fc.property(typed, typed, (username, password) => {
      const body = new URLSearchParams({ username, password }).toString();
      const fields = readForm(body, NAMES);
      return fields?.username === username && fields.password === password;
    }),
  );
});

t.test("anything else is no form, and never an error", async (t) => {
  const pieces = fc.constantFrom(
    "username",
    "password",
    "=",
    "&",
    "a",
    "%",
    "%00",
    "%ff",
    "+",
    "[]",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const fields = readForm(parts.join(""), NAMES);
      return fields === undefined || Object.keys(fields).toSorted().join() === "password,username";
    }),
  );
  for (const body of [undefined, null, 7, {}, [], Buffer.from("username=a&password=b")]) {
    t.equal(readForm(body, NAMES), undefined);
  }
});

t.test("a cookie header of any kind gives one well-formed id or none", async (t) => {
  const id = "A".repeat(43);
  const good = `__Host-gatehouse=${id}`;
  t.equal(COOKIE.read({ cookie: good }), id);
  t.equal(COOKIE.read({ cookie: `a=b; ${good}; c` }), id);
  for (const cookie of [
    "",
    ";",
    "=",
    good.slice(0, -1),
    `${good}; ${good}`,
    `x${good}`,
    `${good}=`,
  ]) {
    t.equal(COOKIE.read({ cookie }), undefined, cookie);
  }
  fc.assert(
    fc.property(fc.string(), (cookie) => {
      const read = COOKIE.read({ cookie });
      return read === undefined || read.length === 43;
    }),
  );
});

t.test("A04: an origin is ours or it isn't: nothing is compared in part", async (t) => {
  const own = "https://mfa.example.org";
  t.equal(isOwnOrigin({ origin: own }, own), true);
  t.equal(isOwnOrigin({ origin: own, "sec-fetch-site": "same-origin" }, own), true);
  for (const origin of [
    `${own}.evil.example`,
    `${own}/`,
    `${own}:443`,
    "HTTPS://mfa.example.org",
  ]) {
    t.equal(isOwnOrigin({ origin }, own), false, origin);
  }
  t.equal(isOwnOrigin({ origin: own, "sec-fetch-site": "none" }, own), false);
  t.equal(isOwnOrigin({}, own), false);
});
