// What every store must do with recovery codes: once, for as long as the token, and over a rotation.

import { hashRecoveryCode } from "../../../src/core/recovery.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { attempt, event, newToken, person, type TestStore } from "../../support/store.ts";
import { claimOf, ruleOn, type Opener } from "./contract.ts";

const alice = person("alice");
const bob = person("bob");
const HASHES = ["aa", "bb", "cc"].map((pair) => pair.repeat(32));
const [FIRST = "", SECOND = ""] = HASHES;
const ACCEPT = { result: "accept", bind: "right", codeVerified: true } as const;
const ENROLL = { replace: true, recovery: HASHES } as const;

const use = ({ store }: TestStore, recovery: string, who = alice) =>
  attempt(store, who, { ...ACCEPT, recovery });

async function left({ store }: TestStore, who = alice): Promise<number | undefined> {
  const found = await store.findPerson(who);
  return typeof found === "string" ? undefined : found.recoveryCodesLeft;
}

async function find({ store }: TestStore, codeHash: string, who = alice): Promise<string> {
  const begun = await store.begin(who, undefined);
  if (begun.kind !== "begun") throw new Error(begun.reason);
  await store.abandon(begun.reservation, event());
  return store.findRecovery(begun.account.id ?? 0, codeHash);
}

export function recoveryContract(open: Opener): void {
  const rule = ruleOn(open);

  rule("OTP-14: a recovery code is accepted once, and known as used", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    t.equal(await left(test), 3);
    t.equal(await find(test, FIRST), "unused");
    t.equal(await use(test, FIRST), "recorded");
    t.equal(await find(test, FIRST), "used");
    t.equal(await use(test, FIRST), "lost");
    t.match(await test.store.events({ limit: 1 }), [
      { success: false, reason: "mfa-code-replayed", reply: "reject" },
    ]);
    t.equal(await use(test, SECOND), "recorded", "the others stay good");
    t.equal(await left(test), 1);
    await test.reopen();
    t.equal(await use(test, FIRST), "lost", "for good");
    t.equal(await left(test), 1);
  });

  rule("of twenty parallel uses of one recovery code exactly one is accepted", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    const results = await Promise.all(Array.from({ length: 20 }, () => use(test, FIRST)));
    t.equal(results.filter((result) => result === "recorded").length, 1);
    t.equal(await left(test), 2);
    t.equal((await test.store.events({ limit: 9, eventType: "recovery_code_used" })).length, 1);
  });

  rule("the use of a recovery code is an event that says how many are left", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    const by = { type: "user", id: "corp/id-alice", username: "alice" } as const;
    await attempt(test.store, alice, {
      ...ACCEPT,
      recovery: FIRST,
      event: event({ initiated_by: by, success: true }),
    });
    t.match(await test.store.events({ limit: 2 }), [
      { event_type: "radius_auth_attempt", success: true },
      {
        event_type: "recovery_code_used",
        service: "directory",
        initiated_by: by,
        resource: { type: "user", id: "corp/id-alice" },
        details: { remaining: 2 },
      },
    ]);
    t.equal((await test.store.events({ limit: 9, username: "alice" })).length, 2);
  });

  rule("an accept that is refused for another reason leaves the code unused", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    const begun = await test.store.begin(alice, undefined);
    if (begun.kind !== "begun") throw new Error(begun.reason);
    await test.store.lock(alice, event());
    const ending = { ...ACCEPT, recovery: FIRST, event: event() };
    t.match(await test.store.finish(begun.reservation, ending), { reason: "account-locked" });
    t.equal(await left(test), 3);
  });

  rule("nobody else's recovery code is one of mine", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    await test.store.enroll(bob, newToken, { replace: false }, event());
    t.equal(await left(test, bob), 0, "without any there are none");
    t.equal(await find(test, FIRST, bob), "unknown");
    t.equal(await use(test, FIRST, bob), "lost");
    t.equal(await left(test), 3);
  });

  rule("what takes the token takes its recovery codes, also in mid login", async (t, test) => {
    const endings = [
      () => test.store.resetToken(alice, event()),
      () => test.store.enroll(alice, newToken, { replace: true }, event()),
      () =>
        test.store.importTokens(
          "corp",
          [{ ...newToken, username: "alice", line: 1 }],
          { replace: true },
          event(),
        ),
    ];
    for (const end of endings) {
      await test.store.enroll(alice, newToken, ENROLL, event());
      const begun = await test.store.begin(alice, undefined);
      if (begun.kind !== "begun") throw new Error(begun.reason);
      await end();
      const ending = { ...ACCEPT, recovery: FIRST, event: event() };
      t.match(await test.store.finish(begun.reservation, ending), { reason: "token-changed" });
      t.equal(await left(test), 0);
      t.equal(await find(test, FIRST), "unknown");
    }
  });

  rule("new recovery codes make the old ones void, and need a token", async (t, test) => {
    const { store } = test;
    t.equal(await store.replaceRecovery(alice, HASHES, event()), "no-token");
    await store.enroll(alice, newToken, ENROLL, event());
    await use(test, FIRST);
    const begun = await store.begin(alice, undefined);
    if (begun.kind !== "begun") throw new Error(begun.reason);
    const generated = event({ event_type: "recovery_codes_generated" });
    t.equal(await store.replaceRecovery(alice, ["dd".repeat(32)], generated), "generated");
    t.match(await store.events({ limit: 1 }), [{ event_type: "recovery_codes_generated" }]);
    const ending = { ...ACCEPT, recovery: SECOND, event: event() };
    t.match(await store.finish(begun.reservation, ending), { reason: "token-changed" });
    t.equal(await left(test), 1);
    t.equal(await use(test, "dd".repeat(32)), "recorded");
    const another = person("alice", "another id");
    t.equal(await store.replaceRecovery(another, HASHES, event()), "identity-changed");
  });

  rule("S13: what hashes recovery codes outlives a rotation of the key", async (t, test) => {
    const code = "abcde-fghij-klmno-pqrst-uvw23";
    const hash = hashRecoveryCode(test.store.recoveryKey, code);
    await test.store.enroll(alice, newToken, { replace: false, recovery: [hash] }, event());
    const newKey = Secret.of(Buffer.alloc(32, 0x77));
    await test.store.rotateKey(newKey, event());
    t.equal(hashRecoveryCode(test.store.recoveryKey, code), hash, "the running gateway goes on");
    await test.reopen({ masterKey: newKey });
    t.equal(await use(test, hashRecoveryCode(test.store.recoveryKey, code)), "recorded");
  });

  rule("after a restore no recovery code is good: it may have been used", async (t, test) => {
    await test.store.enroll(alice, newToken, ENROLL, event());
    await test.store.markRestored();
    t.equal(await left(test), 0);
    t.equal(await use(test, FIRST), "lost");
    t.equal(await test.store.replaceRecovery(alice, HASHES, event()), "generated");
    t.equal(await use(test, FIRST), "recorded", "new ones are");
  });

  rule("the code that proved an enrolment is used by it", async (t, test) => {
    const proved = { ...newToken, lastStep: 100 };
    await test.store.enroll(alice, proved, { replace: false }, event());
    t.match(await test.store.begin(alice, undefined), { account: { token: { lastStep: 100 } } });
    const claim = await claimOf(test, 100);
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim }), "lost");
    const next = { ...claim, step: 101 };
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim: next }), "recorded");
  });
}
