// Password, question, code: State between the door and the real decision.

import t, { type Test } from "tap";

import { generateCode, stepAt } from "../../../src/core/totp.ts";
import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import {
  ask,
  attribute,
  client,
  nameOf,
  network,
  replied,
  request,
  stateOf,
} from "../../support/radius-door.ts";
import { openRealDoor, type RealKit } from "../../support/real-radius-door.ts";
import { newToken } from "../../support/store.ts";

const CLIENTS = [
  client({ mfa: "required", addresses: [network("127.0.0.1")] }),
  client({ mfa: "required", name: "wifi", addresses: [network("127.0.0.2")] }),
];

let identifier = 0;

function next(password: string, state?: Buffer, username = "bob"): Buffer {
  identifier = (identifier + 1) % 256;
  const attributes = state === undefined ? [] : [attribute(ATTRIBUTE.state, state)];
  return request({ identifier, username, password, attributes });
}

const codeNow = (kit: RealKit): string =>
  generateCode(newToken, newToken.secret, stepAt(kit.clock.now(), 30));

async function challenged(t: Test): Promise<{ kit: RealKit; state: Buffer }> {
  const kit = await openRealDoor(t, CLIENTS, { isEnrolled: true });
  const reply = replied(await ask(kit, next("hello")));
  if (reply.name !== "Access-Challenge") throw new Error(reply.name);
  return { kit, state: stateOf(reply) };
}

t.test("RAD-18: a right code with its State is accepted, once", async (t) => {
  const { kit, state } = await challenged(t);
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Accept");
  kit.clock.advance(30_000);
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Reject");
  t.same(
    (await kit.decisions()).map(({ event_type, reason }) => reason ?? event_type),
    ["radius_auth_challenge", "radius_auth_attempt", "state-invalid"],
  );
});

t.test("RAD-18: a State is spent by a wrong code too", async (t) => {
  const { kit, state } = await challenged(t);
  t.equal(await nameOf(kit, next("000000", state)), "Access-Reject");
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Reject");
  t.equal((await kit.decisions()).at(-1)?.reason, "state-invalid");
});

t.test("RAD-18 R84 O16: no other State opens anything", async (t) => {
  const { kit, state } = await challenged(t);
  const flipped = Buffer.from(state);
  flipped.writeUInt8(flipped.readUInt8(40) ^ 1, 40);
  for (const other of [flipped, state.subarray(1), Buffer.alloc(253), Buffer.alloc(0)]) {
    t.equal(await nameOf(kit, next(codeNow(kit), other)), "Access-Reject");
    t.equal((await kit.decisions()).at(-1)?.reason, "state-invalid");
  }
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Accept");
});

t.test("RAD-18 O16: a State belongs to its client and its person", async (t) => {
  const { kit, state } = await challenged(t);
  const answer = next(codeNow(kit), state);
  t.equal(await nameOf(kit, answer, { address: "127.0.0.2" }), "Access-Reject");
  t.equal(await nameOf(kit, next(codeNow(kit), state, "alice")), "Access-Reject");
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Accept");
});

t.test("RAD-18 O16: a State ends after two minutes", async (t) => {
  const { kit, state } = await challenged(t);
  kit.clock.advance(120_000);
  t.equal(await nameOf(kit, next(codeNow(kit), state)), "Access-Reject");
  t.equal((await kit.decisions()).at(-1)?.reason, "state-invalid");
});

t.test("O17 RAD-17: a retransmitted answer consumes one code and gets one reply", async (t) => {
  const { kit, state } = await challenged(t);
  const answer = next(codeNow(kit), state);
  const first = replied(await ask(kit, answer));
  t.same(replied(await ask(kit, answer)).bytes, first.bytes);
  t.equal(first.name, "Access-Accept");
  t.equal((await kit.decisions()).length, 2);
});

t.test("O18: password and code sent on two ports are one login, later a replay", async (t) => {
  const kit = await openRealDoor(t, CLIENTS, { isEnrolled: true });
  const attributes = [attribute(ATTRIBUTE.callingStationId, "203.0.113.9")];
  const password = `hello,${codeNow(kit)}`;
  const both = [1, 2].map((number) =>
    nameOf(kit, request({ identifier: number, password, attributes }), { port: 40_000 + number }),
  );
  t.same(await Promise.all(both), ["Access-Accept", "Access-Accept"]);
  t.equal((await kit.decisions()).length, 1);
  kit.clock.advance(15_000);
  t.equal(await nameOf(kit, request({ identifier: 3, password, attributes })), "Access-Reject");
  t.equal((await kit.decisions()).at(-1)?.reason, "mfa-code-replayed");
});
