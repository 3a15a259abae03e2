// Which known word a mistyped one stands for.

import t from "tap";

import { findNearest } from "../../src/lib/edit-distance.ts";

const KNOWN = ["addresses", "secret", "previous_secret", "mfa", "code"];

t.test("a slip of the finger finds the word that was meant", (t) => {
  for (const [written, meant] of [
    ["adresses", "addresses"],
    ["addreses", "addresses"],
    ["Secret", "secret"],
    ["previous-secret", "previous_secret"],
    ["mfq", "mfa"],
    ["codes", "code"],
    ["cdoe", "code"],
    ["fma", "mfa"],
    ["sercet", "secret"],
  ] as const) {
    t.equal(findNearest(written, KNOWN), meant, written);
  }
  t.end();
});

t.test("a word far from all is nobody's", (t) => {
  for (const written of ["", "banana", "xyz", "s".repeat(10_000)]) {
    t.equal(findNearest(written, KNOWN), undefined, written.slice(0, 9));
  }
  t.end();
});
