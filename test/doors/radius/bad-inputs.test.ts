// The catalogue of bad packets through the whole door and the real decision: what each one gets,
// and that the same door still lets a good login in afterwards.

import t from "tap";

import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import { find, findAll } from "../../../src/wire/radius/attributes.ts";
import { decode } from "../../../src/wire/radius/packet.ts";
import { ask, nameOf, NAS, replied, request } from "../../support/radius-door.ts";
import { openRealDoor } from "../../support/real-radius-door.ts";
import { type BadInput, readBadInputs } from "../../support/radius-vectors.ts";

const EXPECTED: Record<BadInput["expect"][number], readonly string[]> = {
  accept: ["Access-Accept"],
  reject: ["Access-Reject"],
  // The catalogue asks for a challenge; without EAP it is a Reject with EAP-Failure.
  challenge: ["Access-Reject"],
  silent: ["silent"],
  refused: ["Access-Reject", "silent"],
  same: [],
};

for (const { id, title, packets, expect } of readBadInputs()) {
  t.test(
    `${id}: ${title} gets ${expect.join(", then ")}; a good login works after it`,
    async (t) => {
      const kit = await openRealDoor(t);
      let before: Buffer = Buffer.alloc(0);
      for (const [index, hex] of packets.entries()) {
        const datagram = Buffer.from(hex, "hex");
        const reply = await ask(kit, datagram);
        const name = typeof reply === "string" ? "silent" : reply.name;
        const expected = expect[index] ?? "silent";
        if (expected === "same") t.same(replied(reply).bytes, before);
        else t.ok(EXPECTED[expected].includes(name), `${name} for ${expected}`);
        if (expected === "challenge") t.ok(hasEapFailure(replied(reply).bytes));
        if (typeof reply !== "string") {
          if (expected !== "same") before = reply.bytes;
          t.same(proxyStates(reply.bytes), proxyStates(datagram), "Proxy-State as it came");
        }
        // Past the reject delay, so that a repeat is answered.
        kit.clock.advance(2_000);
      }
      kit.clock.advance(31_000);
      t.equal(await nameOf(kit, request({ identifier: 0 })), "Access-Accept");
      t.equal(kit.door.counts.drops["internal-error"], 0);
      t.notOk(kit.log.lines.some(({ level }) => level === "error"));
      for (const event of [...(await kit.decisions()), ...kit.events]) {
        t.notMatch(JSON.stringify(event), /[\p{Cc}\p{Zl}\p{Zp}]/u, "LOG-02: one event, one line");
      }
    },
  );
}

function proxyStates(bytes: Buffer): Buffer[] {
  return findAll(decode(bytes).attributes, ATTRIBUTE.proxyState).map(({ value }) => value);
}

function hasEapFailure(bytes: Buffer): boolean {
  const eap = find(decode(bytes).attributes, ATTRIBUTE.eapMessage)?.value;
  return eap?.length === 4 && eap.readUInt8(0) === 4 && eap.readUInt16BE(2) === 4;
}

t.test("R80 RAD-17: a wrong login sent twice at once is one attempt and one event", async (t) => {
  const kit = await openRealDoor(t);
  const datagram = request({ password: "wrong" });
  const both = await Promise.all([ask(kit, datagram), ask(kit, datagram)]);
  t.equal(replied(both[0]).name, "Access-Reject");
  t.equal(both[1], "duplicate-in-progress");
  const decisions = await kit.decisions();
  t.equal(decisions.length, 1);
  t.equal(decisions[0]?.reason, "password-incorrect");
  t.same(decisions[0]?.nas, { name: "vpn", ip: NAS.address });
});

t.test("R30 OTP-17: an empty password is refused before the directory is asked", async (t) => {
  const kit = await openRealDoor(t);
  t.equal(await nameOf(kit, request({ password: "" })), "Access-Reject");
  t.equal((await kit.decisions())[0]?.reason, "empty-password");
});
