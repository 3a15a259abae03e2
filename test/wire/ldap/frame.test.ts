// Framing: the same messages, however the stream is cut.

import t from "tap";

import { createFramer } from "../../../src/wire/ldap/frame.ts";
import { element } from "../../support/ldap-requests.ts";

const messages = ["30050201016100", "3081050201026100", "30840000000502010361 00", "3000"].map(
  (hex) => Buffer.from(hex.replaceAll(" ", ""), "hex"),
);
const stream = Buffer.concat(messages);

function cut(sizes: () => number): string[] {
  const framer = createFramer(1_000);
  const found: string[] = [];
  for (let at = 0; at < stream.length;) {
    const size = sizes();
    framer.push(stream.subarray(at, at + size), (message) => found.push(message.toString("hex")));
    at += size;
  }
  return found;
}

t.test("messages are the same whole, octet by octet and in any cut", async (t) => {
  const expected = messages.map((message) => message.toString("hex"));
  for (const size of [stream.length, 1, 2, 3, 5, 7, 11])
    t.same(
      cut(() => size),
      expected,
    );
});

t.test("messages that were given stay what they were while others arrive", async (t) => {
  const framer = createFramer(1_000);
  const found: Buffer[] = [];
  for (const octet of Buffer.concat([stream, stream])) {
    framer.push(Buffer.of(octet), (message) => found.push(message));
  }
  t.same(found.map(String), [...messages, ...messages].map(String));
});

t.test("D07: a length beyond the limit is refused before its contents arrive", async (t) => {
  const framer = createFramer(1_000);
  const refused = { name: "WireError", code: "too-long" };
  t.throws(() => framer.push(Buffer.from("3084ffffffff", "hex"), () => undefined), refused);
  t.equal(framer.heldBytes, 0);
});

t.test("LDAP-01 LDAP-03: what can't begin a message is refused at its first octet", async (t) => {
  for (const [hex, code] of [
    ["16", "bad-tag"],
    ["3080", "indefinite-length"],
    ["30ff", "bad-length"],
  ]) {
    const push = (): void =>
      createFramer(1_000).push(Buffer.from(hex ?? "", "hex"), () => undefined);
    t.throws(push, { name: "WireError", code });
  }
});

t.test("an unfinished message is held, and only it", async (t) => {
  const framer = createFramer(1_000);
  framer.push(Buffer.concat([stream, Buffer.from("300502", "hex")]), () => undefined);
  t.equal(framer.heldBytes, 3);
});

t.test(
  "a limit that changes counts from the next message on, for one that is half there too",
  async (t) => {
    const message = element(0x30, "x".repeat(500));
    const framer = createFramer(100);
    t.throws(() => framer.push(message.subarray(0, 5), () => undefined), { code: "too-long" });

    const growing = createFramer(100);
    growing.messageBytesMax = 1_000;
    t.equal(growing.messageBytesMax, 1_000);
    const taken: Buffer[] = [];
    growing.push(message.subarray(0, 300), (one) => taken.push(one));
    growing.messageBytesMax = 100;
    t.throws(() => growing.push(message.subarray(300), (one) => taken.push(one)), {
      code: "too-long",
    });
    t.same(taken, []);
  },
);
