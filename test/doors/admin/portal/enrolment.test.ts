// Three steps to a token: what is shown, what confirms it, and who may take them.

import t from "tap";

import { hashBypassCode } from "../../../../src/core/bypass.ts";
import { deriveKey } from "../../../../src/lib/derive.ts";
import { event, MASTER_KEY } from "../../../support/store.ts";
import {
  beginWizard,
  codeOf,
  codesOn,
  enrol,
  keyOn,
  openPortal,
  scan,
  textOn,
} from "../../../support/portal.ts";

const DAY_MS = 86_400_000;

await t.test("E09 T19: three steps, and the new token opens the door", async (t) => {
  const wizard = await beginWizard(t);
  const { kit, browser } = wizard;
  const { secret, page } = await enrol(wizard);
  t.equal(secret.byteLength, 20);
  t.match(textOn(page), "You are set up");
  t.equal(codesOn(page).length, 10);
  t.match(
    textOn(await browser.get("/account")),
    /SHA-1, 6 digits, every 30 seconds .* 10 codes left/,
  );
  kit.clock.advance(30_000);
  const next = kit.browser();
  t.match(await next.signIn("alice"), { status: 403 }, "the password alone is over");
  const code = codeOf(secret, kit.clock.now());
  t.match(await next.signIn("alice", code), { location: "/account" });
  t.match(await kit.events("totp_start_enrollment"), [
    { initiated_by: { type: "user", id: "corp/id-alice" }, resource: { id: "corp/id-alice" } },
  ]);
  t.match(await kit.events("totp_finish_enrollment"), [
    {
      client_ip: "192.0.2.1",
      details: { algorithm: "sha1", digits: 6, period_seconds: 30, door: "portal" },
    },
  ]);
});

await t.test(
  "E08 T06: the first step names apps, as text and as links to their makers",
  async (t) => {
    const { browser } = await beginWizard(t);
    const page = await browser.get("/enrol");
    for (const app of ["FreeOTP", "Google Authenticator", "Microsoft Authenticator", "Aegis"]) {
      t.match(textOn(page), app);
    }
    const links = [...page.body.matchAll(/href="(https:[^"]*)" rel="noreferrer"/g)];
    t.ok(links.length >= 5);
    for (const [, link = ""] of links) t.notMatch(link, /[?#]/, "nothing that tells who came");
  },
);

await t.test("E03 E07: how many days are left stands above", async (t) => {
  const kit = await openPortal(t);
  await kit.require(kit.alice, 6);
  const browser = kit.browser();
  t.match(await browser.signIn("alice"), { location: "/enrol" });
  t.match(textOn(await browser.get("/enrol")), "Set up your second factor: 6 days left");
  kit.clock.advance(5.5 * DAY_MS);
  const later = kit.browser();
  await later.signIn("alice");
  t.match(textOn(await later.get("/enrol")), "Set up your second factor: 1 day left");
});

await t.test(
  "E03: the second after the period ends the portal is closed until it is extended",
  async (t) => {
    const kit = await openPortal(t);
    await kit.require(kit.alice, 1);
    kit.clock.advance(DAY_MS - 1_000);
    const browser = kit.browser();
    t.match(await browser.signIn("alice"), { location: "/enrol" });
    await browser.get("/enrol");
    const secret = await scan({ browser });
    kit.clock.advance(2_000);
    const late = await browser.post("/enrol/code", { code: codeOf(secret, kit.clock.now()) });
    t.match(textOn(late), "The time to set up is over", "also for whoever had begun");
    const closed = await kit.browser().signIn("alice");
    t.equal(closed.status, 403);
    t.match(textOn(closed), "The time to set up is over");
    t.match((await kit.events("user_login_attempt")).at(-1), { reason: "mfa-period-expired" });
    const wrong = await kit.browser().signIn("alice", "", "wrong");
    t.notMatch(textOn(wrong), "time to set up", "said to nobody without the password");
    await kit.require(kit.alice, 1);
    t.match(await kit.browser().signIn("alice"), { location: "/enrol" });
  },
);

await t.test("a reload shows the same key in the same session, and never afterwards", async (t) => {
  const wizard = await beginWizard(t);
  const { kit, browser } = wizard;
  const secret = await scan(wizard);
  t.ok(keyOn(await browser.get("/enrol/scan")).equals(secret));
  await browser.get("/enrol");
  t.ok((await scan(wizard)).equals(secret), "a step back makes no other");
  const other = kit.browser();
  await other.signIn("alice");
  t.match(await other.get("/enrol/scan"), { location: "/enrol" }, "not in another session");
  await browser.post("/enrol/code", { code: codeOf(secret, kit.clock.now()) });
  const again = await browser.get("/enrol/scan");
  t.equal(again.location, "/replace");
  t.notMatch(again.body, "key");
});

await t.test("T04: a thousand keys are a thousand different ones", async (t) => {
  const kit = await openPortal(t);
  const keys = new Set<string>();
  const browser = kit.browser();
  await browser.signIn("alice");
  await browser.get("/enrol");
  // Five wrong codes bring a new key.
  for (let i = 0; i < 1_000; i += 1) {
    if (i % 50 === 0) {
      await browser.signIn("alice");
      await browser.get("/enrol");
    }
    await browser.post("/enrol");
    keys.add(
      keyOn(await browser.get("/enrol/scan"))
        .reveal()
        .toString("hex"),
    );
    await browser.get("/enrol/code");
    for (let wrong = 0; wrong < 5; wrong += 1) await browser.post("/enrol/code", { code: "x" });
  }
  t.equal(keys.size, 1_000);
});

await t.test("five wrong codes use a key up; a new one begins", async (t) => {
  const wizard = await beginWizard(t);
  const { kit, browser } = wizard;
  const secret = await scan(wizard);
  const wrong = codeOf(secret, kit.clock.now(), 9);
  for (let i = 0; i < 4; i += 1) {
    const page = await browser.post("/enrol/code", { code: wrong });
    t.equal(page.status, 422);
    t.match(textOn(page), "That code doesn't match");
  }
  t.match(await browser.post("/enrol/code", { code: wrong }), { location: "/enrol/scan" });
  const page = await browser.get("/enrol/scan");
  t.match(textOn(page), "Five codes didn't match");
  t.notOk(keyOn(page).equals(secret));
  await browser.get("/enrol/code");
  const old = await browser.post("/enrol/code", { code: codeOf(secret, kit.clock.now()) });
  t.equal(old.status, 422, "the old key is worth nothing");
  t.same(await kit.events("totp_finish_enrollment"), []);
});

await t.test("the code that confirmed is no login, at any door", async (t) => {
  const wizard = await beginWizard(t);
  const { secret } = await enrol(wizard);
  const code = codeOf(secret, wizard.kit.clock.now());
  t.match(await wizard.kit.browser().signIn("alice", code), { status: 403 });
  const [, replayed] = await wizard.kit.events("user_login_attempt");
  t.match(replayed, { reason: "mfa-code-replayed" });
});

await t.test("the same code sent twice enrols once", async (t) => {
  const wizard = await beginWizard(t);
  const { kit, browser } = wizard;
  const code = codeOf(await scan(wizard), kit.clock.now());
  const answers = await Promise.all([1, 2].map(() => browser.post("/enrol/code", { code })));
  t.same(new Set(answers.map(({ status }) => status)), new Set([200, 303]));
  t.equal((await kit.events("totp_finish_enrollment")).length, 1);
});

await t.test(
  "two sessions of one person: one enrols, the other's key is worth nothing",
  async (t) => {
    const wizard = await beginWizard(t);
    const { kit } = wizard;
    const other = kit.browser();
    await other.signIn("alice");
    await other.get("/enrol");
    const late = await scan({ browser: other });
    await enrol(wizard);
    const page = await other.post("/enrol/code", { code: codeOf(late, kit.clock.now()) });
    t.equal(page.location, "/sign-in", "that session ended with the enrolment");
    t.equal((await kit.events("totp_finish_enrollment")).length, 1);
  },
);

await t.test("A05: enrolling gives the session a new id", async (t) => {
  const wizard = await beginWizard(t);
  const before = wizard.browser.cookie;
  await enrol(wizard);
  t.not(wizard.browser.cookie, before);
  const thief = wizard.kit.browser();
  thief.cookie = before;
  t.equal((await thief.get("/account")).location, "/sign-in");
});

await t.test("enrolling is for the listed networks, signing in for everywhere", async (t) => {
  const allowFrom = (): readonly { family: 4 | 6; prefix: number; text: string }[] => [
    { family: 4, prefix: 24, text: "192.0.2.0/24" },
    { family: 6, prefix: 32, text: "2001:db8::/32" },
  ];
  const kit = await openPortal(t, { allowFrom });
  for (const [address, status] of [
    ["192.0.2.1", 200],
    ["2001:db8::7", 200],
    ["::ffff:192.0.2.9", 200],
    ["198.51.100.1", 403],
    ["2001:db9::1", 403],
  ] as const) {
    const browser = kit.browser(address);
    await browser.signIn("alice");
    t.equal((await browser.get("/account")).status, 200, address);
    const page = await browser.get("/enrol");
    t.equal(page.status, status, address);
    if (status === 200) continue;
    t.match(textOn(page), "Not from here");
    await browser.get("/account");
    t.equal((await browser.post("/enrol")).status, 403);
  }
});

await t.test(
  "E03: a bypass code opens the portal, but gives nobody more time to enrol",
  async (t) => {
    const kit = await openPortal(t);
    await kit.require(kit.alice, 1);
    kit.clock.advance(2 * DAY_MS);
    const code = "abcd-efgh-ijkl-mn23";
    const hash = hashBypassCode(deriveKey(MASTER_KEY, "bypass"), code);
    await kit.store.grantBypass(kit.alice, hash, kit.clock.now() + DAY_MS, event());
    const browser = kit.browser();
    t.match(await browser.signIn("alice", code), { location: "/account" });
    t.match(textOn(await browser.get("/account")), "the time for it is over");
    t.equal((await browser.get("/enrol")).status, 403);
    await browser.get("/account");
    t.equal((await browser.post("/enrol")).status, 403);
  },
);
