// A keyed fingerprint is only worth its name if both key and message matter.

import { createHash } from "node:crypto";

import t from "tap";

import { keyedHash } from "../../src/lib/keyed-hash.ts";
import { Secret } from "../../src/lib/secret.ts";

const KEY = Secret.of(Buffer.alloc(32, 1));

await t.test("it is SHA-256 over key and message, text or bytes alike", async (t) => {
  const expected = createHash("sha256").update(KEY.reveal()).update("söurce").digest("base64url");
  t.equal(keyedHash(KEY, "söurce", "base64url"), expected);
  t.equal(keyedHash(KEY, Buffer.from("söurce"), "base64url"), expected);
});

await t.test("another key or another message gives another value", async (t) => {
  const value = keyedHash(KEY, "source", "latin1");
  t.not(keyedHash(Secret.of(Buffer.alloc(32, 2)), "source", "latin1"), value);
  t.not(keyedHash(KEY, "source2", "latin1"), value);
});

await t.test("a key of another length is a mistake: the border to the message would move", (t) => {
  t.throws(() => keyedHash(Secret.of("short"), "source", "latin1"), RangeError);
  t.end();
});
