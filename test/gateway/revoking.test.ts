// What an administrator takes away is told, and nothing else.

import t from "tap";

import type { PersonName } from "../../src/core/administration.ts";
import { revoking } from "../../src/gateway/revoking.ts";
import { event, newToken, person, testStore } from "../support/store.ts";

const alice = person("alice");

t.test(
  "LDAP-25: a lock, a reset, a replaced token and a bypass's end are told once they are kept",
  async (t) => {
    const { store, clock, end } = await testStore();
    t.teardown(end);
    const told: PersonName[] = [];
    const administration = revoking(store, (who) => told.push(who));
    const toldOf = async (change: Promise<unknown>): Promise<number> => {
      await change;
      return told.splice(0).length;
    };
    const bypass = (): Promise<unknown> =>
      administration.grantBypass(alice, "hash", clock.now() + 60_000, event());

    t.equal(await toldOf(administration.enroll(alice, newToken, { replace: false }, event())), 0);
    t.equal(await toldOf(administration.enroll(alice, newToken, { replace: false }, event())), 0);
    t.equal(await toldOf(administration.enroll(alice, newToken, { replace: true }, event())), 1);
    t.equal(await toldOf(administration.lock(alice, event())), 1);
    t.equal(await toldOf(administration.unlock(alice, event())), 0);
    t.equal(await toldOf(administration.resetToken(alice, event())), 1);
    t.equal(await toldOf(administration.resetToken(alice, event())), 0, "there was none");
    t.equal(await toldOf(bypass()), 0);
    t.equal(await toldOf(administration.revokeBypass(alice, event())), 1);
    t.equal(await toldOf(administration.revokeBypass(alice, event())), 0, "there was none");
    await bypass();
    t.equal(await toldOf(administration.resetToken(alice, event())), 1, "a reset takes it too");
    t.equal(await toldOf(administration.lock({ directory: "corp", username: "bob" }, event())), 0);
  },
);
