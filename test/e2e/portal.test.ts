// A person's way to a second factor, in a real Chromium at a real gateway with a real directory; then
// the login that it is for, over RADIUS.

import { once } from "node:events";
import { createServer } from "node:http";

import t, { type Test } from "tap";

import { codeFor, radclient } from "../support/gateway.ts";
import { ask } from "../support/http.ts";
import { operatorOf } from "../support/operator.ts";
import {
  expectUsable,
  openPage,
  type PortalGateway,
  readKey,
  readQr,
  signIn,
  startBrowser,
  startPortalGateway,
} from "../support/portal-browser.ts";
import { startSlapd } from "../support/slapd.ts";

t.setTimeout(120_000);

const slapd = await startSlapd();
t.teardown(() => slapd.stop());
const browser = await startBrowser(t);
const gateway = await startPortalGateway(t, { directory: slapd.url, logLevel: "debug" });
const operator = operatorOf(gateway);

await t.test("E09 T07 T18 T19: three steps in a browser, then a login over RADIUS", async (t) => {
  t.equal(gateway.command("user", "require", "alice", "--days", "7").status, 0);
  const page = await openPage(t, browser);
  await page.goto(gateway.url);
  t.match(page.url(), /\/sign-in$/, "a link alone shows the sign-in");
  await expectUsable(t, page);
  await signIn(page, gateway, "alice", "wrong-password");
  await expectUsable(t, page);
  t.match(await page.getByRole("alert").innerText(), "That didn't work.");
  await signIn(page, gateway, "alice", "alice-password");

  t.equal(await page.locator("h1").innerText(), "Set up your second factor: 7 days left");
  await expectUsable(t, page);
  await page.getByRole("button", { name: "I have an app" }).click();

  const key = await readKey(page);
  t.equal(key.length, 20);
  await expectUsable(t, page);
  const uri = new URL(await readQr(page));
  t.match(uri.href, /^otpauth:\/\/totp\/Tests:alice\?/);
  const shown = (await page.locator("#key").innerText()).replaceAll(" ", "");
  t.equal(uri.searchParams.get("secret"), shown, "the picture and the key are the same");
  await page.reload();
  t.ok((await readKey(page)).equals(key), "also after a reload");
  await page.getByRole("link", { name: "Next" }).click();

  await expectUsable(t, page);
  await page.keyboard.type(codeFor(key, 7));
  await page.getByRole("alert").waitFor();
  await expectUsable(t, page);
  const code = codeFor(key);
  await page.keyboard.type(code);
  await page.getByRole("heading", { name: "You are set up" }).waitFor();
  await expectUsable(t, page);
  const [recovery = ""] = await page.locator("#codes li").allInnerTexts();

  const field = (typed: string): string => `alice-password,${typed}`;
  t.equal((await radclient(gateway, "alice", field(code))).code, "Access-Reject", "used up");
  t.equal((await radclient(gateway, "alice", field(codeFor(key, 1)))).code, "Access-Accept");

  await page.getByRole("link", { name: "I have kept them" }).click();
  t.equal(await page.locator("h1").innerText(), "Your account");
  t.match(await page.locator("main").innerText(), /You signed in at vpn/);
  await expectUsable(t, page);
  for (const name of ["Move to another app", "Make new recovery codes"]) {
    await page.getByRole("link", { name }).click();
    t.equal(await page.locator("h1").innerText(), "Confirm that it's you");
    await expectUsable(t, page);
    await page.getByRole("link", { name: "Cancel" }).click();
  }
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${gateway.url}/account`);
  t.match(page.url(), /\/sign-in$/);

  await signIn(page, gateway, "alice", "alice-password");
  t.match(await page.getByRole("alert").innerText(), "That didn't work.", "without a code: no");
  await signIn(page, gateway, "alice", "alice-password", recovery);
  t.equal(await page.locator("h1").innerText(), "Your account");

  await t.test("A05: an administrator's reset ends the session", async (t) => {
    t.equal(gateway.command("token", "reset", "alice", "--days", "7").status, 0);
    await page.reload();
    t.match(page.url(), /\/sign-in$/);
    await signIn(page, gateway, "alice", "alice-password");
    t.equal(await page.locator("h1").innerText(), "Set up your second factor: 7 days left", "P15");
  });

  await t.test("A12: what was shown once, or typed, stands in no event and no log", async (t) => {
    const kept = gateway.output() + JSON.stringify(operator.events());
    for (const secret of [shown, key.toString("hex"), code, recovery, "alice-password"]) {
      t.notOk(kept.includes(secret), secret);
    }
    t.match(gateway.output(), "can enrol in their place", "A warning at the start");
  });
});

await t.test("the same without JavaScript, in the dark", async (t) => {
  const page = await openPage(t, browser, { javaScriptEnabled: false, colorScheme: "dark" });
  await signIn(page, gateway, "bob", "hello");
  await page.getByRole("button", { name: "I have an app" }).click();
  const key = await readKey(page);
  await page.getByRole("link", { name: "Next" }).click();
  await page.getByLabel("Six-digit code").fill(codeFor(key));
  await page.getByRole("button", { name: "Finish" }).click();
  await page.getByRole("heading", { name: "You are set up" }).waitFor();
  t.equal((await radclient(gateway, "bob", `hello,${codeFor(key, 1)}`)).code, "Access-Accept");
});

await t.test("in the dark nothing loses its contrast", async (t) => {
  const page = await openPage(t, browser, { colorScheme: "dark" });
  await signIn(page, gateway, "nobody", "wrong");
  await expectUsable(t, page);
  await signIn(page, gateway, "jürgen", "jürgen-password");
  await expectUsable(t, page);
});

await t.test("a gateway killed in the middle leaves nobody half enrolled", async (t) => {
  const page = await openPage(t, browser);
  await signIn(page, gateway, "carol", "carol-password");
  await page.getByRole("button", { name: "I have an app" }).click();
  const key = await readKey(page);
  await gateway.stop("SIGKILL");
  await gateway.start();
  t.notMatch(gateway.command("token", "list").stdout, "carol");
  await page.reload();
  t.match(page.url(), /\/sign-in$/, "the session went with the process, and the key with it");
  await signIn(page, gateway, "carol", "carol-password");
  await page.getByRole("button", { name: "I have an app" }).click();
  t.notOk((await readKey(page)).equals(key), "the key is never shown again");
  const started = operator.events("--user", "carol", "--type", "totp_start_enrollment");
  t.equal(started.length, 2);
});

/** One sign-in by a program that behaves as a browser does; its status. */
async function signInBy(
  { url, ca }: PortalGateway,
  fields: Readonly<Record<string, string>>,
): Promise<number> {
  const shown = await ask(`${url}/sign-in`, { ca });
  const [cookie = ""] = shown.headers["set-cookie"]?.[0]?.split(";") ?? [];
  const token = /name="token" value="([^"]+)"/.exec(shown.body)?.[1] ?? "";
  const content = new URLSearchParams({ token, ...fields }).toString();
  const type = "application/x-www-form-urlencoded";
  const headers = { cookie, origin: url, "content-type": type };
  return (await ask(`${url}/sign-in`, { ca, method: "POST", headers, content })).status;
}

await t.test("O03 E02: one code at two doors at once is accepted once", async (t: Test) => {
  const secret = operator.enroll("mallory");
  const code = codeFor(secret);
  const password = "mallory-password";
  const fields = { username: "mallory", password, code };
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => [
      radclient(gateway, "mallory", `${password},${code}`).then((reply) => reply.code),
      signInBy(gateway, fields),
    ]).flat(),
  );
  const accepted = answers.filter((answer) => answer === "Access-Accept" || answer === 303);
  t.equal(accepted.length, 1, answers.join(" "));
});

await t.test("T18: following a link from elsewhere signs nobody out", async (t) => {
  const page = await openPage(t, browser);
  // By another name the loopback is another site.
  const mail = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<a href="${gateway.url}/">to the portal</a>`);
  }).listen(0, "127.0.0.1");
  t.teardown(() => mail.close());
  await once(mail, "listening");
  const address = mail.address();
  const port = typeof address === "object" ? address?.port : undefined;
  await signIn(page, gateway, "carol", "carol-password");
  await page.getByRole("link", { name: "Not now" }).click();
  await page.goto(`http://localhost:${port}/`);
  await page.getByRole("link").click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
});

await t.test("T20: a wrong password and a wrong code take the same time", async (t) => {
  const secret = operator.enroll("mallory");
  const tries = [
    { username: "mallory", password: "wrong", code: codeFor(secret) },
    { username: "mallory", password: "mallory-password", code: codeFor(secret, 9) },
    { username: "mallory", password: "mallory-password", code: "" },
    { username: "nobody-at-all", password: "wrong", code: "" },
  ];
  const times = await Promise.all(
    tries.map(async (fields) => {
      const startedAt = performance.now();
      t.equal(await signInBy(gateway, fields), 403);
      return performance.now() - startedAt;
    }),
  );
  for (const ms of times) t.ok(ms >= 1_000 && ms < 2_000, `${ms} ms`);
});
