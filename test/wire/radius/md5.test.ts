// MD5 and HMAC against the RFCs' own vectors and against node:crypto, for every short length.

import { createHmac, hash } from "node:crypto";
import t from "tap";
import { Secret } from "../../../src/lib/secret.ts";
import { absorbBlock, finish, md5 } from "../../../src/wire/radius/md5.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";
import { seededNumbers } from "../../support/prng.ts";

const RFC_1321_A5: [message: string, digest: string][] = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["a", "0cc175b9c0f1b6a831c399e269772661"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
  [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "d174ab98d277d9f5a5611c2c9f419d9f",
  ],
  ["1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"],
];

const RFC_2202_2: [key: Buffer, message: Buffer, digest: string][] = [
  [Buffer.alloc(16, 0x0b), Buffer.from("Hi There"), "9294727a3638bb1c13f48ef8158bfc9d"],
  [
    Buffer.from("Jefe"),
    Buffer.from("what do ya want for nothing?"),
    "750c783e6ab0b503eaa86e310a5db738",
  ],
  [Buffer.alloc(16, 0xaa), Buffer.alloc(50, 0xdd), "56be34521d144c88dbb8c733f0e8b3f6"],
  [
    Buffer.from(Array.from({ length: 25 }, (_, index) => index + 1)),
    Buffer.alloc(50, 0xcd),
    "697eaf0aca3a3aea3a75164746ffaa79",
  ],
  [Buffer.alloc(16, 0x0c), Buffer.from("Test With Truncation"), "56461ef2342edc00f9bab995690efd4c"],
  [
    Buffer.alloc(80, 0xaa),
    Buffer.from("Test Using Larger Than Block-Size Key - Hash Key First"),
    "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
  ],
  [
    Buffer.alloc(80, 0xaa),
    Buffer.from("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
    "6f630fad67cda0ee1fb1f562db3aa53e",
  ],
];

t.test("MD5 gives the digests of RFC 1321 §A.5", async (t) => {
  for (const [message, digest] of RFC_1321_A5) {
    t.equal(md5([Buffer.from(message)]).toString("hex"), digest);
  }
});

t.test("HMAC gives the digests of RFC 2202 §2", async (t) => {
  for (const [key, message, digest] of RFC_2202_2) {
    t.equal(new SharedSecret(Secret.of(key)).hmac([message]).toString("hex"), digest);
  }
});

t.test("MD5 and HMAC agree with node:crypto for all lengths from 0 to 300", async (t) => {
  const next = seededNumbers(1321);
  const differing: number[] = [];
  for (let length = 0; length <= 300; length++) {
    const message = Buffer.from(Array.from({ length }, () => next(256)));
    const key = Buffer.from(Array.from({ length: next(130) }, () => next(256)));
    const parts = [message.subarray(0, next(length + 1))];
    parts.push(message.subarray(parts[0]?.length));
    const secret = new SharedSecret(Secret.of(key));
    const same =
      md5(parts).equals(hash("md5", message, "buffer")) &&
      secret.hmac(parts).equals(createHmac("md5", key).update(message).digest()) &&
      secret.md5Before(message).equals(hash("md5", Buffer.concat([key, message]), "buffer")) &&
      secret.md5After(parts).equals(hash("md5", Buffer.concat([message, key]), "buffer"));
    if (!same) differing.push(length);
  }
  t.same(differing, []);
});

t.test("a message longer than any packet is hashed whole", async (t) => {
  const message = Buffer.alloc(100_000, "gatehouse");
  t.same(md5([message]), hash("md5", message, "buffer"));
  t.same(md5([]), hash("md5", "", "buffer"));
});

t.test("a state that absorbed one block continues where the block ended", async (t) => {
  const message = Buffer.alloc(150, "state");
  const state = absorbBlock(message.subarray(0, 64));
  t.same(finish(state, 64, [message.subarray(64)]), hash("md5", message, "buffer"));
  t.throws(() => absorbBlock(message.subarray(0, 63)), RangeError);
});

t.test("a shared secret and its HMAC states can't be printed", async (t) => {
  const { inspect } = await import("node:util");
  const secret = new SharedSecret(Secret.of("xyzzy5461"));
  t.equal(inspect(secret, { showHidden: true, depth: 9 }), "SharedSecret {}");
  t.equal(JSON.stringify(secret), "{}");
});
