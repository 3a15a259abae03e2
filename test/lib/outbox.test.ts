// Bytes on their way out: all of them, once, in order, uncopied where they lie side by side.

import t from "tap";

import { Outbox } from "../../src/lib/outbox.ts";

t.test("what lies side by side leaves as one view of the same memory", async (t) => {
  const chunk = Buffer.from("abcdefgh");
  const outbox = new Outbox();
  outbox.push(chunk.subarray(1, 3));
  outbox.push(chunk.subarray(3, 6));
  const bytes = outbox.take();
  t.equal(bytes?.toString(), "bcdef");
  t.equal(bytes?.buffer, chunk.buffer);
  t.equal(bytes?.byteOffset, chunk.byteOffset + 1);
});

t.test("what doesn't is put together in order", async (t) => {
  const chunk = Buffer.from("abcdefgh");
  const outbox = new Outbox();
  for (const bytes of [chunk.subarray(0, 2), chunk.subarray(4, 6), Buffer.from("X"), chunk]) {
    outbox.push(bytes);
  }
  t.equal(outbox.take()?.toString(), "abefXabcdefgh");
});

t.test("everything leaves once", async (t) => {
  const outbox = new Outbox();
  t.equal(outbox.take(), undefined);
  outbox.push(Buffer.from("a"));
  t.equal(outbox.take()?.toString(), "a");
  t.equal(outbox.take(), undefined);
  outbox.push(Buffer.from("b"));
  t.equal(outbox.take()?.toString(), "b");
});
