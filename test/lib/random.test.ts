// Random bytes drawn in blocks must stay what random bytes are: never the same twice.

import t from "tap";

import { randomBytes, randomInt, uuidv7 } from "../../src/lib/random.ts";

await t.test("bytes are of the size asked for and never handed out twice", async (t) => {
  const seen = new Set<string>();
  for (let draw = 0; draw < 5_000; draw += 1) {
    const bytes = randomBytes(16);
    t.equal(bytes.length, 16);
    seen.add(bytes.toString("hex"));
  }
  t.equal(seen.size, 5_000);
});

await t.test("more than a block, and nothing, can be asked for", async (t) => {
  const bytes = randomBytes(10_000);
  t.equal(bytes.length, 10_000);
  t.not(new Set(bytes).size, 1);
  t.equal(randomBytes(0).length, 0);
});

await t.test("what the caller does to its bytes changes nobody else's", async (t) => {
  const mine = randomBytes(32);
  mine.fill(0);
  t.not(randomBytes(32).toString("hex"), mine.toString("hex"));
});

await t.test("whole numbers stay below their limit", async (t) => {
  for (let draw = 0; draw < 100; draw += 1) t.ok(randomInt(3) < 3);
});

await t.test("RFC 9562 §5.7: a UUIDv7 carries its time, version 7 and variant 10", async (t) => {
  const uuid = uuidv7(0x0123_4567_89ab);
  t.match(uuid, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.not(uuidv7(0), uuidv7(0));
});
