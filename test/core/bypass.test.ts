import t from "tap";

import {
  BYPASS_CODE_CHARS,
  generateBypassCode,
  hashBypassCode,
  isBypassForm,
  verifyBypassCode,
} from "../../src/core/bypass.ts";
import { Secret } from "../../src/lib/secret.ts";

const key = Secret.of(Buffer.alloc(32, 1));

t.test("a bypass code verifies against its own hash only", async (t) => {
  const code = generateBypassCode();
  const hash = hashBypassCode(key, code);
  t.equal(verifyBypassCode(key, code, hash), true);
  t.equal(verifyBypassCode(key, generateBypassCode(), hash), false);
  t.equal(verifyBypassCode(Secret.of(Buffer.alloc(32, 2)), code, hash), false, "another key");
  t.equal(verifyBypassCode(key, code, ""), false, "no hash");
  t.notMatch(hash, code);
});

t.test("a bypass code has its form, and no one-time code has it", async (t) => {
  const code = generateBypassCode();
  t.equal(isBypassForm(code), true);
  t.equal(code.length, BYPASS_CODE_CHARS);
  for (const other of ["123456", "12345678", `${code}a`, code.toUpperCase(), code.slice(1), ""]) {
    t.equal(isBypassForm(other), false, other);
  }
});

t.test("a thousand bypass codes are all different", async (t) => {
  t.equal(new Set(Array.from({ length: 1_000 }, generateBypassCode)).size, 1_000);
});
