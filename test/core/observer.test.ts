// What is reported of each login, with the real decision and the real store; only time is the test's
// own: every answer of the directory takes 30 ms, every commit 5 ms.

import t, { type Test } from "tap";

import type { Attempt, Authenticator } from "../../src/core/attempt.ts";
import { createAuthenticator } from "../../src/core/authenticate.ts";
import { type Attempts, DependencyDown, type Directory } from "../../src/core/ports.ts";
import { generateCode, stepAt } from "../../src/core/totp.ts";
import { Secret } from "../../src/lib/secret.ts";
import type { FakeClock } from "../support/clock.ts";
import { memoryLog } from "../support/radius-door.ts";
import { event, MASTER_KEY, newToken, person, testStore } from "../support/store.ts";

const DIRECTORY_MS = 30;
const COMMIT_MS = 5;
const alice = person("alice");

interface Decided {
  readonly outcome: string;
  readonly reason: string | undefined;
  readonly totalMs: number;
  readonly directoryMs: number;
}

interface Kit {
  readonly authenticator: Authenticator;
  readonly clock: FakeClock;
  readonly decided: Decided[];
  isDown: boolean;
  /** Alice's, who has a token; "right" is her password. */
  attempt(credentials: string): Attempt;
  code(): string;
  eventCount(): Promise<number>;
}

async function openKit(t: Test): Promise<Kit> {
  const { store, clock, end } = await testStore();
  t.teardown(end);
  await store.enroll(alice, newToken, { replace: true }, event());
  const slow = async <T>(ms: number, answer: () => T | Promise<T>): Promise<T> => {
    // Only what is waited for takes time.
    await Promise.resolve();
    clock.advance(ms);
    return answer();
  };
  const attempts: Attempts = {
    ...store,
    finish: (reservation, ending) => slow(COMMIT_MS, () => store.finish(reservation, ending)),
    abandon: (reservation, draft) => slow(COMMIT_MS, () => store.abandon(reservation, draft)),
    record: (draft) => slow(COMMIT_MS, () => store.record(draft)),
  };
  const directory: Directory = {
    name: "corp",
    find: () => slow(DIRECTORY_MS, () => ({ kind: "found", identity: alice })),
    bind: (_, password) =>
      slow(DIRECTORY_MS, () => {
        if (kit.isDown) throw new DependencyDown("directory:corp", "no answer in time");
        return { kind: password.equals(Secret.of("right")) ? "right" : "wrong" };
      }),
    memberOf: (_, groups) => slow(DIRECTORY_MS, () => new Set(groups)),
  };
  const decided: Decided[] = [];
  const authenticator = createAuthenticator({
    attempts,
    clock,
    log: memoryLog(),
    masterKey: MASTER_KEY,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 30 * 60_000,
    observer: {
      decided(door, client, verdict, totalMs, directoryMs) {
        t.same([door, client], ["radius", "vpn"]);
        const reason = "reason" in verdict ? verdict.reason : undefined;
        decided.push({ outcome: verdict.outcome, reason, totalMs, directoryMs });
      },
    },
  });
  const kit: Kit = {
    authenticator,
    clock,
    decided,
    isDown: false,
    attempt: (credentials) => attemptOf(directory, credentials),
    code: () => generateCode(newToken, newToken.secret, stepAt(clock.now(), 30)),
    eventCount: async () => (await store.events({ limit: 100 })).length,
  };
  return kit;
}

function attemptOf(directory: Directory, credentials: string): Attempt {
  return {
    username: "alice",
    credentials: Secret.of(credentials),
    directory,
    demand: {
      mfa: "required",
      code: "append",
      separator: ",",
      canChallenge: true,
      allowGroups: [],
      replyGroups: [],
    },
    door: {
      service: "radius",
      attemptEvent: "radius_auth_attempt",
      challengeEvent: "radius_auth_challenge",
      authType: "pap",
      requestId: "request",
      client: "vpn",
    },
  };
}

const LOOKUP_AND_BIND = { directoryMs: 60, totalMs: 65 };

await t.test("each event of a login is reported once, the directory's time apart", async (t) => {
  const kit = await openKit(t);
  const before = await kit.eventCount();
  const field = `right,${kit.code()}`;
  await kit.authenticator.login(kit.attempt(field));
  await kit.authenticator.login(kit.attempt(field));
  await kit.authenticator.login(kit.attempt("wrong,000000"));
  t.same(kit.decided, [
    { outcome: "accept", reason: undefined, ...LOOKUP_AND_BIND },
    { outcome: "reject", reason: "mfa-code-replayed", ...LOOKUP_AND_BIND },
    { outcome: "reject", reason: "password-incorrect", ...LOOKUP_AND_BIND },
  ]);
  t.equal(await kit.eventCount(), before + kit.decided.length);
});

await t.test("the directory's groups are its time too", async (t) => {
  const kit = await openKit(t);
  const attempt = kit.attempt(`right,${kit.code()}`);
  const demand = { ...attempt.demand, allowGroups: ["cn=vpn"], replyGroups: ["cn=staff"] };
  await kit.authenticator.login({ ...attempt, demand });
  t.match(kit.decided, [{ outcome: "accept", directoryMs: 120, totalMs: 125 }]);
});

await t.test("an answer that never comes has been waited for all the same", async (t) => {
  const kit = await openKit(t);
  kit.isDown = true;
  await kit.authenticator.login(kit.attempt(`right,${kit.code()}`));
  const reason = "directory-unavailable";
  t.same(kit.decided, [{ outcome: "unavailable", reason, ...LOOKUP_AND_BIND }]);
});

await t.test("time in a door's queue counts as ours", async (t) => {
  const kit = await openKit(t);
  const receivedAt = kit.clock.monotonic() - 500;
  await kit.authenticator.login({ ...kit.attempt(`right,${kit.code()}`), receivedAt });
  t.match(kit.decided, [{ outcome: "accept", directoryMs: 60, totalMs: 565 }]);
});

await t.test("a request refused before there is a login is reported too", async (t) => {
  const kit = await openKit(t);
  await kit.authenticator.refuse(kit.attempt("").door, "unsupported-auth-type");
  const reason = "unsupported-auth-type";
  t.same(kit.decided, [{ outcome: "reject", reason, totalMs: 5, directoryMs: 0 }]);
});
