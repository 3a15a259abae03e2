// Who is told of the missing factor: only after a right password, only who has to enrol, only where a
// factor counts. Decided with the real store.

import t, { type Test } from "tap";

import type { Decision } from "../../src/core/attempt.ts";
import type { MfaMode } from "../../src/core/verdict.ts";
import { type LoginKit, openLoginKit } from "../support/login-kit.ts";
import { event, person } from "../support/store.ts";

const DAY_MS = 86_400_000;

async function demand(kit: LoginKit, days: number): Promise<number> {
  const until = kit.clock.now() + days * DAY_MS;
  const change = { kind: "require", until, of: "person", replaces: "same" } as const;
  await kit.store.changeRequirement(person("alice"), change, event());
  return until;
}

async function decide(kit: LoginKit, mfa: MfaMode, password = "right"): Promise<Decision> {
  const attempt = kit.attempt(password);
  return kit.authenticator.login({ ...attempt, demand: { ...attempt.demand, mfa } });
}

async function expectHelp(t: Test, kit: LoginKit, mfa: MfaMode, outcome: string, help: unknown) {
  const decision = await decide(kit, mfa);
  t.same([decision.verdict.outcome, decision.help], [outcome, help], mfa);
}

await t.test("while the period runs", async (t) => {
  const kit = await openLoginKit(t);
  const help = { kind: "in-period", until: await demand(kit, 7) };
  await expectHelp(t, kit, "disabled", "accept", undefined);
  await expectHelp(t, kit, "enabled", "accept", help);
  await expectHelp(t, kit, "required", "accept", help);
  await expectHelp(t, kit, "always", "reject", help);
  t.equal((await decide(kit, "required", "wrong")).help, undefined, "not after a wrong password");
  kit.bind = { kind: "refused", reason: "password-expired" };
  t.equal((await decide(kit, "required")).help, undefined, "nor where the directory refuses");
});

await t.test("once it is over", async (t) => {
  const kit = await openLoginKit(t);
  await demand(kit, 1);
  kit.clock.advance(2 * DAY_MS);
  const help = { kind: "period-expired" };
  await expectHelp(t, kit, "disabled", "accept", undefined);
  await expectHelp(t, kit, "enabled", "accept", help);
  await expectHelp(t, kit, "required", "reject", help);
  await expectHelp(t, kit, "always", "reject", help);
  t.equal((await decide(kit, "required", "wrong")).help, undefined, "not after a wrong password");
});

await t.test("nobody else", async (t) => {
  const kit = await openLoginKit(t);
  await expectHelp(t, kit, "enabled", "accept", undefined);
  await expectHelp(t, kit, "required", "reject", undefined);
  await kit.enroll();
  await demand(kit, 7);
  const decision = await kit.authenticator.login(kit.attempt(`right,${kit.code()}`));
  t.same([decision.verdict.outcome, decision.help], ["accept", undefined]);
});
