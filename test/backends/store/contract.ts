// What every store must do, whichever engine is below: run by one test file per engine.

import t, { type Test } from "tap";

import type { Identity } from "../../../src/core/ports.ts";
import {
  attempt,
  event,
  newToken,
  person,
  RULES,
  testStore,
  type TestStore,
} from "../../support/store.ts";

export type Opener = typeof testStore;

const alice = person("alice");
const WRONG = { result: "failed-password", bind: "wrong" } as const;
const WRONG_CODE = { result: "failed-code", bind: "right" } as const;
const ACCEPT = { result: "accept", bind: "right", codeVerified: true } as const;

/** One rule, on a store of its own that is closed whatever happens. */
export function ruleOn(open: Opener) {
  return (title: string, body: (t: Test, test: TestStore) => Promise<void>): void => {
    void t.test(title, async (t) => {
      const test = await open();
      try {
        await body(t, test);
      } finally {
        await test.end();
      }
    });
  };
}

export async function claimOf({ store }: TestStore, step: number, who: Identity = alice) {
  const begun = await store.begin(who, undefined);
  if (begun.kind !== "begun") throw new Error(begun.reason);
  await store.abandon(begun.reservation, event());
  const token = begun.account.token;
  if (token === undefined) throw new Error("no token");
  return { token: token.id, generation: token.generation, step, driftSteps: 0 };
}

async function lockEnd({ store }: TestStore): Promise<number | "administrator" | undefined> {
  const found = await store.findPerson({ directory: "corp", username: "alice" });
  return typeof found === "string" ? undefined : found.lockedUntil;
}

export function storeContract(open: Opener): void {
  const rule = ruleOn(open);

  rule("O01 O02 OTP-02: a step is claimed once, and every earlier one is dead", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const claim = await claimOf(test, 100);
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim }), "recorded");
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim }), "lost");
    const older = { ...claim, step: 99 };
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim: older }), "lost");
    const [last] = await test.store.events({ limit: 1 });
    t.match(last, {
      success: false,
      reason: "mfa-code-replayed",
      error_message: "mfa code replayed",
    });
  });

  rule(
    "O03 OTP-03: of fifty parallel uses of one code exactly one is accepted",
    async (t, test) => {
      await test.store.enroll(alice, newToken, { replace: false }, event());
      const claim = await claimOf(test, 100);
      const tries = Array.from({ length: 50 }, () =>
        attempt(test.store, alice, { ...ACCEPT, claim }),
      );
      const results = await Promise.all(tries);
      t.equal(results.filter((result) => result === "recorded").length, 1);
      t.equal(await lockEnd(test), undefined);
    },
  );

  rule("OTP-06: of 200 parallel attempts no more begin than the limit leaves", async (t, test) => {
    const begun = await Promise.all(
      Array.from({ length: 200 }, () => test.store.begin(alice, undefined)),
    );
    t.equal(begun.filter((one) => one.kind === "begun").length, RULES.attempts);
    for (const one of begun)
      if (one.kind === "begun") await test.store.abandon(one.reservation, event());
    t.equal(await attempt(test.store, alice, ACCEPT), "recorded", "and none of it locks");
  });

  for (const [title, failure] of [
    ["passwords", WRONG],
    ["codes", WRONG_CODE],
  ] as const) {
    rule(
      `T22: six wrong ${title} lock, the seventh is refused, ten minutes later it is over`,
      async (t, test) => {
        for (let i = 0; i < 6; i += 1)
          t.equal(await attempt(test.store, alice, failure), "recorded");
        t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
        test.clock.advance(10 * 60_000 - 1);
        t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
        test.clock.advance(2);
        t.equal(await attempt(test.store, alice, ACCEPT), "recorded");
        const lockouts = await test.store.events({ eventType: "user_lockout", limit: 10 });
        t.equal(lockouts.length, 1);
      },
    );
  }

  rule(
    "O11 OTP-07: a right password alone clears neither counter; a full success clears both",
    async (t, test) => {
      for (let i = 0; i < 5; i += 1) await attempt(test.store, alice, WRONG_CODE);
      await attempt(test.store, alice, { result: "neutral", bind: "right" });
      await attempt(test.store, alice, WRONG_CODE);
      t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
    },
  );

  rule("OTP-11: a full success clears what was counted", async (t, test) => {
    for (let i = 0; i < 5; i += 1) await attempt(test.store, alice, WRONG);
    t.equal(await attempt(test.store, alice, ACCEPT), "recorded");
    for (let i = 0; i < 5; i += 1) t.equal(await attempt(test.store, alice, WRONG), "recorded");
    t.equal(await attempt(test.store, alice, ACCEPT), "recorded");
  });

  rule("the window runs from the last failure", async (t, test) => {
    for (let i = 0; i < 5; i += 1) {
      await attempt(test.store, alice, WRONG);
      test.clock.advance(29 * 60_000);
    }
    await attempt(test.store, alice, WRONG);
    t.equal(await attempt(test.store, alice, ACCEPT), "account-locked", "never 30 min without one");
  });

  rule("failures older than the window are forgotten", async (t, test) => {
    for (let i = 0; i < 5; i += 1) await attempt(test.store, alice, WRONG);
    test.clock.advance(31 * 60_000);
    for (let i = 0; i < 5; i += 1) t.equal(await attempt(test.store, alice, WRONG), "recorded");
    t.equal(await attempt(test.store, alice, ACCEPT), "recorded");
  });

  rule("O12: a lock doubles when it comes again, up to an hour", async (t, test) => {
    for (const minutes of [10, 20, 40, 60, 60]) {
      for (let i = 0; i < 6; i += 1) await attempt(test.store, alice, WRONG);
      test.clock.advance(minutes * 60_000 - 1_000);
      t.equal(await attempt(test.store, alice, WRONG), "account-locked", `${minutes} min`);
      test.clock.advance(2_000);
    }
  });

  rule(
    "O12: strangers lock strangers: a device known to the person keeps its own counters",
    async (t, test) => {
      await test.store.enroll(alice, newToken, { replace: false }, event());
      const claim = await claimOf(test, 100);
      t.equal(await attempt(test.store, alice, { ...ACCEPT, claim }, "phone"), "recorded");
      for (let i = 0; i < 6; i += 1) await attempt(test.store, alice, WRONG, "elsewhere");
      t.equal(await attempt(test.store, alice, ACCEPT, "elsewhere"), "account-locked");
      t.equal(
        await attempt(test.store, alice, { ...ACCEPT, claim: { ...claim, step: 101 } }, "phone"),
        "recorded",
      );
      test.clock.advance(31 * 86_400_000);
      for (let i = 0; i < 6; i += 1) await attempt(test.store, alice, WRONG, "elsewhere");
      t.equal(
        await attempt(test.store, alice, ACCEPT, "phone"),
        "account-locked",
        "known for 30 days",
      );
    },
  );

  rule(
    "a hundred wrong codes with a right password suspend the factor until it is reset",
    async (t, test) => {
      await test.store.enroll(alice, newToken, { replace: false }, event());
      for (let i = 0; i < 100; i += 1) {
        await attempt(test.store, alice, WRONG_CODE);
        test.clock.advance(61 * 60_000);
      }
      const found = await test.store.findPerson({ directory: "corp", username: "alice" });
      t.match(found, { token: { suspended: true } });
      t.equal(
        (await test.store.events({ eventType: "mfa_factor_suspended", limit: 10 })).length,
        1,
      );
      t.equal(
        await test.store.resetToken({ directory: "corp", username: "alice" }, event()),
        "reset",
      );
      await test.store.enroll(alice, newToken, { replace: false }, event());
      const begun = await test.store.begin(alice, undefined);
      t.match(begun, { kind: "begun", account: { suspicion: 0 } });
    },
  );

  rule(
    "the shield: no more failed binds than the directory's threshold less two, and unlocking doesn't lower it",
    async (t, test) => {
      const mayAsk = async (): Promise<boolean> => {
        const begun = await test.store.begin(alice, undefined);
        if (begun.kind !== "begun") throw new Error(begun.reason);
        await test.store.abandon(begun.reservation, event());
        return begun.reservation.mayAskDirectory;
      };
      for (let i = 0; i < 8; i += 1) {
        t.equal(await mayAsk(), true, `after ${i}`);
        await attempt(test.store, alice, WRONG);
        if (i === 5) await test.store.unlock({ directory: "corp", username: "alice" }, event());
      }
      t.equal(await mayAsk(), false);
      test.clock.advance(31 * 60_000);
      t.equal(await mayAsk(), true, "the directory has forgotten");
    },
  );

  rule(
    "an administrator's lock refuses until it is lifted, even what began before it",
    async (t, test) => {
      const begun = await test.store.begin(alice, undefined);
      await attempt(test.store, alice, { result: "neutral" });
      const name = { directory: "corp", username: "ALICE " };
      t.equal(await test.store.lock(name, event()), "locked");
      if (begun.kind !== "begun") throw new Error("begun");
      const late = await test.store.finish(begun.reservation, {
        ...ACCEPT,
        event: event(),
      });
      t.same(late, { kind: "lost", reason: "account-locked" });
      t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
      t.equal(await test.store.unlock(name, event()), "unlocked");
      t.equal(await attempt(test.store, alice, ACCEPT), "recorded");
    },
  );

  rule(
    "an answer to a challenge doesn't tell the shield that the directory said yes",
    async (t, test) => {
      const mayAsk = async (): Promise<boolean> => {
        const begun = await test.store.begin(alice, undefined);
        if (begun.kind !== "begun") throw new Error(begun.reason);
        await test.store.abandon(begun.reservation, event());
        return begun.reservation.mayAskDirectory;
      };
      for (let i = 0; i < 8; i += 1) {
        if (i === 5) await test.store.unlock({ directory: "corp", username: "alice" }, event());
        await attempt(test.store, alice, WRONG);
      }
      t.equal(await mayAsk(), false);
      await attempt(test.store, alice, { result: "failed-code", bind: "right-earlier" });
      t.equal(await mayAsk(), false, "the directory has heard nothing of it");
      await attempt(test.store, alice, { result: "neutral", bind: "right" });
      t.equal(await mayAsk(), true, "the directory counts from nought again");
    },
  );

  rule("an administrator locks also whom nobody has seen here yet", async (t, test) => {
    t.equal(await test.store.lock(alice, event()), "locked");
    t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
    const unseen = { directory: "corp", username: "bob" };
    t.equal(await test.store.lock(unseen, event()), "unknown", "a name alone is nobody");
  });

  rule("what an administrator does is done to the one who has the name now", async (t, test) => {
    // The first alice has left; bob got her name.
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const bob = person("bob");
    await test.store.enroll(bob, newToken, { replace: false }, event());
    const renamed = { ...bob, username: "alice" };
    t.equal(await test.store.lock(renamed, event()), "locked");
    t.equal(await attempt(test.store, renamed, ACCEPT), "account-locked");
    t.match(await test.store.findPerson(renamed), { id: bob.id, lockedUntil: "administrator" });
    const byName = { directory: "corp", username: "alice" };
    t.match(
      await test.store.findPerson(byName),
      { id: bob.id },
      "also while the directory is down",
    );
    t.equal(await test.store.unlock(byName, event()), "unlocked");
    t.equal(await attempt(test.store, renamed, ACCEPT), "recorded");
    t.match(await test.store.findPerson(alice), { id: alice.id }, "and she is found by her id");
  });

  rule("a name that somebody else had leads an administrator to nobody", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const successor = person("alice", "another id");
    t.equal(await test.store.findPerson(successor), "identity-changed");
    t.equal(await test.store.lock(successor, event()), "identity-changed");
    t.equal(await test.store.unlock(successor, event()), "identity-changed");
    t.equal(await test.store.resetToken(successor, event()), "identity-changed");
    t.match(await test.store.findPerson(alice), { enrolment: "enrolled" });
  });

  rule("a bypass ends when it is revoked, also for who is logging in with it", async (t, test) => {
    await test.store.grantBypass(alice, "hash", test.clock.now() + 60_000, event());
    const begun = await test.store.begin(alice, undefined);
    if (begun.kind !== "begun") throw new Error(begun.reason);
    t.equal(await test.store.revokeBypass(alice, event()), "revoked");
    const late = { ...ACCEPT, bypass: "hash", event: event() };
    t.same(await test.store.finish(begun.reservation, late), {
      kind: "lost",
      reason: "token-changed",
    });
    t.equal(await test.store.revokeBypass(alice, event()), "no-bypass");
    t.equal(await test.store.revokeBypass(person("bob"), event()), "unknown");

    await test.store.grantBypass(alice, "other", test.clock.now() + 60_000, event());
    const other = { ...ACCEPT, bypass: "other" };
    t.equal(await attempt(test.store, alice, other), "recorded", "and while it lives it is one");
    t.equal(await test.store.resetToken(alice, event()), "bypass-revoked", "without a token");
    t.match(await test.store.events({ limit: 1 }), [{ event_type: "mfa_bypass_revoked" }]);
    t.equal(await test.store.resetToken(alice, event()), "no-token");
    await test.store.grantBypass(alice, "third", test.clock.now() + 60_000, event());
    test.clock.advance(60_000);
    t.equal(await test.store.revokeBypass(alice, event()), "no-bypass", "its time is over");
  });

  rule("a token reset in mid login refuses the login", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const claim = await claimOf(test, 100);
    await test.store.enroll(alice, newToken, { replace: true }, event());
    const begun = await test.store.begin(alice, undefined);
    if (begun.kind !== "begun") throw new Error("begun");
    const ended = await test.store.finish(begun.reservation, { ...ACCEPT, claim, event: event() });
    t.same(ended, { kind: "lost", reason: "token-changed" });
  });
}
