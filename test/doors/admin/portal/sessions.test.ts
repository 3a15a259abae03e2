// Sessions of the portal: whose they are, when they end, and that no id is worth anything elsewhere.

import t from "tap";

import { event, newToken } from "../../../support/store.ts";
import {
  type Browser,
  codeOf,
  DOWN,
  isOut,
  openPortal,
  type Page,
  type PortalKit,
  scan,
  signedIn,
  textOn,
} from "../../../support/portal.ts";

const MINUTE_MS = 60_000;

await t.test("A05: an id from before the sign-in is worth nothing after it", async (t) => {
  const kit = await openPortal(t);
  const browser = kit.browser();
  await browser.get("/sign-in");
  const before = browser.cookie;
  await browser.post("/sign-in", { username: "bob", password: "right", code: "" });
  t.not(browser.cookie, before);
  const thief = kit.browser();
  thief.cookie = before;
  t.ok(isOut(await thief.get("/account")));
  t.match(browser.cookie, /^[A-Za-z0-9_-]{43}$/, "256 random bits");
});

await t.test("the cookie is this host's alone, for no script and no other site", async (t) => {
  const kit = await openPortal(t);
  const { headers } = await kit.browser().get("/sign-in");
  t.match(
    headers["set-cookie"],
    /^__Host-gatehouse=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  );
  const browser = kit.browser();
  await browser.signIn("bob");
  const id = browser.cookie ?? "";
  for (const cookie of [`${id}x`, id.slice(1), `${id}; __Host-gatehouse=${id}`]) {
    const other = kit.browser();
    other.cookie = cookie;
    t.ok(isOut(await other.get("/account")), cookie);
  }
});

await t.test("A05: a stolen id is dead after the sign-out", async (t) => {
  const { kit, browser } = await signedIn(t);
  const thief = kit.browser();
  thief.cookie = browser.cookie;
  t.equal((await thief.get("/account")).status, 200);
  await browser.get("/account");
  t.ok(isOut(await browser.post("/sign-out")));
  t.equal(browser.cookie, undefined, "the browser forgets it");
  t.ok(isOut(await thief.get("/account")));
  t.match(await kit.events("user_logout"), [
    { username: "alice", details: { reason: "signed-out", door: "portal" } },
  ]);
});

await t.test("signing out everywhere ends the person's sessions and nobody else's", async (t) => {
  const kit = await openPortal(t);
  const [one, two, other] = [kit.browser(), kit.browser(), kit.browser()];
  await one.signIn("bob");
  await two.signIn("bob");
  await other.signIn("alice");
  await one.get("/account");
  t.ok(isOut(await one.post("/sign-out-everywhere")));
  t.ok(isOut(await two.get("/account")));
  t.equal((await other.get("/account")).status, 200);
});

await t.test("a session ends after 15 idle minutes, and after 8 hours in any case", async (t) => {
  const { kit, browser } = await signedIn(t);
  kit.clock.advance(15 * MINUTE_MS - 1);
  t.equal((await browser.get("/account")).status, 200);
  kit.clock.advance(15 * MINUTE_MS);
  t.ok(isOut(await browser.get("/account")));
  const busy = kit.browser();
  await busy.signIn("alice", kit.code());
  for (let i = 0; i < 48; i += 1) {
    t.equal((await busy.get("/account")).status, 200);
    kit.clock.advance(10 * MINUTE_MS);
  }
  t.ok(isOut(await busy.get("/account")));
  const reasons = (await kit.events("user_logout")).map(({ details }) => details?.["reason"]);
  t.same(reasons, ["idle", "too-old"]);
});

await t.test("A05 WEB-09: whatever is taken from somebody ends their sessions", async (t) => {
  const endings: [string, (kit: PortalKit) => unknown][] = [
    ["a revocation that is told", (kit) => kit.portal.revoke(kit.alice)],
    ["one by name", (kit) => kit.portal.revoke({ directory: "corp", username: "ALICE" })],
    ["a lock that nobody told", (kit) => kit.store.lock(kit.alice, event())],
    ["an entry that is gone", (kit) => kit.people.delete("alice")],
    ["a disabled entry", (kit) => kit.people.set("alice", { ...kit.alice, isDisabled: true })],
    ["another person's entry", (kit) => kit.people.set("alice", { ...kit.alice, id: "other" })],
  ];
  for (const [what, end] of endings) {
    const { kit, browser } = await signedIn(t);
    kit.portal.revoke({ directory: "corp", username: "bob" });
    t.equal((await browser.get("/account")).status, 200);
    await end(kit);
    t.ok(isOut(await browser.get("/account")), what);
    t.match(await kit.events("user_logout"), [{ details: { reason: "revoked" } }]);
  }
});

await t.test("an outage of the directory ends nobody's session", async (t) => {
  const { kit, browser } = await signedIn(t);
  kit.lookup = DOWN;
  t.equal((await browser.get("/account")).status, 200);
});

await t.test("WEB-09: no revocation falls between an accept and its session", async (t) => {
  const kit = await openPortal(t);
  const browser = kit.browser();
  kit.onBind = () => kit.portal.revoke(kit.alice);
  t.equal((await browser.signIn("alice")).status, 403);
  t.ok(isOut(await browser.get("/account")));
});

await t.test("nobody keeps more than eight sessions: the oldest ends", async (t) => {
  const kit = await openPortal(t);
  const browsers: Browser[] = [];
  for (let i = 0; i < 9; i += 1) {
    const browser = kit.browser();
    browsers.push(browser);
    await browser.signIn("bob");
  }
  const [first, ...others] = browsers;
  t.ok(first !== undefined && isOut(await first.get("/account")));
  for (const browser of others) t.equal((await browser.get("/account")).status, 200);
});

await t.test("T03: a session of a password alone ends once there is a factor", async (t) => {
  const kit = await openPortal(t);
  const browser = kit.browser();
  await browser.signIn("alice");
  t.equal((await browser.get("/account")).status, 200);
  // Nobody tells the portal: a first token takes nothing from its owner.
  await kit.store.enroll(kit.alice, newToken, { replace: false }, event());
  t.ok(isOut(await browser.get("/account")));
  t.match(await kit.events("user_logout"), [{ details: { reason: "factor-changed" } }]);
});

await t.test("T03: a factor set up while somebody else signs in leaves them outside", async (t) => {
  const kit = await openPortal(t);
  const [owner, thief] = [kit.browser(), kit.browser()];
  await owner.signIn("alice");
  const secret = await scan({ browser: owner });
  const code = codeOf(secret, kit.clock.now());
  let enrolled: Promise<Page> | undefined;
  let goOn: (() => void) | undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  kit.onBind = () => {
    enrolled = owner.post("/enrol/code", { code });
    return held;
  };
  const entering = thief.signIn("alice");
  while (enrolled === undefined) await new Promise((resolve) => setImmediate(resolve));
  t.match(textOn(await enrolled), "You are set up");
  goOn?.();
  t.equal((await entering).status, 303, "the password was right and nothing else was asked for");
  t.ok(isOut(await thief.get("/account")));
  t.equal((await owner.get("/account")).status, 200);
});
