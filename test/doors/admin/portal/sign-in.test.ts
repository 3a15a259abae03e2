// Signing in at the portal: the same decision, the same counters, the same silence as at every door.

import t from "tap";

import {
  beginWizard,
  codesOn,
  DOWN,
  enrol,
  isOut,
  openPortal,
  PUBLIC_URL,
  signedIn,
  textOn,
} from "../../../support/portal.ts";

await t.test("T20 H17: whoever has a token signs in with password and code", async (t) => {
  const { kit, browser } = await signedIn(t);
  const page = await browser.get("/account");
  t.equal(page.status, 200);
  t.match(textOn(page), /Signed in as alice .* SHA-1, 6 digits, every 30 seconds/);
  t.match(await kit.events("user_login_attempt"), [
    {
      service: "directory",
      success: true,
      mfa: true,
      mfa_meta: { type: "totp" },
      client_ip: "192.0.2.1",
      app: { name: "portal", ip: "192.0.2.1" },
      auth_context: { password: true, totp: true },
    },
  ]);
});

await t.test(
  "T14 E07: whoever has none is let in by the password and asked to enrol",
  async (t) => {
    const kit = await openPortal(t);
    const browser = kit.browser();
    t.match(await browser.signIn("alice"), { status: 303, location: "/enrol" });
    t.match(textOn(await browser.get("/enrol")), "Set up your second factor Step 1 of 3");
    t.match(textOn(await browser.get("/account")), "None is set up. Set it up", "it can wait");
    t.match(await kit.events("user_login_attempt"), [{ mfa: false, mfa_exempt_reason: /enrol/ }]);
  },
);

await t.test("E01 T20 WEB-03: every refusal is the same page at the same moment", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const wrongs = [
    ["nobody", "right", kit.code()],
    ["alice", "wrong", kit.code()],
    ["alice", "right", kit.code(7)],
    ["alice", "right", ""],
    ["alice", "right", "12345"],
    ["alice", "", kit.code()],
    ["bob", "wrong", ""],
    ["bob", "wrong", kit.code()],
    ["", "right", ""],
  ] as const;
  const bodies = new Set<string>();
  for (const [username, password, code] of wrongs) {
    const browser = kit.browser();
    await browser.get("/sign-in");
    const visitor = browser.cookie;
    const page = await browser.post("/sign-in", { username, password, code });
    t.equal(page.status, 403, `${username} ${password} ${code}`);
    t.equal(browser.cookie, visitor, "no new id");
    bodies.add(page.body.replaceAll(browser.token, "").replace(`value="${username}"`, 'value=""'));
    t.ok(isOut(await browser.get("/account")), "and it opens nothing");
  }
  t.equal(bodies.size, 1);
  t.match([...bodies][0], "That didn&#39;t work.");
  t.equal(kit.pauses.length, wrongs.length);
  for (const ms of kit.pauses) t.ok(ms >= 1_000 && ms <= 1_050, `${ms}`);
});

await t.test("T04: the code is taken with the spaces that apps show", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const code = kit.code();
  const spaced = ` ${code.slice(0, 3)} ${code.slice(3)}`;
  t.match(await kit.browser().signIn("alice", spaced), { location: "/account" });
});

await t.test(
  "OTP-14: a code from paper is taken in capitals, with spaces, without dashes",
  async (t) => {
    const wizard = await beginWizard(t);
    const [a = "", b = "", c = "", d = ""] = codesOn((await enrol(wizard)).page);
    const spellings = [
      a.toUpperCase(),
      b.replaceAll("-", ""),
      c.replaceAll("-", " ").toUpperCase(),
      ` ${d.replaceAll("-", " - ")} `,
    ];
    for (const code of spellings) {
      t.match(await wizard.kit.browser().signIn("alice", code), { location: "/account" }, code);
    }
    for (const code of spellings.slice(0, 2)) {
      t.match(await wizard.kit.browser().signIn("alice", code), { status: 403 }, "once");
    }
  },
);

await t.test("E02: a code is good for one sign-in", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const code = kit.code();
  t.match(await kit.browser().signIn("alice", code), { status: 303 });
  t.match(await kit.browser().signIn("alice", code), { status: 403 });
  t.match((await kit.events("user_login_attempt")).at(-1), { reason: "mfa-code-replayed" });
});

await t.test("OTP-06: six failures lock the portal as they lock every door", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  for (let i = 0; i < 6; i += 1) await kit.browser().signIn("alice", kit.code(), `wrong-${i}`);
  t.match(await kit.browser().signIn("alice", kit.code()), { status: 403 });
  t.match((await kit.events("user_login_attempt")).at(-1), { reason: "account-locked" });
});

await t.test("OTP-06 A19: guessing in parallel gains nothing", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const guess = (at: number): string =>
    String(Number(kit.code(9)) + at)
      .slice(-6)
      .padStart(6, "0");
  const pages = await Promise.all(
    Array.from({ length: 50 }, (_, at) => kit.browser().signIn("alice", guess(at))),
  );
  t.ok(pages.every(({ status }) => status === 403));
  const reasons = (await kit.events("user_login_attempt")).map(({ reason }) => reason);
  t.equal(reasons.length, 50);
  t.equal(reasons.filter((reason) => reason === "mfa-code-incorrect").length, 6);
  t.match(await kit.browser().signIn("alice", kit.code()), { status: 403 }, "and it is locked");
});

await t.test("twenty people failing from one address have that address wait", async (t) => {
  const kit = await openPortal(t);
  for (let i = 0; i < 20; i += 1) await kit.browser().signIn(`guess-${i}`);
  t.match(await kit.browser().signIn("bob"), { status: 403 });
  t.match(await kit.browser("192.0.2.2").signIn("bob"), { status: 303 }, "from there only");
});

await t.test("A20: while nobody can be checked the page says so, and counts nothing", async (t) => {
  const kit = await openPortal(t);
  kit.bind = DOWN;
  const page = await kit.browser().signIn("bob");
  t.equal(page.status, 503);
  t.match(textOn(page), "Try again later");
  kit.bind = "compare";
  await kit.store.close();
  const down = await kit.browser().signIn("bob");
  t.equal(down.status, 503);
  t.equal(textOn(down), textOn(page), "no stack");
  const headers = { origin: PUBLIC_URL, "content-type": "text/plain" };
  for (const malformed of [
    await kit.browser().send("/sign-in", "x"),
    await kit.browser().send("/sign-in", "x", headers),
    await kit.browser().send("/sign-in", "x".repeat(20_000)),
  ]) {
    t.equal(malformed.status, 503);
    t.equal(textOn(malformed), textOn(page), "whatever was sent");
  }
});
