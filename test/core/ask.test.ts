// How a recovery code answers the question for the code: found once, then known as used.

import t from "tap";

import { WRONG_CODES_MAX } from "../../src/core/ask.ts";
import { generateRecoveryCodes } from "../../src/core/recovery.ts";
import { openLoginKit } from "../support/login-kit.ts";
import { event } from "../support/store.ts";

await t.test(
  "OTP-14: a recovery code stands in for the token's, once, at every door",
  async (t) => {
    const kit = await openLoginKit(t);
    const [first = "", second = "", third = ""] = await kit.enrollWithRecovery();
    const accepted = { outcome: "accept", exempt: undefined };
    const replayed = { outcome: "reject", reason: "mfa-code-replayed" };
    t.match(await kit.login(`right,${first}`), accepted);
    t.match(await kit.login(`right,${first}`, "another device"), replayed);
    t.match(await kit.answer(first), { reason: /mfa-code-replayed|repeated-attempt/ });
    t.match(await kit.answer(second), accepted);
    t.match(await kit.login(`right,${second}`), replayed);
    const [login, used] = await kit.store.events({ limit: 2, success: true });
    t.match(login, {
      event_type: "radius_auth_attempt",
      mfa: true,
      mfa_meta: { type: "recovery_code" },
      mfa_exempt_reason: undefined,
    });
    t.match(used, { event_type: "recovery_code_used", details: { remaining: 8 } });
    t.match(await kit.login(`wrong,${third}`), { reason: "password-incorrect" });
    t.match(await kit.login(`right,${third}`), accepted, "a mistyped password uses none up");
    t.match(await kit.login(`right,${kit.code()}`), accepted, "and the token is as it was");
  },
);

await t.test(
  "a recovery code in answer to a challenge may come as people copy paper",
  async (t) => {
    const kit = await openLoginKit(t);
    const [first = "", second = ""] = await kit.enrollWithRecovery();
    const accepted = { outcome: "accept" };
    t.match(await kit.answer(first.toUpperCase()), accepted);
    t.match(await kit.answer(second.replaceAll("-", " ")), accepted);
    t.match(await kit.answer(first), { reason: /mfa-code-replayed|repeated-attempt/ });
  },
);

await t.test("of twenty parallel uses of one recovery code one is accepted", async (t) => {
  const kit = await openLoginKit(t);
  const [code = ""] = await kit.enrollWithRecovery();
  const begin = Array.from({ length: 20 }, (_, i) => kit.login(`right,${code}`, `device ${i}`));
  const verdicts = await Promise.all(begin);
  t.equal(verdicts.filter(({ outcome }) => outcome === "accept").length, 1);
  t.match(await kit.login(`right,${kit.code()}`), { outcome: "accept" }, "and nobody is locked");
});

await t.test(
  "OTP-06: wrong recovery codes count, alarm, lock and suspend as wrong codes do",
  async (t) => {
    const kit = await openLoginKit(t);
    const [code = ""] = await kit.enrollWithRecovery();
    const wrong = (): string => generateRecoveryCodes()[0] ?? "";
    for (let i = 0; i < 6; i += 1) {
      t.match(await kit.login(`right,${wrong()}`), { reason: "mfa-code-incorrect" });
    }
    t.match((await kit.store.events({ limit: 1, success: false }))[0], {
      mfa_meta: { type: "recovery_code" },
      alarm: "right-password-wrong-code",
    });
    t.match(await kit.login(`right,${code}`), { reason: "account-locked" }, "right ones too");
    for (let i = 6; i < WRONG_CODES_MAX; i += 1) {
      kit.clock.advance(2 * 3_600_000);
      t.match(await kit.login(`right,${wrong()}`), { reason: "mfa-code-incorrect" });
    }
    kit.clock.advance(2 * 3_600_000);
    t.match(await kit.login(`right,${code}`), { outcome: "reject", reason: "mfa-suspended" });
  },
);

await t.test("a recovery code ends with the token it stands in for", async (t) => {
  const kit = await openLoginKit(t);
  const [old = ""] = await kit.enrollWithRecovery();
  await kit.enrollWithRecovery();
  t.match(await kit.login(`right,${old}`), { reason: "mfa-code-incorrect" }, "another token");
  const [code = ""] = await kit.enrollWithRecovery();
  const { state } = await kit.authenticator.login(kit.attempt("right", { mode: "challenge" }));
  const [next = ""] = await kit.enrollWithRecovery();
  const answer = { ...kit.attempt(next), state: state ?? Buffer.alloc(0) };
  const { verdict } = await kit.authenticator.answer(answer);
  t.match(verdict, { reason: "token-changed" }, "a challenge of the token before");
  await kit.store.resetToken({ directory: "corp", username: "alice" }, event());
  for (const field of [code, `right,${code}`, `right,${next}`]) {
    t.match(await kit.login(field), { outcome: "reject" }, "without a token there are none");
  }
});

await t.test(
  "OTP-17: a recovery code without a password is refused, asked of nobody",
  async (t) => {
    const kit = await openLoginKit(t);
    const [code = ""] = await kit.enrollWithRecovery();
    kit.binds = 0;
    t.match(await kit.login(`,${code}`), { reason: "empty-password" });
    t.match(await kit.login(code), { outcome: "reject" });
    t.equal(kit.binds, 0);
    t.match(await kit.login(`right,${code}`), { outcome: "accept" });
  },
);
