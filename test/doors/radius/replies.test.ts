// Retransmissions: the same request again, its number with another content, and what is forgotten.

import t from "tap";

import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import {
  ACCEPTED,
  ask,
  attribute,
  client,
  DOWN,
  nameOf,
  openDoor,
  rejected,
  replied,
  request,
} from "../../support/radius-door.ts";

t.test(
  "RAD-15 RAD-17: an answered request gets identical bytes, without a second login",
  async (t) => {
    const kit = await openDoor();
    const datagram = request();
    const first = replied(await ask(kit, datagram));
    kit.clock.advance(29_000);
    const again = replied(await ask(kit, datagram));
    t.same(again.bytes, first.bytes);
    t.equal(again.afterMs, 0);
    t.equal(kit.script.logins.length, 1);
    t.equal(kit.door.counts.duplicates, 1);
  },
);

t.test("RAD-15: after 30 seconds it is a new request", async (t) => {
  const kit = await openDoor();
  const datagram = request();
  await ask(kit, datagram);
  kit.clock.advance(30_000);
  t.equal(await nameOf(kit, datagram), "Access-Accept");
  t.equal(kit.script.logins.length, 2);
});

t.test("RAD-15: while the login runs a duplicate is silent", async (t) => {
  const kit = await openDoor();
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => promise;
  const datagram = request();
  const first = ask(kit, datagram);
  t.equal(await nameOf(kit, datagram), "duplicate-in-progress");
  resolve(ACCEPTED);
  t.equal(replied(await first).name, "Access-Accept");
  t.equal(kit.script.logins.length, 1);
});

t.test("RAD-15 RAD-25: until a refusal has left, a duplicate is silent", async (t) => {
  const kit = await openDoor();
  const datagram = request({ password: "wrong" });
  const first = replied(await ask(kit, datagram));
  kit.clock.advance(999);
  t.equal(await nameOf(kit, datagram), "duplicate-in-progress");
  kit.clock.advance(52);
  t.same(replied(await ask(kit, datagram)).bytes, first.bytes);
  t.equal(kit.script.logins.length, 1);
});

t.test("RAD-15: another port, socket or address is another request", async (t) => {
  const kit = await openDoor({ clients: [client()] });
  const datagram = request();
  await ask(kit, datagram);
  t.equal(await nameOf(kit, datagram, { port: 40_001 }), "Access-Accept");
  t.equal(await nameOf(kit, datagram, { socket: "127.0.0.2:1812" }), "Access-Accept");
  t.equal(kit.script.logins.length, 3);
});

t.test("RAD-16: the same number with another authenticator is a new request", async (t) => {
  const kit = await openDoor();
  const [one, two] = [request(), request({ password: "wrong" })];
  t.equal(await nameOf(kit, one), "Access-Accept");
  t.equal(await nameOf(kit, two), "Access-Reject");
  t.equal(await nameOf(kit, one), "Access-Accept", "the old reply is gone: a login again");
  t.equal(kit.script.logins.length, 3);
});

t.test("RAD-16: a request whose number was taken over isn't answered any more", async (t) => {
  const kit = await openDoor();
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => promise;
  const slow = ask(kit, request());
  kit.script.decide = () => ACCEPTED;
  t.equal(await nameOf(kit, request()), "Access-Accept");
  resolve(ACCEPTED);
  t.equal(await slow, "superseded");
});

t.test("RAD-16 R82: a forged packet touches no cached reply", async (t) => {
  const kit = await openDoor();
  const datagram = request();
  const first = replied(await ask(kit, datagram));
  const forged = request({ signature: "forged" });
  t.equal(await nameOf(kit, forged), "bad-message-authenticator");
  const stolen = Buffer.from(datagram);
  stolen.writeUInt8(stolen.readUInt8(30) ^ 1, 30);
  t.equal(await nameOf(kit, stolen), "bad-message-authenticator");
  t.same(replied(await ask(kit, datagram)).bytes, first.bytes);
  t.equal(kit.script.logins.length, 1);
});

t.test("what ended unavailable in silence is processed afresh", async (t) => {
  let isServing = false;
  const kit = await openDoor({ canServe: () => isServing });
  kit.script.decide = () => DOWN;
  const datagram = request();
  t.equal(await nameOf(kit, datagram), "unavailable");
  isServing = true;
  kit.script.decide = () => ACCEPTED;
  t.equal(await nameOf(kit, datagram), "Access-Accept");
});

t.test("O17: a retransmitted answer to a challenge is one answer", async (t) => {
  const kit = await openDoor();
  const state = attribute(ATTRIBUTE.state, "a State");
  const datagram = request({ password: "123456", attributes: [state] });
  kit.script.decide = () => ACCEPTED;
  const first = replied(await ask(kit, datagram));
  kit.script.decide = () => rejected("mfa-code-replayed");
  t.same(replied(await ask(kit, datagram)).bytes, first.bytes);
  t.equal(kit.script.answers.length, 1);
  t.equal(kit.script.logins.length, 0);
});
