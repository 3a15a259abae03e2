// Whatever a NAS signs: a reply or a known reason for silence, and the door lives on.

import fc from "fast-check";
import t from "tap";

import { DROP_REASONS } from "../../../src/doors/radius/drop-reasons.ts";
import type { Attribute } from "../../../src/wire/radius/attributes.ts";
import { ask, client, nameOf, openDoor, request } from "../../support/radius-door.ts";

const SEED = 20_270_115;
const TYPES = [1, 2, 3, 4, 5, 6, 24, 26, 30, 31, 32, 33, 60, 61, 79, 87];

const attributes: fc.Arbitrary<Attribute[]> = fc.array(
  fc.record({
    type: fc.oneof(fc.constantFrom(...TYPES), fc.integer({ min: 81, max: 255 })),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 20 },
);

t.test("any signed attributes get a reply or a known silence; nothing throws", async (t) => {
  const lax = { requireMessageAuthenticator: false, limitProxyState: false };
  const kit = await openDoor({ clients: [client(lax)] });
  const username = fc.option(fc.string({ maxLength: 30 }), { nil: null });
  const password = fc.option(fc.string({ maxLength: 30 }), { nil: null });
  const signature = fc.constantFrom("genuine" as const, "absent" as const);
  const parts = fc.record({ username, password, attributes, signature });
  await fc.assert(
    fc.asyncProperty(parts, async (given) => {
      const reply = await ask(kit, request(given));
      if (typeof reply !== "string") return reply.name.startsWith("Access-");
      return reply in DROP_REASONS && reply !== "internal-error";
    }),
    { numRuns: 500, seed: SEED },
  );
  t.notOk(kit.log.lines.some(({ level }) => level === "error"));
  t.equal(await nameOf(kit, request({ identifier: 200 })), "Access-Accept");
});

t.test("any bytes, and any change to a good packet, leave the door as it was", async (t) => {
  const kit = await openDoor();
  const good = request({ identifier: 9 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: good.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      fc.uint8Array({ maxLength: 100 }),
      async (at, flips, noise) => {
        const changed = Buffer.from(good);
        changed.writeUInt8(changed.readUInt8(at) ^ flips, at);
        const replies = [await ask(kit, changed), await ask(kit, Buffer.from(noise))];
        return replies.every((reply) => typeof reply === "string" && reply !== "internal-error");
      },
    ),
    { numRuns: 500, seed: SEED },
  );
  t.equal(kit.script.logins.length, 0);
  t.equal(await nameOf(kit, good), "Access-Accept");
});
