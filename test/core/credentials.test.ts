import fc from "fast-check";
import t from "tap";

import {
  asWritten,
  isEmptyPassword,
  readAnswer,
  splitCredentials,
} from "../../src/core/credentials.ts";
import { Secret } from "../../src/lib/secret.ts";

const SIX = { digits: 6, bypass: false };

function split(
  field: string,
  separator = ",",
  forms: Parameters<typeof splitCredentials>[2] = SIX,
) {
  const parts = splitCredentials(Secret.of(field), separator, forms);
  return {
    password: parts.password.reveal().toString(),
    code: parts.code?.reveal().toString(),
    kind: parts.codeKind,
  };
}

const CASES: [rule: string, field: string, password: string, code: string | undefined][] = [
  ["a code after the separator is split off", "secret,123456", "secret", "123456"],
  ["a password with separators keeps them: the last one counts", "a,b,c,123456", "a,b,c", "123456"],
  [
    "a password that ends like a code works with a code appended",
    "pw,111111,222222",
    "pw,111111",
    "222222",
  ],
  [
    "five digits are not a code: the whole field is the password",
    "secret,12345",
    "secret,12345",
    undefined,
  ],
  ["seven digits are not a code of six", "secret,1234567", "secret,1234567", undefined],
  ["O05: a blank before the digits is not a code", "secret, 12345", "secret, 12345", undefined],
  ["O05: a sign is not a digit", "secret,+12345", "secret,+12345", undefined],
  [
    "O05: full-width digits are not digits",
    "secret,１２３４５６",
    "secret,１２３４５６",
    undefined,
  ],
  ["O05: a NUL after the digits is not a code", "secret,12345\0", "secret,12345\0", undefined],
  [
    "O08: six digits at the end without a separator are the password's",
    "secret123456",
    "secret123456",
    undefined,
  ],
  ["a field without a password still splits, and the password is empty", ",123456", "", "123456"],
  ["text of many bytes survives", "pässwörd,123456", "pässwörd", "123456"],
];
for (const [rule, field, password, code] of CASES) {
  t.test(rule, async (t) => {
    t.match(split(field), { password, code: code ?? undefined });
    t.equal(split(field).code, code);
  });
}

t.test("nothing is stripped for a person without a token", async (t) => {
  const parts = split("secret,123456", ",", { digits: undefined, bypass: false });
  t.same(parts, { password: "secret,123456", code: undefined, kind: "absent" });
});

t.test('with the separator "" the last digits are the code', async (t) => {
  t.same(split("secret123456", ""), { password: "secret", code: "123456", kind: "totp" });
  t.equal(split("12345", "").code, undefined, "too short to hold a code");
});

t.test("a bypass code is only looked for while one is granted", async (t) => {
  const field = "secret,abcd-efgh-ij23-mnop";
  t.equal(split(field).kind, "absent");
  const parts = split(field, ",", { digits: 6, bypass: true });
  t.same(parts, { password: "secret", code: "abcd-efgh-ij23-mnop", kind: "bypass" });
  t.equal(split("secretabcd-efgh-ij23-mnop", "", { digits: 6, bypass: true }).kind, "bypass");
});

const RECOVERY = "abcde-fghij-klmno-pqrst-uvw23";

t.test("a recovery code is split off for whoever has a token, and for nobody else", async (t) => {
  const parts = { password: "secret", code: RECOVERY, kind: "recovery" };
  t.same(split(`secret,${RECOVERY}`), parts);
  t.same(split(`secret${RECOVERY}`, ""), parts, "without a separator");
  t.same(split(`secret,${RECOVERY}`, ",", { digits: 8, bypass: true }), parts);
  t.equal(split(`secret,${RECOVERY}`, ",", { digits: undefined, bypass: true }).kind, "absent");
  t.equal(split(`secret,${RECOVERY.toUpperCase()}`).kind, "absent");
  t.equal(split(`secret,${RECOVERY}a`).kind, "absent");
  t.equal(readAnswer(Secret.of(RECOVERY), SIX), "recovery");
  t.equal(readAnswer(Secret.of(RECOVERY), { digits: undefined, bypass: true }), "absent");
  t.equal(readAnswer(Secret.of(` ${RECOVERY}`), SIX), "absent");
});

t.test(
  "OTP-17: an empty field, or a separator and a code alone, is an empty password",
  async (t) => {
    for (const field of ["", ",123456", ",12345678", ",abcd-efgh-ij23-mnop", `,${RECOVERY}`]) {
      t.equal(isEmptyPassword(Secret.of(field), ","), true, JSON.stringify(field));
    }
    for (const field of [",", ",12345", "x,123456", "123456", ",123456789"]) {
      t.equal(isEmptyPassword(Secret.of(field), ","), false, JSON.stringify(field));
    }
  },
);

t.test("OTP-04: an answer is a code only with exactly the token's ASCII digits", async (t) => {
  t.equal(readAnswer(Secret.of("123456"), SIX), "totp");
  for (const answer of [
    "",
    " ",
    "12345",
    "1234567",
    " 123456",
    "123456 ",
    "+12345",
    "１２３４５６",
    "12345六",
    "0x1234",
    "1e5000",
  ]) {
    t.equal(readAnswer(Secret.of(answer), SIX), "absent", JSON.stringify(answer));
  }
});

const anyDigits = fc.constantFrom(6, 7, 8);
const wordOf = (alphabet: string, length: number) =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((letters) => letters.join(""));
const codeOf = (digits: number) => wordOf("0123456789", digits);
const recoveryCode = fc
  .array(wordOf("abcdefghijklmnopqrstuvwxyz234567", 5), { minLength: 5, maxLength: 5 })
  .map((groups) => groups.join("-"));
const separator = fc.constantFrom(",", "", ";", ":", "::");

t.test(
  "OTP-18: password and code put together come apart again, whatever is in the password",
  async () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        anyDigits.chain((d) => fc.tuple(fc.constant(d), fc.oneof(codeOf(d), recoveryCode))),
        separator,
        (password, [digits, code], sep) => {
          const field = Secret.of(`${password}${sep}${code}`);
          const parts = splitCredentials(field, sep, { digits, bypass: false });
          return (
            parts.password.equals(Secret.of(password)) &&
            parts.code?.equals(Secret.of(code)) === true
          );
        },
      ),
    );
  },
);

t.test(
  "OTP-18: no split turns a wrong pair into a right one: the parts rebuild exactly the field",
  async () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        anyDigits,
        separator,
        fc.boolean(),
        (text, digits, sep, bypass) => {
          const field = Secret.of(text);
          const parts = splitCredentials(field, sep, { digits, bypass });
          const pieces =
            parts.code === undefined
              ? [parts.password.reveal()]
              : [parts.password.reveal(), Buffer.from(sep), parts.code.reveal()];
          return Secret.of(Buffer.concat(pieces)).equals(field);
        },
      ),
    );
  },
);

t.test(
  "OTP-18: one field has one reading: a field with a right pair has no other right pair",
  async () => {
    fc.assert(
      fc.property(fc.string(), codeOf(6), fc.string(), codeOf(6), (pw1, code1, pw2, code2) => {
        fc.pre(pw1 !== pw2 || code1 !== code2);
        return `${pw1},${code1}` !== `${pw2},${code2}`;
      }),
    );
  },
);

t.test(
  "a code typed alone comes from paper in any spelling, one behind a password in one",
  async (t) => {
    const spell = (text: string): string => asWritten(Secret.of(text)).reveal().toString();
    const bypass = "abcd-efgh-ijkl-mn23";
    for (const code of [RECOVERY, bypass]) {
      const bare = code.replaceAll("-", "");
      for (const text of [code, code.toUpperCase(), bare, ` ${code.replaceAll("-", " ")} `]) {
        t.equal(spell(text), code, text);
      }
      for (const text of [code.toUpperCase(), bare, code.replaceAll("-", " ")]) {
        t.equal(split(`secret,${text}`, ",", { digits: 6, bypass: true }).kind, "absent", text);
      }
    }
    for (const text of [
      "123456",
      "123 456",
      "",
      "-",
      `${RECOVERY}a`,
      "àbcdefghijklmnop",
      "abc-def",
    ]) {
      t.equal(spell(text), text, "anything else stays as it is");
    }
  },
);
