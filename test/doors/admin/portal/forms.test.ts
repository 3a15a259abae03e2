// What browsers and others send to the portal: forged, broken, too much, or with something in it.

import t from "tap";

import { isOut, openPortal, PUBLIC_URL, signedIn, textOn } from "../../../support/portal.ts";

await t.test("A03 WEB-06: no header is believed about who asks, or where", async (t) => {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const browser = kit.browser("192.0.2.9");
  await browser.get("/sign-in");
  const fields = { token: browser.token, username: "alice", password: "right", code: kit.code() };
  const headers = {
    origin: PUBLIC_URL,
    host: "evil.example",
    "x-forwarded-for": "198.51.100.7",
    "x-real-ip": "198.51.100.7",
    forwarded: "for=198.51.100.7;host=evil.example",
    "x-forwarded-host": "evil.example",
  };
  const page = await browser.send("/sign-in", fields, headers);
  t.equal(page.location, "/account", "and no link leads anywhere else");
  t.match(await kit.events("user_login_attempt"), [{ client_ip: "192.0.2.9" }]);
});

await t.test("A03: behind a proxy on this host its address is nobody's", async (t) => {
  const kit = await openPortal(t, { isProxied: true });
  for (let i = 0; i < 25; i += 1) await kit.browser("127.0.0.1").signIn(`guess-${i}`);
  t.match(await kit.browser("127.0.0.1").signIn("bob"), { status: 303 }, "nobody waits for others");
  const last = (await kit.events("user_login_attempt")).at(-1);
  t.equal(last?.client_ip, undefined);
  t.match(last, { app: { ip: "127.0.0.1" } });
});

await t.test("WEB-05 A02: a form that isn't one gets 400, and is one attempt", async (t) => {
  const kit = await openPortal(t);
  const browser = kit.browser();
  await browser.get("/sign-in");
  const good = `token=${browser.token}&username=bob&password=right&code=`;
  const bad = [
    "",
    "username=bob",
    good.replace("&code=", ""),
    `${good}&username=alice`,
    `${good}&code=`,
    `${good}&other=1`,
    `${good}&__proto__=1`,
    `${good}&constructor=1`,
    good.replace("username=", "username[]="),
    good.replace("bob", "bob%00"),
    good.replace("bob", "%ff"),
    good.replace("bob", "a%0d%0ab"),
    good.replace("right", "a=b"),
    good.replace("right", "x".repeat(1_025)),
    `{"username":["a","b"]}`,
  ];
  for (const [at, body] of bad.entries()) {
    t.equal((await browser.send("/sign-in", body)).status, 400, body.slice(0, 100));
    const events = await kit.events("user_login_attempt");
    t.equal(events.length, at + 1);
    t.match(events.at(-1), { success: false, reason: "malformed-credentials" });
  }
  t.match(await browser.send("/sign-in", good), { status: 303 }, "the good one still works");
});

await t.test("A02 A04: other kinds of bodies and too long ones are refused", async (t) => {
  const kit = await openPortal(t);
  const browser = kit.browser();
  await browser.get("/sign-in");
  const json = `{"token":"${browser.token}","username":"bob","password":"right","code":""}`;
  for (const type of ["text/plain", "application/json", "multipart/form-data; boundary=x", "x/y"]) {
    const headers = { origin: PUBLIC_URL, "content-type": type };
    t.equal((await browser.send("/sign-in", json, headers)).status, 415, type);
  }
  t.equal((await browser.send("/sign-in", "x".repeat(20_000))).status, 413);
  t.equal((await browser.send("/sign-out", "x".repeat(20_000))).status, 413);
  t.equal((await kit.events("user_login_attempt")).length, 5, "a sign-in each, or none");
  t.same(kit.log.lines, [], "none of it is a fault");
});

await t.test("A04: another page's form is refused, whatever it brings", async (t) => {
  const { kit, browser } = await signedIn(t);
  await browser.get("/account");
  const own = { token: browser.token };
  const stranger = kit.browser();
  await stranger.get("/sign-in");
  const forged: [string, Readonly<Record<string, string>>, Readonly<Record<string, string>>][] = [
    ["another origin", own, { origin: "https://evil.example" }],
    ["no origin at all", own, {}],
    ["the origin of a sandbox", own, { origin: "null" }],
    ["http", own, { origin: "http://mfa.example.org" }],
    ["another port", own, { origin: `${PUBLIC_URL}:8443` }],
    ["a cross-site navigation", own, { origin: PUBLIC_URL, "sec-fetch-site": "cross-site" }],
    ["a sister site", own, { origin: PUBLIC_URL, "sec-fetch-site": "same-site" }],
    ["no token", { token: "" }, { origin: PUBLIC_URL }],
    ["a visitor's token", { token: stranger.token }, { origin: PUBLIC_URL }],
  ];
  for (const [what, fields, headers] of forged) {
    const page = await browser.send("/sign-out", fields, headers);
    t.equal(page.status, 403, what);
    t.match(textOn(page), "This page is out of date");
  }
  t.equal((await browser.get("/account")).status, 200, "still signed in");
  t.ok(isOut(await browser.send("/sign-out", own, { "sec-fetch-site": "same-origin" })));
});

await t.test(
  "a link from elsewhere signs nobody out: the browser asks again from here",
  async (t) => {
    const kit = await openPortal(t);
    for (const path of ["/", "/sign-in", "/account", "/enrol"]) {
      // Without the cookie, which another site's link doesn't bring.
      const answer = await kit.app.inject({
        url: path,
        headers: { "sec-fetch-site": "cross-site" },
      });
      t.equal(answer.statusCode, 200, path);
      t.equal(answer.headers["set-cookie"], undefined, "the browser keeps what it has");
      t.equal(answer.headers["refresh"], `0; url=${path}`);
      t.notMatch(answer.body, /<form/);
      const again = await kit.app.inject({
        url: path,
        headers: { "sec-fetch-site": "same-origin" },
      });
      t.equal(again.headers["refresh"], undefined, "once");
    }
  },
);

await t.test("A04: nobody can be signed in as somebody else by a foreign form", async (t) => {
  const kit = await openPortal(t);
  const [attacker, victim] = [kit.browser(), kit.browser()];
  await attacker.get("/sign-in");
  await victim.get("/sign-in");
  const fields = { token: attacker.token, username: "bob", password: "right", code: "" };
  t.equal((await victim.send("/sign-in", fields)).status, 403);
  t.equal((await kit.events("user_login_attempt")).length, 0, "nobody was asked about it");
});

await t.test("a fault of our own is a page with a number, and nothing from inside", async (t) => {
  const { kit, browser } = await signedIn(t);
  kit.lookup = new Error("secret detail");
  const page = await browser.get("/account");
  t.equal(page.status, 500);
  t.match(textOn(page), /Something is wrong here .* req-/);
  t.notMatch(page.body, "secret detail");
  t.equal(kit.log.lines.at(-1)?.message, "a request to the portal failed");
});

await t.test("one address signs in so often a minute, an IPv6 network as one", async (t) => {
  const kit = await openPortal(t);
  const from = async (address: string): Promise<number> =>
    (await kit.browser(address).send("/sign-in", "")).status;
  for (let i = 0; i < 100; i += 1) t.equal(await from(`2001:db8::${i.toString(16)}`), 400);
  const limited = await kit.browser("2001:db8::ffff").send("/sign-in", "");
  t.match(limited, { status: 429, headers: { "retry-after": /^\d+$/ } });
  t.match(textOn(limited), "Too many attempts");
  t.equal(await from("2001:db8:0:1::1"), 400);
});

await t.test("A07: names are shown as text, and nothing inline may run", async (t) => {
  const kit = await openPortal(t);
  const page = await kit.browser().signIn('<script>alert("x")</script>', "", "wrong");
  t.match(page.body, 'value="&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;"');
  t.notMatch(page.body, /<style| style=|<script>| on[a-z]+="/);
  t.equal(
    page.headers["content-security-policy"],
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
      "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  );
  t.match(page.headers, {
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
});

await t.test("A01 WEB-01: everything but the sign-in asks for a session first", async (t) => {
  const kit = await openPortal(t);
  const pages = ["/account", "/enrol", "/enrol/scan", "/enrol/code", "/replace", "/recovery-codes"];
  for (const path of pages) t.ok(isOut(await kit.browser().get(path)), path);
  const forms: [string, Readonly<Record<string, string>>][] = [
    ["/enrol", {}],
    ["/enrol/code", { code: "123456" }],
    ["/replace", { password: "right", code: "123456" }],
    ["/recovery-codes", { password: "right", code: "123456" }],
    ["/sign-out", {}],
    ["/sign-out-everywhere", {}],
  ];
  for (const [path, fields] of forms) {
    const browser = kit.browser();
    await browser.get("/sign-in");
    t.ok(isOut(await browser.post(path, fields)), path);
  }
  t.same(await kit.store.events({ limit: 10 }), []);
});

await t.test("A09: no path leads to a file but style and script", async (t) => {
  const kit = await openPortal(t);
  for (const path of [
    "/assets/",
    "/assets/pages.css",
    "/assets/..%2fpages.css",
    "/assets/%2e%2e/html.ts",
    "/assets//etc/passwd",
    "/sign-in/",
    "/SIGN-IN",
    "/account%00",
  ]) {
    t.equal((await kit.browser().get(path)).status, 404, path);
  }
});

await t.test("style and script are kept for good, under a path of their own content", async (t) => {
  const kit = await openPortal(t);
  const { body } = await kit.browser().get("/sign-in");
  const paths = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  t.equal(paths.length, 2);
  for (const path of paths) {
    const { status, headers } = await kit.browser().get(path ?? "");
    t.equal(status, 200);
    t.match(headers["cache-control"], "immutable");
    t.match(headers["content-type"], /^text\/(css|javascript); charset=utf-8$/);
  }
});
