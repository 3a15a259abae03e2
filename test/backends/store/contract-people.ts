// The second half of what every store must do: people, keys, events, restarts.

import type { EventQuery } from "../../../src/core/administration.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { attempt, event, newToken, person } from "../../support/store.ts";
import { claimOf, ruleOn, type Opener } from "./contract.ts";

const alice = person("alice");
const WRONG = { result: "failed-password", bind: "wrong" } as const;
const ACCEPT = { result: "accept", bind: "right", codeVerified: true } as const;

export function peopleContract(open: Opener): void {
  const rule = ruleOn(open);

  rule(
    "an import waits under the normalised name and is bound to the first login's id",
    async (t, test) => {
      const rows = [{ ...newToken, username: "ＡＬＩＣＥ", line: 2 }];
      t.match(await test.store.importTokens("corp", rows, { replace: false }, event()), {
        imported: 1,
        problems: [],
      });
      t.match(await test.store.events({ limit: 1 }), [{ count: 1 }], "one event, with the number");
      t.match(await test.store.findPerson({ directory: "corp", username: "alice" }), {
        enrolment: "pending",
      });
      const begun = await Promise.all([
        test.store.begin(alice, undefined),
        test.store.begin(alice, undefined),
      ]);
      for (const one of begun) {
        if (one.kind !== "begun") throw new Error("begun");
        t.equal(one.account.token?.secret?.equals(newToken.secret), true);
        await test.store.finish(one.reservation, { ...ACCEPT, event: event() });
      }
      t.match(await test.store.findPerson({ directory: "corp", username: "alice" }), {
        enrolment: "enrolled",
        id: alice.id,
      });
      t.equal(await attempt(test.store, person("alice", "other-id"), ACCEPT), "identity-changed");
    },
  );

  rule(
    "a name that comes back with another id is refused until it is relinked",
    async (t, test) => {
      await test.store.enroll(alice, newToken, { replace: false }, event());
      const again = person("alice", "another");
      t.equal(await attempt(test.store, again, ACCEPT), "identity-changed");
      t.equal(await test.store.relink(again, { dryRun: true }, event()), "would-relink");
      t.equal(await test.store.relink(again, { dryRun: false }, event()), "relinked");
      t.match(await test.store.begin(again, undefined), {
        kind: "begun",
        account: { token: { digits: 6 } },
      });
    },
  );

  rule("a new name for the same id is the same person", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const renamed = { ...alice, username: "alicia" };
    t.equal(await attempt(test.store, renamed, ACCEPT), "recorded");
    t.match(await test.store.findPerson({ directory: "corp", username: "Alicia" }), {
      id: alice.id,
    });
  });

  rule("a second enrolment needs to be told to replace the first", async (t, test) => {
    t.equal(await test.store.enroll(alice, newToken, { replace: false }, event()), "enrolled");
    t.equal(
      await test.store.enroll(alice, newToken, { replace: false }, event()),
      "already-has-token",
    );
    t.equal(await test.store.enroll(alice, newToken, { replace: true }, event()), "enrolled");
  });

  rule("nobody enrols over an administrator's lock or reset, however late", async (t, test) => {
    const own = { replace: true, byPerson: true } as const;
    const late = (): Promise<string> => test.store.enroll(alice, newToken, own, event());
    t.equal(await late(), "no-token", "there is nothing to replace any more");
    const first = { replace: false, byPerson: true } as const;
    t.equal(await test.store.enroll(alice, newToken, first, event()), "enrolled");
    t.equal(await late(), "enrolled");
    const [, reset] = await Promise.all([
      test.store.resetToken(alice, event()),
      test.store.enroll(alice, newToken, own, event()),
    ]);
    t.equal(reset, "no-token");
    await test.store.lock(alice, event());
    t.equal(await test.store.enroll(alice, newToken, first, event()), "locked");
    t.match(await test.store.findPerson(alice), { token: undefined });
    t.equal(await test.store.enroll(alice, newToken, { replace: false }, event()), "enrolled");
  });

  rule("requirement and bypass are seen by the next login", async (t, test) => {
    const until = test.clock.now() + 1_000;
    const demand = { kind: "require", until, of: "person", replaces: "same" } as const;
    t.equal(await test.store.changeRequirement(alice, demand, event()), "changed");
    await test.store.grantBypass(alice, "ab".repeat(32), test.clock.now() + 5_000, event());
    const begun = await test.store.begin(alice, undefined);
    t.match(begun, {
      account: { requirement: { until: Number }, bypass: { codeHash: "ab".repeat(32) } },
    });
    t.match(await test.store.findPerson({ directory: "corp", username: "alice" }), {
      enrolment: "in-period",
    });
  });

  rule("RAD-18: a nonce is won once, by one of many", async (t, test) => {
    const wins = await Promise.all(Array.from({ length: 20 }, () => test.store.claimNonce("n", 1)));
    t.equal(wins.filter(Boolean).length, 1);
    await test.reopen();
    t.equal(await test.store.claimNonce("n", 1), false, "for good");
  });

  rule("OTP-08: counters, locks and claims survive a restart", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const claim = await claimOf(test, 100);
    await attempt(test.store, alice, { ...ACCEPT, claim });
    for (let i = 0; i < 6; i += 1) await attempt(test.store, alice, WRONG);
    await test.reopen();
    t.equal(await attempt(test.store, alice, ACCEPT), "account-locked");
    await test.store.unlock({ directory: "corp", username: "alice" }, event());
    t.equal(await attempt(test.store, alice, { ...ACCEPT, claim }), "lost");
  });

  rule("after a restore every step up to that moment is dead", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.markRestored();
    const begun = await test.store.begin(alice, undefined);
    const step = Math.floor(test.clock.now() / 30_000);
    t.match(begun, { account: { token: { lastStep: step } } });
  });

  rule("S13: a rotated key reads everything; the old one alone is refused", async (t, test) => {
    await test.store.enroll(alice, newToken, { replace: false }, event());
    const newKey = Secret.of(Buffer.alloc(32, 0x77));
    const answer = await test.store.rotateKey(newKey, event());
    t.equal(answer.resealed, 1);
    const before = await test.store.begin(alice, undefined);
    t.match(before, { account: { token: { secret: Secret } } }, "the running gateway goes on");
    await test.store.enroll(person("bob"), newToken, { replace: false }, event());
    await test.reopen({ masterKey: newKey });
    for (const who of [alice, person("bob")]) {
      const begun = await test.store.begin(who, undefined);
      t.match(begun, { account: { token: { secret: Secret } } });
    }
    t.match(await test.store.verifyEvents(), { kind: "intact" }, "the trail outlives the key");
  });

  rule("events come oldest first, filtered, and a follower misses none", async (t, test) => {
    for (let i = 0; i < 5; i += 1) {
      await test.store.record(
        event({ success: i % 2 === 0, initiated_by: { type: "user", username: `u${i}` } }),
      );
    }
    t.same(
      (await test.store.events({ limit: 2 })).map((one) => one.seq),
      [4, 5],
    );
    t.same(
      (await test.store.events({ limit: 2, afterSeq: 0 })).map((one) => one.seq),
      [1, 2],
    );
    t.same(
      (await test.store.events({ limit: 9, success: false })).map((one) => one.seq),
      [2, 4],
    );
    t.same(
      (await test.store.events({ limit: 9, username: "u3" })).map((one) => one.seq),
      [4],
    );
    t.same(await test.store.verifyEvents(), { kind: "intact", events: 5 });
    const dropped = {
      event_type: "radius_packet_dropped",
      details: { reason: "overload" },
    } as const;
    await test.store.record(event(dropped));
    t.same(
      (await test.store.events({ limit: 9, reason: "overload" })).map((one) => one.seq),
      [6],
    );
  });

  rule("S16: events far down are found, and logins pass meanwhile", async (t, test) => {
    const reason = "mfa-suspended";
    await test.store.record(event({ reason, username: "carol" }));
    const many = Array.from({ length: 9_000 }, (_, i) => event({ username: `u${i % 3}` }));
    await Promise.all(many.map((one) => test.store.record(one)));
    await test.store.record(event({ reason, username: "carol" }));
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const found = await test.store.events({ limit: 5, reason });
    isDone = true;
    t.same(
      found.map((one) => one.seq),
      [1, 9_002],
    );
    t.ok(turns > 3, `${turns} turns of the event loop`);
    const seqs = async (query: Omit<EventQuery, "limit">, limit = 3): Promise<number[]> =>
      (await test.store.events({ limit, ...query })).map((one) => one.seq);
    t.same(await seqs({ reason, afterSeq: 0 }), [1, 9_002]);
    t.same(await seqs({ reason }, 1), [9_002], "the newest");
    t.same(await seqs({ reason, afterSeq: 0 }, 1), [1], "the oldest not seen");
    t.same(await seqs({ username: "u1" }), [8_994, 8_997, 9_000]);
    t.same(await seqs({ username: "CAROL" }), [1, 9_002]);
    t.equal((await test.store.events({ limit: 10_000, username: "u0" })).length, 3_000);
    const gone = AbortSignal.abort();
    t.same(await test.store.events({ limit: 5, reason }, gone), [], "nobody waits for it");
  });

  rule("people are listed by name, page by page", async (t, test) => {
    for (const name of ["carol", "alice", "bob"])
      await test.store.enroll(person(name), newToken, { replace: false }, event());
    const names = async (afterUsername?: string) =>
      (
        await test.store.listPeople({
          limit: 2,
          ...(afterUsername === undefined ? {} : { afterUsername }),
        })
      ).map((one) => one.username);
    t.same(await names(), ["alice", "bob"]);
    t.same(await names("bob"), ["carol"]);
  });

  rule("what was learnt is there after a restart", async (t, test) => {
    await test.store.remember("message-authenticator", "192.0.2.1");
    await test.reopen();
    t.same(await test.store.load("message-authenticator"), ["192.0.2.1"]);
  });
}
