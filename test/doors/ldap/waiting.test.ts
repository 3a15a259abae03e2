// What waits behind a Bind is bounded and keeps its order.

import t from "tap";

import { Waiting } from "../../../src/doors/ldap/waiting.ts";

t.test("what came first goes first", async (t) => {
  const waiting = new Waiting(100);
  t.equal(waiting.isEmpty, true);
  for (const text of ["a", "bc"]) t.equal(waiting.add(Buffer.from(text)), true);
  t.equal(waiting.bytes, 3);
  t.equal(waiting.take()?.toString(), "a");
  t.equal(waiting.take()?.toString(), "bc");
  t.equal(waiting.take(), undefined);
  t.equal(waiting.bytes, 0);
});

t.test("it is full at so many octets, but always takes one message", async (t) => {
  const waiting = new Waiting(100);
  t.equal(waiting.add(Buffer.alloc(5_000)), true, "the framer bounds one");
  t.equal(waiting.add(Buffer.alloc(1)), false);
  waiting.clear();
  t.equal(waiting.add(Buffer.alloc(60)), true);
  t.equal(waiting.add(Buffer.alloc(40)), true);
  t.equal(waiting.add(Buffer.alloc(1)), false);
});

t.test("it is full at 1,024 messages, however small", async (t) => {
  const waiting = new Waiting(100_000);
  for (let count = 0; count < 1_024; count += 1) waiting.add(Buffer.alloc(7));
  t.equal(waiting.add(Buffer.alloc(7)), false);
});
