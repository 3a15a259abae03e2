// An administrator's lock and reset are told to the doors, once they are kept; nothing else is.

import t from "tap";

import { revoking } from "../../src/gateway/revoking.ts";
import { event, newToken, person, testStore } from "../support/store.ts";

t.test("LDAP-25: a lock and a reset end sessions; what changed nothing doesn't", async (t) => {
  const test = await testStore();
  t.teardown(() => test.end());
  const ended: string[] = [];
  const administration = revoking(test.store, ({ username }) => void ended.push(username));
  const alice = { directory: "corp", username: "alice" };
  t.equal(await administration.lock(alice, event()), "unknown");
  t.equal(await administration.resetToken(alice, event()), "unknown");
  await administration.enroll(person("alice"), newToken, { replace: false }, event());
  t.same(ended, []);
  t.equal(await administration.lock(alice, event()), "locked");
  await administration.unlock(alice, event());
  t.equal(await administration.resetToken(alice, event()), "reset");
  t.equal(await administration.resetToken(alice, event()), "no-token");
  t.same(ended, ["alice", "alice"]);
});
