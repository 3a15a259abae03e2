import fc from "fast-check";
import t from "tap";

import { generateBypassCode, isBypassForm } from "../../src/core/bypass.ts";
import {
  generateRecoveryCodes,
  hashRecoveryCode,
  isRecoveryForm,
  RECOVERY_CODE_CHARS,
  RECOVERY_CODES,
} from "../../src/core/recovery.ts";
import { Secret } from "../../src/lib/secret.ts";

const key = Secret.of(Buffer.alloc(32, 1));

t.test("OTP-14: a recovery code has 125 bits: 25 of 32 letters, all of them in use", async (t) => {
  const codes = Array.from({ length: 40 }, generateRecoveryCodes).flat();
  const letters = codes.map((code) => code.replaceAll("-", ""));
  t.ok(letters.every((text) => /^[a-z2-7]{25}$/.test(text)));
  t.equal(new Set(letters.join("")).size, 32);
  t.ok(Math.log2(32 ** 25) >= 112);
});

t.test("a set has ten codes, and no two codes are the same", async (t) => {
  t.equal(generateRecoveryCodes().length, RECOVERY_CODES);
  const codes = Array.from({ length: 100 }, generateRecoveryCodes).flat();
  t.equal(new Set(codes).size, 100 * RECOVERY_CODES);
});

t.test("a recovery code has its form, and no other code has it", async (t) => {
  const [code = ""] = generateRecoveryCodes();
  t.equal(isRecoveryForm(code), true);
  t.equal(code.length, RECOVERY_CODE_CHARS);
  t.equal(isBypassForm(code), false);
  t.equal(isRecoveryForm(generateBypassCode()), false);
  const others = ["", "123456", "12345678", `${code}a`, `${code}-abcde`, ` ${code}`, `${code}\n`];
  for (const other of [...others, code.toUpperCase(), code.slice(1), code.replaceAll("-", "")]) {
    t.equal(isRecoveryForm(other), false, other);
  }
});

t.test("no text is a recovery code and another code, whole or at its end", async () => {
  const alphabet = fc.constantFrom(..."abcxyz234567-");
  const text = fc.array(alphabet, { maxLength: 40 }).map((letters) => letters.join(""));
  fc.assert(
    fc.property(fc.oneof(text, fc.constantFrom(...generateRecoveryCodes())), (code) => {
      const isRecovery = isRecoveryForm(code);
      if (isRecovery && (isBypassForm(code) || /[0-9]{6}$/.test(code))) return false;
      return !isRecovery || !isBypassForm(code.slice(-19));
    }),
  );
});

t.test("a code hashes to its own value only, under its own key only", async (t) => {
  const [code = "", other = ""] = generateRecoveryCodes();
  const hash = hashRecoveryCode(key, code);
  t.match(hash, /^[0-9a-f]{64}$/);
  t.equal(hashRecoveryCode(key, code), hash);
  t.not(hashRecoveryCode(key, other), hash);
  t.not(hashRecoveryCode(Secret.of(Buffer.alloc(32, 2)), code), hash, "another key");
  t.notMatch(hash, code);
});
