// What somebody signed in sees, and may change once they have proven their token afresh.

import t from "tap";

import { encodeBase32 } from "../../../../src/lib/base32.ts";
import { event } from "../../../support/store.ts";
import {
  beginWizard,
  codeOf,
  codesOn,
  enrol,
  openPortal,
  scan,
  textOn,
} from "../../../support/portal.ts";

await t.test(
  "WEB-10: another token takes the password and a fresh code of the old one",
  async (t) => {
    const kit = await openPortal(t);
    await kit.enroll(kit.alice);
    const browser = kit.browser();
    await browser.signIn("alice", kit.code());
    for (const path of ["/enrol", "/enrol/scan", "/enrol/code"]) {
      t.equal((await browser.get(path)).location, "/replace", path);
    }
    await browser.get("/replace");
    const used = { password: "right", code: kit.code() };
    t.equal((await browser.post("/enrol")).location, "/replace", "no short cut");
    t.equal((await browser.post("/enrol/code", { code: "123456" })).location, "/replace");
    t.equal(
      (await browser.post("/replace", used)).status,
      403,
      "the code of the sign-in is used up",
    );
    t.equal((await browser.post("/replace", { password: "right", code: "" })).status, 403);
    kit.clock.advance(30_000);
    t.equal((await browser.post("/replace", { password: "wrong", code: kit.code() })).status, 403);
    t.equal((await browser.get("/enrol")).location, "/replace", "nothing of it helped");
    await browser.get("/replace");
    const proven = await browser.post("/replace", { password: "right", code: kit.code() });
    t.equal(proven.location, "/enrol");
    t.match(textOn(await browser.get("/enrol")), "Move to another app");
  },
);

await t.test(
  "WEB-10: the old token works until the new one does, and not a moment longer",
  async (t) => {
    const kit = await openPortal(t);
    await kit.enroll(kit.alice);
    const [browser, elsewhere] = [kit.browser(), kit.browser()];
    await browser.signIn("alice", kit.code());
    kit.clock.advance(30_000);
    await elsewhere.signIn("alice", kit.code());
    kit.clock.advance(30_000);
    await browser.get("/replace");
    await browser.post("/replace", { password: "right", code: kit.code() });
    await browser.get("/enrol");
    const secret = await scan({ browser });
    kit.clock.advance(30_000);
    t.match(await kit.browser().signIn("alice", kit.code()), { status: 303 }, "the old one still");
    kit.clock.advance(30_000);
    await browser.get("/enrol/code");
    t.equal(
      (await browser.post("/enrol/code", { code: codeOf(secret, kit.clock.now()) })).status,
      200,
    );
    kit.clock.advance(30_000);
    t.match(
      await kit.browser().signIn("alice", kit.code()),
      { status: 403 },
      "the old one is dead",
    );
    const code = codeOf(secret, kit.clock.now());
    t.match(await kit.browser().signIn("alice", code), { status: 303 });
    t.equal((await elsewhere.get("/account")).location, "/sign-in", "A05: other sessions too");
    t.match((await kit.events("totp_finish_enrollment")).at(-1), { details: { replaced: true } });
  },
);

await t.test("WEB-10: a lost phone: a recovery code proves the person, too", async (t) => {
  const wizard = await beginWizard(t);
  const [, first = "", second = ""] = codesOn((await enrol(wizard)).page);
  const browser = wizard.kit.browser();
  t.equal((await browser.signIn("alice", first)).location, "/account");
  await browser.get("/replace");
  t.equal((await browser.post("/replace", { password: "right", code: first })).status, 403);
  t.equal((await browser.post("/replace", { password: "right", code: second })).location, "/enrol");
});

await t.test("a proof is good for ten minutes", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const browser = kit.browser();
  await browser.signIn("alice", kit.code());
  kit.clock.advance(30_000);
  await browser.get("/replace");
  await browser.post("/replace", { password: "right", code: kit.code() });
  await browser.get("/enrol");
  const secret = await scan({ browser });
  kit.clock.advance(10 * 60_000);
  const late = await browser.post("/enrol/code", { code: codeOf(secret, kit.clock.now()) });
  t.equal(late.location, "/replace");
});

await t.test(
  "WEB-04: what is proven is proven for whoever is signed in, whatever is typed",
  async (t) => {
    const kit = await openPortal(t);
    await kit.enroll(kit.alice);
    const bob = kit.browser();
    await bob.signIn("bob");
    await bob.get("/replace");
    // Bob has no token: alice's code is a code of nobody here.
    t.equal((await bob.post("/replace", { password: "right", code: kit.code() })).status, 403);
    const events = await kit.events("user_login_attempt");
    t.match(events.at(-1), { username: "bob", auth_type: "confirmation" });
  },
);

await t.test(
  "a recovery code signs in once; new ones take a fresh code and end the old",
  async (t) => {
    const wizard = await beginWizard(t);
    const { kit, browser } = wizard;
    const { secret, page } = await enrol(wizard);
    const [first = "", second = ""] = codesOn(page);
    const lost = kit.browser();
    t.match(await lost.signIn("alice", first), { location: "/account" });
    t.match(textOn(await lost.get("/account")), "9 codes left");
    t.match(await kit.browser().signIn("alice", first), { status: 403 });
    kit.clock.advance(30_000);
    await browser.get("/recovery-codes");
    t.equal((await browser.post("/recovery-codes", { password: "right", code: "" })).status, 403);
    const code = codeOf(secret, kit.clock.now());
    const made = await browser.post("/recovery-codes", { password: "right", code });
    t.equal(codesOn(made).length, 10);
    t.match(await kit.browser().signIn("alice", second), { status: 403 }, "an old one");
    t.match(await kit.browser().signIn("alice", codesOn(made)[0]), { status: 303 }, "a new one");
    t.equal((await kit.events("recovery_codes_generated")).length, 1);
    t.notOk(
      codesOn(await browser.get("/account")).length +
        codesOn(await browser.get("/recovery-codes")).length,
    );
  },
);

await t.test(
  "A12: no event, no log and no page afterwards holds what was shown once",
  async (t) => {
    const wizard = await beginWizard(t);
    const { kit, browser } = wizard;
    const { secret, page } = await enrol(wizard);
    const events = JSON.stringify(await kit.store.events({ limit: 1_000 }));
    const account = (await browser.get("/account")).body;
    const key = encodeBase32(secret.reveal());
    for (const text of [events, JSON.stringify(kit.log.lines), account]) {
      for (const marker of [
        key,
        secret.reveal().toString("hex"),
        ...codesOn(page),
        browser.cookie,
      ]) {
        t.notOk(text.includes(marker ?? ""), "neither key nor code nor id");
      }
    }
  },
);

await t.test(
  "P13 ui: what happened lately stands there as sentences, of this person alone",
  async (t) => {
    const kit = await openPortal(t);
    await kit.enroll(kit.alice);
    await kit.browser("198.51.100.7").signIn("alice", kit.code(9));
    const other = { id: "corp/id-other", username: "alice" };
    await kit.store.record(
      event({ initiated_by: { type: "user", ...other }, username: "alice", success: true }),
    );
    const nas = { name: "vpn", ip: "192.0.2.200" };
    const me = { id: "corp/id-alice", username: "alice" };
    await kit.store.record(event({ initiated_by: { type: "user", ...me }, nas, success: true }));
    const browser = kit.browser();
    await browser.signIn("alice", kit.code());
    const text = textOn(await browser.get("/account"));
    t.match(text, /You signed in at this portal, from 192\.0\.2\.1 .* You signed in at vpn/);
    t.match(text, "A sign-in at this portal was refused: wrong code, from 198.51.100.7");
    t.equal(text.split("You signed in at").length - 1, 2, "not the other alice's");
  },
);
