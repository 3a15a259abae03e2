// What a login comes to, with everything behind the decision but the network.

import { DatabaseSync } from "node:sqlite";

import t from "tap";

import type { Decision, ServiceFact } from "../../src/core/attempt.ts";
import { WRONG_CODES_MAX } from "../../src/core/ask.ts";
import { type BindResult, DependencyDown, type Identity } from "../../src/core/ports.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import { Secret } from "../../src/lib/secret.ts";
import { openLoginKit } from "../support/login-kit.ts";
import { event } from "../support/store.ts";

const DAY_MS = 86_400_000;

await t.test("O09: nobody without a token gets in where one is required", async (t) => {
  const kit = await openLoginKit(t);
  t.match(await kit.login("right"), { outcome: "reject" });
  t.match(await kit.login("right,123456"), { outcome: "reject" });
  const [last] = await kit.store.events({ limit: 1 });
  t.match(last, { success: false, reason: /\w/ }, "why stands in the audit trail");
});

await t.test(
  "OTP-20: a right code helps nobody whom the directory refuses, and isn't burnt",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const reasons = [
      "directory-disabled",
      "account-expired",
      "directory-locked",
      "password-expired",
    ] as const;
    for (const reason of reasons) {
      kit.bind = { kind: "refused", reason };
      t.match(await kit.login(`right,${kit.code()}`), { outcome: "reject", reason });
    }
    kit.bind = "compare";
    t.match(await kit.login(`right,${kit.code()}`), { outcome: "accept" });
  },
);

await t.test(
  "an outage of the directory counts nothing, burns nothing, accepts nobody",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    kit.bind = new DependencyDown("directory:corp", "gone");
    for (let i = 0; i < 10; i += 1) {
      const verdict = await kit.login(`right,${kit.code()}`);
      t.match(verdict, { outcome: "unavailable", reason: "directory-unavailable" });
    }
    kit.bind = new Error("a mistake of ours");
    t.match(await kit.login(`right,${kit.code()}`), { outcome: "unavailable" });
    kit.bind = "compare";
    t.match(await kit.login(`right,${kit.code()}`), { outcome: "accept" });
  },
);

await t.test(
  "D13: a lookup of groups that fails lets nobody in, counts nothing, burns nothing",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const vpn = "cn=vpn,dc=example,dc=org";
    const asked = { allowGroups: [vpn], replyGroups: [vpn] };
    const logIn = async (demand: Partial<typeof asked>): Promise<Decision> => {
      const attempt = kit.attempt(`right,${kit.code()}`);
      return kit.authenticator.login({ ...attempt, demand: { ...attempt.demand, ...demand } });
    };
    kit.groups = new DependencyDown("directory:corp", "gone");
    for (const demand of [{ allowGroups: [vpn] }, { replyGroups: [vpn] }, asked]) {
      for (let tries = 0; tries < 10; tries += 1) {
        const { verdict, groups } = await logIn(demand);
        t.match(verdict, { outcome: "unavailable", reason: "directory-unavailable" });
        t.equal(groups.size, 0);
      }
    }
    kit.groups = new Set();
    kit.binds = 0;
    t.match((await logIn(asked)).verdict, { outcome: "reject", reason: "not-in-group" });
    t.equal(kit.binds, 0, "whoever may not log in here sends no password there");
    kit.groups = new Set([vpn]);
    t.match(await logIn(asked), { verdict: { outcome: "accept" }, groups: kit.groups });
  },
);

await t.test(
  "E01: a door with a field of its own for the code splits nothing, and needs both factors",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const logIn = async (password: string, code?: string): Promise<Verdict> => {
      const typed = code === undefined ? undefined : Secret.of(code);
      const attempt = { ...kit.attempt(password), codeField: { typed } };
      return (await kit.authenticator.login(attempt)).verdict;
    };
    const reject = (reason: string): object => ({ outcome: "reject", reason });
    t.match(await logIn(`right,${kit.code()}`), reject("mfa-code-missing"));
    t.match(await logIn("right", "12345"), reject("mfa-code-malformed"));
    t.match(await logIn("right", kit.code(5)), reject("mfa-code-incorrect"));
    t.match(await logIn("right", kit.code(5)), reject("repeated-attempt"), "counted once");
    t.match(await logIn("", kit.code()), reject("empty-password"));
    t.match(await logIn("wrong", kit.code()), reject("password-incorrect"));
    t.equal(kit.binds, 2, "neither a missing nor a malformed code reaches the directory");
    t.match(await logIn("right", kit.code()), { outcome: "accept" });
    t.match(await logIn("right", kit.code()), reject("mfa-code-replayed"));
  },
);

await t.test("a store that is gone accepts nobody", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  await kit.store.close();
  t.match(await kit.login(`right,${kit.code()}`), { outcome: "unavailable" });
});

await t.test(
  "OTP-09: a lock also holds for a challenge that was given out before it",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const { state } = await kit.authenticator.login(kit.attempt("right", { mode: "challenge" }));
    for (let i = 0; i < 6; i += 1) await kit.login(`wrong-${i},${kit.code()}`);
    const answer = { ...kit.attempt(kit.code()), state: state ?? Buffer.alloc(0) };
    const { verdict } = await kit.authenticator.answer(answer);
    t.match(verdict, { outcome: "reject", reason: "account-locked" });
  },
);

await t.test("OTP-10: a locked person and a wrong password end in the same outcome", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  const outcomes = new Set<string>();
  for (let i = 0; i < 8; i += 1) {
    outcomes.add((await kit.login(`wrong-${i},${kit.code()}`)).outcome);
  }
  outcomes.add((await kit.login(`right,${kit.code()}`)).outcome);
  t.same([...outcomes], ["reject"]);
});

await t.test(
  "OTP-12: whoever knows the password has a hundred guesses in a day, from however many devices",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    let compared = 0;
    let accepted = 0;
    const until = kit.clock.now() + DAY_MS;
    for (let guess = 0; kit.clock.now() < until; guess += 1) {
      kit.clock.advance(45_000);
      const code = String(guess % 1_000_000).padStart(6, "0");
      // The test is about how many guesses there are, not about luck.
      if ([-1, 0, 1].some((offset) => kit.code(offset) === code)) continue;
      const verdict = await kit.login(`right,${code}`, `device ${guess}`);
      if (verdict.outcome === "accept") accepted += 1;
      if (verdict.outcome === "reject" && verdict.reason === "mfa-code-incorrect") compared += 1;
    }
    t.equal(accepted, 0);
    t.ok(compared > 6 && compared <= WRONG_CODES_MAX, `${compared} codes were compared`);
  },
);

t.test("S14: a token whose seal doesn't open is refused, and an alarm", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  const file = new DatabaseSync(kit.path);
  file.exec("UPDATE tokens SET sealed = zeroblob(48)");
  file.close();
  const verdict = await kit.login(`right,${kit.code()}`);
  t.same(verdict, { outcome: "reject", reason: "token-unreadable" });
  const [last] = await kit.store.events({ limit: 1 });
  t.match(last, { success: false, reason: "token-unreadable", alarm: "token-unreadable" });
});

t.test("RAD-27: a State opens for its own login while it lives, and claims nothing", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  const { state } = await kit.authenticator.login(kit.attempt("right", { mode: "challenge" }));
  if (state === undefined) throw new Error("no State");
  const given = { ...kit.attempt(kit.code(), { mode: "challenge" }), state };
  const flipped = Buffer.from(state);
  flipped.writeUInt8(flipped.readUInt8(20) ^ 1, 20);
  t.equal(kit.authenticator.opens(given), true);
  t.equal(kit.authenticator.opens({ ...given, username: "bob" }), false);
  t.equal(kit.authenticator.opens({ ...given, state: flipped }), false);
  kit.clock.advance(119_000);
  t.equal(kit.authenticator.opens(given), true, "asking spends nothing");
  kit.clock.advance(1_000);
  t.equal(kit.authenticator.opens(given), false);
});

await t.test(
  "H47: a service account needs no code, and only an administrator locks it",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const from = async (service: ServiceFact, credentials: string): Promise<Verdict> => {
      const attempt = { ...kit.attempt(credentials), serviceOf: () => service };
      return (await kit.authenticator.login(attempt)).verdict;
    };
    const accepted = { outcome: "accept", exempt: "service-account" };
    t.match(await from("exempt", "right"), accepted);
    for (let i = 0; i < 20; i += 1) {
      const refused = { outcome: "reject", reason: "password-incorrect" };
      t.match(await from("exempt", `wrong-${i}`), refused);
      t.match(await from("elsewhere", "right"), { reason: "service-account-address" });
    }
    const parallel = await Promise.all(Array.from({ length: 20 }, () => from("exempt", "right")));
    t.ok(parallel.every(({ outcome }) => outcome === "accept"));
    t.match(await kit.login(`right,${kit.code()}`), { outcome: "accept" }, "nothing was counted");
    t.match((await kit.store.events({ limit: 2 }))[0], { mfa_exempt_reason: "service-account" });
    await kit.store.lock({ directory: "corp", username: "alice" }, event());
    t.match(await from("exempt", "right"), { outcome: "reject", reason: "account-locked" });
  },
);

await t.test("a door may bind over a connection of its own", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  kit.bind = new Error("the directory's own connections aren't used");
  const asked: string[] = [];
  const attempt = {
    ...kit.attempt(`secret,${kit.code()}`),
    bind: async ({ dn }: Identity, password: Secret): Promise<BindResult> => {
      asked.push(`${dn} ${password.reveal().toString()}`);
      return { kind: "right" };
    },
  };
  t.match((await kit.authenticator.login(attempt)).verdict, { outcome: "accept" });
  t.same(asked, ["uid=alice,dc=example,dc=org secret"]);
});

await t.test(
  "LDAP-26: the same bind again within the window skips no check of the password",
  async (t) => {
    const kit = await openLoginKit(t);
    await kit.enroll();
    const again = async (credentials: string, windowMs = 10_000, address = "192.0.2.1") => {
      const rebind = { windowMs, address, setting: "rebind_window of apps" };
      return (await kit.authenticator.login({ ...kit.attempt(credentials), rebind })).verdict;
    };
    const replayed = { outcome: "reject", reason: /mfa-code-replayed|repeated-attempt/ };
    const rebound = { outcome: "accept", exempt: "rebind-window" };
    const field = `right,${kit.code()}`;

    t.match(await again(field), { outcome: "accept", exempt: undefined });
    t.match(await again(field, 10_000, "192.0.2.2"), replayed, "from another address");
    t.match(await again(field.replace("right", "rihgt")), { outcome: "reject" }, "other octets");
    t.match(await again(field), rebound);
    t.match((await kit.store.events({ limit: 1 }))[0], {
      mfa: false,
      auth_context: { totp: undefined },
    });
    kit.bind = { kind: "wrong" };
    t.match(await again(field), { reason: "password-incorrect" }, "LDAP-26: the password is asked");
    kit.bind = "compare";
    t.match(await again(field), replayed, "LDAP-26: and that was the second");

    kit.clock.advance(60_000);
    const next = `right,${kit.code()}`;
    t.match(await again(next), { outcome: "accept" });
    kit.clock.advance(6_000);
    t.match(await again(next), rebound);
    kit.clock.advance(6_000);
    t.match(await again(next), replayed, "a repeat extends nothing");
  },
);

await t.test("without a window, the refusal of a second bind names the setting", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  const bind = async (address: string) => {
    const rebind = { windowMs: 0, address, setting: "rebind_window of apps" };
    return kit.authenticator.login({ ...kit.attempt(`right,${kit.code()}`), rebind });
  };
  t.match((await bind("192.0.2.1")).verdict, { outcome: "accept" });
  t.match((await bind("192.0.2.1")).verdict, { reason: "mfa-code-replayed" });
  t.match(
    kit.log.lines.map(({ message }) => message),
    [/bound twice with one code and was refused; to let it through, set rebind_window of apps/],
  );
});

await t.test("a reset ends the window", async (t) => {
  const kit = await openLoginKit(t);
  await kit.enroll();
  const field = `right,${kit.code()}`;
  const bind = async (): Promise<Verdict> => {
    const rebind = { windowMs: 60_000, address: "192.0.2.1", setting: "rebind_window" };
    return (await kit.authenticator.login({ ...kit.attempt(field), rebind })).verdict;
  };
  t.match(await bind(), { outcome: "accept" });
  await kit.enroll();
  t.match(await bind(), { outcome: "accept", exempt: undefined }, "a new token, a code of its own");
  await kit.store.resetToken({ directory: "corp", username: "alice" }, event());
  t.match(await bind(), { outcome: "reject" });
});
