// Fail-over copies: the same login again from the same NAS under a new number and authenticator.

import t from "tap";

import { Secret } from "../../../src/lib/secret.ts";
import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import {
  ACCEPTED,
  ask,
  attribute,
  client,
  decided,
  DOWN,
  type Kit,
  nameOf,
  network,
  openDoor,
  rejected,
  replied,
  request,
  type RequestParts,
  stateOf,
} from "../../support/radius-door.ts";

const PHONE = attribute(ATTRIBUTE.callingStationId, "203.0.113.9");

let identifier = 0;

/** A new identifier and authenticator each time, at another of our addresses. */
function copy(parts: RequestParts = {}): Buffer {
  identifier = (identifier + 1) % 256;
  return request({ identifier, attributes: [PHONE], ...parts });
}

async function loginsFor(kit: Kit, first: Buffer, second: Buffer): Promise<number> {
  await ask(kit, first);
  await ask(kit, second, { socket: "127.0.0.2:1812", port: 40_001 });
  return kit.script.logins.length + kit.script.answers.length;
}

t.test("O18: a copy gets the recorded verdict, newly signed, without a login", async (t) => {
  const kit = await openDoor();
  const first = replied(await ask(kit, copy()));
  kit.script.decide = () => rejected("mfa-code-replayed");
  kit.clock.advance(14_999);
  const second = replied(await ask(kit, copy(), { socket: "127.0.0.2:1812" }));
  t.equal(second.name, "Access-Accept");
  t.notSame(second.bytes, first.bytes);
  t.equal(kit.script.logins.length, 1);
  kit.clock.advance(1);
  t.equal(await nameOf(kit, copy()), "Access-Reject", "15 seconds later it is a new login");
});

t.test("O18 RAD-25: a copy of a refused login is refused as late as any other", async (t) => {
  const kit = await openDoor();
  await ask(kit, copy({ password: "wrong" }));
  kit.clock.advance(5_000);
  const second = replied(await ask(kit, copy({ password: "wrong" })));
  t.equal(second.name, "Access-Reject");
  t.ok(second.afterMs >= 1_000);
  t.equal(kit.script.logins.length, 1);
});

t.test("O18: a copy waits for a login that still runs", async (t) => {
  const kit = await openDoor();
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => promise;
  const both = [ask(kit, copy()), ask(kit, copy(), { socket: "127.0.0.2:1812" })];
  resolve(ACCEPTED);
  for (const reply of await Promise.all(both)) t.equal(replied(reply).name, "Access-Accept");
  t.equal(kit.script.logins.length, 1);
});

const DIFFERENT: [title: string, parts: RequestParts][] = [
  ["another name", { username: "alice" }],
  ["another password", { password: "hellp" }],
  ["another device", { attributes: [attribute(ATTRIBUTE.callingStationId, "203.0.113.8")] }],
  ["a State", { attributes: [PHONE, attribute(ATTRIBUTE.state, "a State")] }],
  ["an empty State", { attributes: [PHONE, attribute(ATTRIBUTE.state, "")] }],
  ["a port", { attributes: [PHONE, attribute(ATTRIBUTE.nasPort, Buffer.alloc(4))] }],
];

for (const [title, parts] of DIFFERENT) {
  t.test(`O18: ${title} makes it another login, never a copy`, async (t) => {
    t.equal(await loginsFor(await openDoor(), copy(), copy(parts)), 2);
  });
}

t.test("O18: the same login through another client is no copy, from the same it is", async (t) => {
  const clients = [
    client({ addresses: [network("127.0.0.0/24")] }),
    client({ name: "wifi", addresses: [network("127.0.1.1")] }),
  ];
  const kit = await openDoor({ clients });
  await ask(kit, copy());
  await ask(kit, copy(), { address: "127.0.0.2" });
  t.equal(kit.script.logins.length, 1);
  await ask(kit, copy(), { address: "127.0.1.1" });
  t.equal(kit.script.logins.length, 2);
});

t.test("O18: without a device or port nothing is taken for a copy", async (t) => {
  const plain = { attributes: [] };
  t.equal(await loginsFor(await openDoor(), copy(plain), copy(plain)), 2);
  const port = { attributes: [attribute(ATTRIBUTE.nasPort, Buffer.alloc(4))] };
  t.equal(await loginsFor(await openDoor(), copy(port), copy(port)), 1);
});

t.test("O18: the fields of a copy can't run into each other", async (t) => {
  const kit = await openDoor();
  const split = await loginsFor(
    kit,
    copy({ username: "bobh", password: "ello" }),
    copy({ username: "bob", password: "hello" }),
  );
  t.equal(split, 2);
});

t.test("a copy of an unavailable login is processed afresh", async (t) => {
  const kit = await openDoor({ canServe: () => false });
  kit.script.decide = () => DOWN;
  t.equal(await nameOf(kit, copy()), "unavailable");
  kit.script.decide = () => ACCEPTED;
  t.equal(await nameOf(kit, copy()), "Access-Accept");
});

t.test("a copy of a faulty login is processed afresh", async (t) => {
  const kit = await openDoor();
  kit.script.decide = () => {
    throw new Error("a fault of ours");
  };
  t.equal(await nameOf(kit, copy()), "internal-error");
  kit.script.decide = () => ACCEPTED;
  t.equal(await nameOf(kit, copy()), "Access-Accept");
});

t.test(
  "a challenge is copied until it was answered; then the next login is a new one",
  async (t) => {
    const kit = await openDoor();
    const challenge = (text: string) =>
      decided({ outcome: "challenge" }, { state: Buffer.from(text) });
    kit.script.decide = () => challenge("first");
    await ask(kit, copy());
    kit.script.decide = () => challenge("second");
    const repeated = replied(await ask(kit, copy()));
    t.same(stateOf(repeated), Buffer.from("first"));
    const state = attribute(ATTRIBUTE.state, stateOf(repeated));
    kit.script.decide = () => rejected("mfa-code-incorrect");
    const answer = copy({ password: "000000", attributes: [PHONE, state] });
    t.equal(await nameOf(kit, answer), "Access-Reject");
    kit.script.decide = () => challenge("third");
    t.same(stateOf(replied(await ask(kit, copy()))), Buffer.from("third"));
  },
);

t.test("a reload forgets what was decided under other rules", async (t) => {
  const kit = await openDoor();
  const corp = kit.script.logins;
  await ask(kit, copy());
  const directory = corp[0]?.directory;
  if (directory === undefined) throw new Error("no login");
  const secret = Secret.of("testing123");
  kit.door.reload({ clients: [client({ secret })], directories: new Map([["corp", directory]]) });
  await ask(kit, copy());
  t.equal(kit.script.logins.length, 2);
});
