// Every operation, over a socket and on a store opened by the command itself: the same answers, and
// one event for each change that says who, whom and why.

import { statSync } from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import { generateCode } from "../../../src/core/totp.ts";
import type { Operations } from "../../../src/doors/control/client.ts";
import * as operations from "../../../src/doors/control/operations.ts";
import type { PersonView, TokenRow } from "../../../src/doors/control/views.ts";
import { decodeBase32 } from "../../../src/lib/base32.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { event as storedEvent } from "../../support/store.ts";
import {
  openDoor,
  testContext,
  testFolder,
  withoutGateway,
  type TestContext,
} from "../../support/control.ts";

type Work = (t: Test, run: Operations["run"], context: TestContext) => Promise<void>;

/** The same rule twice: over a socket, and without a gateway. */
function both(title: string, work: Work, names?: readonly string[]): void {
  t.test(`over a socket: ${title}`, async (t) => {
    const context = await testContext(t, names);
    const { operations: remote } = await openDoor(t, context);
    await work(t, remote.run, context);
  });
  t.test(`without a gateway: ${title}`, async (t) => {
    const context = await testContext(t, names);
    await work(t, withoutGateway(context).run, context);
  });
}

const ENROLL = { algorithm: "sha1", digits: 6, periodSeconds: 30, replace: false } as const;
const demandOf = (username: string): operations.RequireArguments => ({
  who: { kind: "person", username },
  change: "require",
  dryRun: false,
});
const ROW: TokenRow = {
  line: 1,
  username: "alice",
  secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
  algorithm: "sha1",
  digits: 6,
  periodSeconds: 30,
};

both(
  "an enrolled token has 160 bits, and its URI carries the same key",
  async (t, run, context) => {
    const token = await run(operations.tokenEnroll, { username: "ALICE@example.org", ...ENROLL });
    t.equal(token.username, "alice");
    const secret = decodeBase32(token.secret);
    t.equal(secret?.length, 20);
    t.equal(new URL(token.uri).searchParams.get("secret"), token.secret);
    t.match(generateCode(ENROLL, Secret.of(secret ?? ""), 1), /^[0-9]{6}$/);
    const [event] = await context.events();
    t.match(event, {
      event_type: "totp_finish_enrollment",
      service: "directory",
      success: true,
      initiated_by: { type: "admin", username: "root" },
      resource: { type: "user", id: "corp/id-alice" },
      username: "alice",
      details: { door: "control", operator_name: "claimed" },
    });
    t.notMatch(JSON.stringify(await context.events()), token.secret);
  },
);

const RECOVERY_CODE = /^[a-z2-7]{5}(-[a-z2-7]{5}){4}$/;

both(
  "recovery codes come with the token, are counted, replaced and taken",
  async (t, run, context) => {
    const username = "alice";
    await t.rejects(run(operations.tokenRecovery, { username }), {
      code: "refused",
      hint: /token enroll alice/,
    });
    const { recoveryCodes } = await run(operations.tokenEnroll, { username, ...ENROLL });
    t.equal(recoveryCodes.length, 10);
    t.ok(recoveryCodes.every((code) => RECOVERY_CODE.test(code)));
    t.match(await run(operations.userShow, { username }), { recoveryCodesLeft: 10 });
    const renewed = await run(operations.tokenRecovery, { username });
    t.match(renewed, { username, recoveryCodes: Array(10).fill(RECOVERY_CODE) });
    t.match((await context.events()).at(-1), {
      event_type: "recovery_codes_generated",
      initiated_by: { type: "admin", username: "root" },
      username,
      details: { recovery_codes: 10 },
    });
    t.same(
      renewed.recoveryCodes.filter((code) => recoveryCodes.includes(code)),
      [],
    );
    await run(operations.tokenReset, { username });
    t.match(await run(operations.userShow, { username }), { recoveryCodesLeft: 0 });
    const written = JSON.stringify(await context.events());
    for (const code of [...recoveryCodes, ...renewed.recoveryCodes]) t.notMatch(written, code);
  },
);

both("a token that is there is replaced only if told to", async (t, run) => {
  const first = await run(operations.tokenEnroll, { username: "alice", ...ENROLL });
  const again = { username: "alice", ...ENROLL };
  await t.rejects(run(operations.tokenEnroll, again), { code: "refused", hint: /--replace/ });
  const second = await run(operations.tokenEnroll, { ...again, replace: true });
  t.not(second.secret, first.secret);
});

both("who isn't exactly one person in the directory gets nothing", async (t, run, context) => {
  for (const username of ["nobody", "twins"]) {
    const bypass = { username, forMs: operations.BYPASS_MS_MIN, reason: "lost" };
    await t.rejects(run(operations.tokenEnroll, { username, ...ENROLL }), { code: "refused" });
    await t.rejects(run(operations.userBypass, bypass), { code: "refused" });
    await t.rejects(run(operations.userRequire, demandOf(username)), { code: "refused" });
  }
  t.same(await context.events(), []);
});

both("reset takes the token away and says when there was none", async (t, run, context) => {
  await run(operations.tokenEnroll, { username: "alice", ...ENROLL });
  t.match(await run(operations.tokenReset, { username: "alice" }), { outcome: "reset" });
  t.match(await run(operations.tokenReset, { username: "alice" }), { outcome: "no-token" });
  await t.rejects(run(operations.tokenReset, { username: "nobody" }), { code: "refused" });
  t.match((await context.events()).at(-1), {
    event_type: "totp_delete_enrollment",
    username: "alice",
  });
});

both(
  "P15: a reset may give time to enrol again, to whoever had a token",
  async (t, run, context) => {
    const args = { username: "alice", days: 3 };
    t.match(await run(operations.tokenEnroll, { username: "alice", ...ENROLL }), {});
    const until = context.clock.now() + 3 * 86_400_000;
    t.match(await run(operations.tokenReset, args), { outcome: "reset", until });
    t.match(await run(operations.userShow, { username: "alice" }), { enrolment: "in-period" });
    const types = (await context.events()).map((event) => event.event_type);
    t.same(types.slice(1), ["totp_delete_enrollment", "mfa_requirement_set"]);
    await run(operations.userRequire, { ...demandOf("alice"), change: "remove" });
    t.match(await run(operations.tokenReset, args), { outcome: "no-token", until: undefined });
    t.match(await run(operations.userShow, { username: "alice" }), { enrolment: "not-required" });
    await t.rejects(run(operations.tokenReset, { ...args, days: 366 }), { code: "usage" });
    context.down = true;
    await t.rejects(run(operations.tokenReset, args), { code: "unavailable" }, "whose time is it?");
  },
);

both("a service account is locked by its DN, seen or not", async (t, run, context) => {
  const app = { username: "cn=app,ou=services" };
  t.match(await run(operations.userLock, app), { ...app, outcome: "locked" });
  t.match(await run(operations.userShow, app), { id: "id-app", lockedUntil: "administrator" });
  t.match((await context.events()).at(-1), { resource: { id: "corp/id-app" } });
  t.match(await run(operations.userUnlock, app), { outcome: "unlocked" });
});

both("lock, show and unlock agree, also while the directory is down", async (t, run, context) => {
  await run(operations.userRequire, demandOf("alice"));
  context.down = true;
  t.match(await run(operations.userLock, { username: "alice" }), { outcome: "locked" });
  t.match(await run(operations.userShow, { username: "ALICE" }), { lockedUntil: "administrator" });
  t.match(await run(operations.userUnlock, { username: "alice" }), { outcome: "unlocked" });
  t.match(await run(operations.userUnlock, { username: "alice" }), { outcome: "not-locked" });
  const types = (await context.events()).map((event) => event.event_type);
  t.same(types, ["mfa_requirement_set", "user_lockout", "user_unlocked"]);
  await t.rejects(run(operations.userShow, { username: "bob" }), { code: "refused" });
});

both("what gives something away needs the directory", async (t, run, context) => {
  context.down = true;
  const enroll = run(operations.tokenEnroll, { username: "alice", ...ENROLL });
  await t.rejects(enroll, { code: "unavailable", message: /directory:corp/ });
  t.same(await context.events(), []);
});

both("a bypass code has its form, its time and its reason", async (t, run, context) => {
  const args = { username: "alice", forMs: 4 * 3_600_000, reason: "lost\u001b[2J, ticket 4711" };
  const { code, until } = await run(operations.userBypass, args);
  t.match(code, /^([a-z2-7]{4}-){3}[a-z2-7]{4}$/);
  t.equal(until, context.clock.now() + args.forMs);
  t.match((await context.events())[0], {
    event_type: "mfa_bypass_granted",
    details: { reason: "lost\\u{1b}[2J, ticket 4711" },
  });
  t.notMatch(JSON.stringify(await context.events()), code);
  for (const wrong of [
    { ...args, forMs: operations.BYPASS_MS_MIN - 1 },
    { ...args, forMs: operations.BYPASS_MS_MAX + 1 },
    { ...args, reason: "" },
  ]) {
    await t.rejects(run(operations.userBypass, wrong), { code: "usage" });
  }
});

both("a bypass is revoked before its time, with or without a token", async (t, run, context) => {
  const args = { username: "alice", forMs: 4 * 3_600_000, reason: "lost" };
  await t.rejects(run(operations.userBypassRevoke, { username: "alice" }), { code: "refused" });
  await run(operations.userBypass, args);
  context.down = true;
  const revoked = await run(operations.userBypassRevoke, { username: "alice" });
  t.match(revoked, { username: "alice", outcome: "revoked" }, "also while the directory is down");
  const shown = await run(operations.userShow, { username: "alice" });
  t.equal(shown.bypassUntil, undefined);
  t.match((await context.events()).at(-1), {
    event_type: "mfa_bypass_revoked",
    username: "alice",
    initiated_by: { type: "admin", username: "root" },
  });
  context.down = false;
  const again = await run(operations.userBypassRevoke, { username: "alice" });
  t.equal(again.outcome, "no-bypass");
  await run(operations.userBypass, args);
  t.match(await run(operations.tokenReset, { username: "alice" }), { outcome: "bypass-revoked" });
  t.match((await context.events()).at(-1), { event_type: "mfa_bypass_revoked" });
});

both("who never logged in can be locked, if the directory knows them", async (t, run, context) => {
  t.match(await run(operations.userLock, { username: "bob" }), { outcome: "locked" });
  t.match(await run(operations.userShow, { username: "bob" }), { lockedUntil: "administrator" });
  await t.rejects(run(operations.userLock, { username: "nobody" }), { code: "refused" });
  context.down = true;
  await t.rejects(run(operations.userLock, { username: "carol" }), { code: "refused" });
});

both("another immutable id under a known name is another person", async (t, run, context) => {
  const before = { directory: "corp", id: "id-before", username: "alice", dn: "uid=alice" };
  const demand = { kind: "require", until: Date.UTC(2030, 0), of: "group" } as const;
  const event = storedEvent();
  await context.administration.changeRequirement(before, { ...demand, replaces: "same" }, event);
  const enroll = run(operations.tokenEnroll, { username: "alice", ...ENROLL });
  const relinkFirst = { code: "refused", hint: /user relink alice/ };
  await t.rejects(enroll, relinkFirst);
  await t.rejects(run(operations.userLock, { username: "alice" }), relinkFirst);
  await t.rejects(run(operations.userShow, { username: "alice" }), relinkFirst);
  const items: unknown[] = [];
  const watch = { onItem: (item: unknown) => void items.push(item) };
  const dry = await run(operations.userRelink, { dryRun: true }, watch);
  t.match(dry, { checked: 1, changed: 1 });
  const done = await run(operations.userRelink, { username: "alice", dryRun: false }, watch);
  t.match(done, { checked: 1, changed: 1 });
  t.match(await run(operations.userRelink, { dryRun: false }), { checked: 1, changed: 0 });
  t.same(items, [
    { username: "alice", outcome: "would-relink" },
    { username: "alice", outcome: "relinked" },
  ]);
});

both("an import stores what it can and names the lines it can't", async (t, run) => {
  const args = { rows: [ROW, { ...ROW, line: 2, username: "bob" }], replace: false };
  t.match(await run(operations.tokenImport, { ...args, dryRun: true }), { imported: 2 });
  t.match(await run(operations.tokenImport, { ...args, dryRun: false }), { imported: 2 });
  for (const dryRun of [true, false]) {
    const again = await run(operations.tokenImport, { ...args, dryRun });
    t.equal(again.imported, 0);
    t.same(
      again.problems.map(({ line }) => line),
      [1, 2],
    );
  }
  const replaced = await run(operations.tokenImport, { ...args, replace: true, dryRun: false });
  t.match(replaced, { imported: 2, problems: [] });
});

both("O22: a secret that isn't 16 to 64 bytes of base32 is refused whole", async (t, run) => {
  for (const secret of ["", "A", "MZXW6YTB", "GEZDGNBV1Y3TQOJQGEZDGNBVGY3TQOJQ", "A".repeat(104)]) {
    const rows = [{ ...ROW, secret }];
    const done = run(operations.tokenImport, { rows, replace: false, dryRun: false });
    await t.rejects(done, { code: "usage" }, secret);
  }
});

both("the list shows everyone with a token, and no secret", async (t, run) => {
  const rows = Array.from({ length: 1_000 }, (_, at) => ({
    ...ROW,
    line: at + 1,
    username: `user${String(at).padStart(4, "0")}`,
  }));
  await run(operations.tokenImport, { rows, replace: false, dryRun: false });
  const people: PersonView[] = [];
  const watch = { onItem: (person: PersonView) => void people.push(person) };
  t.same(await run(operations.tokenList, {}, watch), { people: 1_000 });
  t.equal(people.length, 1_000);
  t.same(new Set(people.map(({ username }) => username)).size, 1_000);
  t.notMatch(JSON.stringify(people), "GEZD");
});

both(
  "with several directories one must be named",
  async (t, run, context) => {
    await t.rejects(run(operations.userShow, { username: "alice" }), {
      code: "usage",
      hint: /corp, lab/,
    });
    const wrong = { username: "alice", directory: "elsewhere" };
    await t.rejects(run(operations.userShow, wrong), { code: "usage" });
    await run(operations.tokenEnroll, { username: "alice", directory: "lab", ...ENROLL });
    t.match((await context.events())[0], { resource: { id: "lab/id-alice" } });
  },
  ["corp", "lab"],
);

both("events are filtered, and the chain is checked", async (t, run) => {
  await run(operations.userRequire, demandOf("alice"));
  await run(operations.userRequire, demandOf("bob"));
  const seen: unknown[] = [];
  const watch = {
    onItem: (event: { username?: string | undefined }) => void seen.push(event.username),
  };
  const query = { limit: 10, follow: false };
  t.same(await run(operations.eventsQuery, query, watch), { events: 2 });
  await run(operations.eventsQuery, { ...query, username: "bob" }, watch);
  await run(operations.eventsQuery, { ...query, limit: 0 }, watch);
  await run(operations.eventsQuery, { ...query, success: false }, watch);
  t.same(seen, ["alice", "bob", "bob"]);
  t.same(await run(operations.eventsVerify, {}), { kind: "intact", events: 2 });
});

both("a key rotation seals everything; a key of another length is refused", async (t, run) => {
  for (const username of ["alice", "bob"]) {
    await run(operations.tokenEnroll, { username, ...ENROLL });
  }
  const newKey = Buffer.alloc(32, 1).toString("base64");
  t.same(await run(operations.keyRotate, { newKey }), { resealed: 2 });
  for (const bytes of [0, 31, 33]) {
    const wrong = { newKey: Buffer.alloc(bytes).toString("base64") };
    await t.rejects(run(operations.keyRotate, wrong), { code: "usage" });
  }
});

both("a backup never replaces a file", async (t, run) => {
  const path = join(testFolder(t), "backup.db");
  t.match(await run(operations.backup, { path }), { bytes: Number });
  t.equal(statSync(path).mode & 0o777, 0o600);
  const taken = run(operations.backup, { path });
  await t.rejects(taken, { code: "refused", message: /exists already/ });
  const nowhere = run(operations.backup, { path: "/nowhere/backup.db" });
  await t.rejects(nowhere, { code: "refused", message: /folder does not exist/ });
});

t.test("health and reload are the running gateway's", async (t) => {
  const context = await testContext(t);
  const { operations: remote } = await openDoor(t, context);
  t.match(await remote.run(operations.health, {}), { status: "degraded" });
  t.same(await remote.run(operations.reload, {}), { notes: ["log.level is debug now"] });
  const local = withoutGateway(context);
  await t.rejects(local.run(operations.health, {}), { code: "unavailable", hint: /gatehouse run/ });
  await t.rejects(local.run(operations.reload, {}), { code: "unavailable" });
});
