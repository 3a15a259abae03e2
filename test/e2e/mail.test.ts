// T17, T18: mails as people get them, from a gateway that is a process of its own with a clock that the
// test moves, slapd behind it, a mail server beside it.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import t from "tap";

import { radclient } from "../support/gateway.ts";
import { startWithClock } from "../support/gateway-clock.ts";
import { startMailServer } from "../support/mail-server.ts";
import { operatorOf } from "../support/operator.ts";
import { startSlapd } from "../support/slapd.ts";

t.setTimeout(200_000);

const DAY_S = 86_400;
const PASSWORD = "the-password-of-the-mail-server";
const login = { user: "gatehouse", password: PASSWORD };
const [slapd, server] = await Promise.all([startSlapd({ users: 30 }), startMailServer({ login })]);
const { gateway, setClock } = await startWithClock(
  t.testdir(),
  {
    directory: slapd.url,
    logLevel: "debug",
    more: `mail:
  smtp: "smtp://127.0.0.1:${server.port}"
  from: "Gatehouse <mfa@example.org>"
  user: gatehouse
  password: { value: ${PASSWORD} }
admin: { listen: "127.0.0.1:0", tls: none, public_url: "https://mfa.example.org" }
`,
  },
  "+0",
);
t.teardown(async () => {
  await gateway.end();
  await Promise.all([slapd.stop(), server.stop()]);
});
const { events } = operatorOf(gateway);

function demand(...args: string[]): void {
  const { status, stderr } = gateway.command("user", "require", ...args);
  if (status !== 0) throw new Error(stderr);
}

/** Subjects in the order in which they came. */
const subjects = (uid: string): (string | undefined)[] =>
  server
    .taken()
    .filter(({ to }) => to[0] === `${uid}@example.org`)
    .map(({ headers }) => headers["subject"]);

for (const uid of ["alice", "bob", "u000001", "u000002"]) {
  slapd.change(uid, "mail", `${uid}@example.org`);
}
slapd.change("carol", "mail", "carol@example.org\r\nBcc: eve@example.org");
slapd.change("mallory", "mail", "mallory@example.org, eve@example.org");

await t.test("T17 T18: user require, and the mail arrives with deadline and link", async (t) => {
  demand("alice", "--days", "7");
  const [mail] = await server.takenAtLeast(1);
  t.match(mail, { from: "mfa@example.org", to: ["alice@example.org"], login: "gatehouse" });
  t.match(mail?.headers, {
    from: "Gatehouse <mfa@example.org>",
    subject: /^Tests: set up your second factor by \w+ \d+ \w+ \d{4}, \d\d:\d\d UTC$/,
  });
  const shown: { requirementUntil: string } = JSON.parse(
    gateway.command("user", "show", "alice", "--json").stdout,
  );
  const until = new Date(shown.requirementUntil);
  const clock = until.toISOString().slice(11, 16);
  t.match(mail?.text, new RegExp(`You have 7 days to set it up, until\n.*, ${clock} UTC\\.`));
  t.match(mail?.text, "\nhttps://mfa.example.org\n");
  t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Accept");
});

await t.test("an address that is more than one, or a header, gets nothing", async (t) => {
  for (const uid of ["carol", "mallory", "u000000"]) demand(uid);
  while (events("--type", "mail_delivery_failed").length < 3) await wait(200);
  t.same(
    events("--type", "mail_delivery_failed").map(({ username, details }) => [
      username,
      details?.["problem"],
    ]),
    [
      ["carol", "unusable-address"],
      ["mallory", "unusable-address"],
      ["u000000", "no-address"],
    ],
  );
  t.equal(server.taken().length, 1);
});

await t.test("the reminder comes once, over restarts and jumps of the clock", async (t) => {
  setClock(`+${6 * DAY_S + 60}`);
  await server.takenAtLeast(2);
  const until = 7 * DAY_S;
  await gateway.stop();
  setClock("+0");
  await gateway.start();
  setClock(`+${until - 3_600}`);
  await wait(6_000);
  await gateway.stop("SIGKILL");
  await gateway.start();
  await wait(6_000);
  t.match(subjects("alice"), [/set up/, /^Tests: 24 hours left to set up your second factor$/]);
  t.match(events("--type", "user_mfa_enrollment_reminder_email"), [{ username: "alice" }]);
});

await t.test("the notice of the end comes once, and whoever has enrolled gets none", async (t) => {
  demand("bob", "--days", "1");
  await server.takenAtLeast(3);
  gateway.command("token", "enroll", "bob");
  setClock(`+${8 * DAY_S}`);
  await server.takenAtLeast(4);
  await gateway.stop();
  await gateway.start();
  await wait(6_000);
  t.match(subjects("alice"), [/set up/, /24 hours/, /is over$/]);
  t.match(subjects("bob"), [/set up/]);
  t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Reject");
});

await t.test(
  "a mail server that is down, or hangs, holds up nobody; then the mail comes",
  async (t) => {
    const before = server.taken().length;
    await server.kill();
    const startedAt = performance.now();
    demand("u000001");
    t.ok(performance.now() - startedAt < 3_000, "no command waits");
    await gateway.logged(/mail server fails/);
    t.equal((await radclient(gateway, "u000001", "pw-u000001")).code, "Access-Accept");
    await gateway.stop();
    await gateway.start();
    await server.start();
    await server.takenAtLeast(before + 1);
    server.pause();
    demand("u000002");
    await wait(6_000);
    t.equal((await radclient(gateway, "u000002", "pw-u000002")).code, "Access-Accept");
    const stoppedAt = performance.now();
    t.equal(await gateway.stop(), 0);
    t.ok(performance.now() - stoppedAt < 5_000, "no stop waits for long");
    server.resume();
    await gateway.start();
    await server.takenAtLeast(before + 2);
    t.match(subjects("u000002"), [/set up/]);
  },
);

await t.test(
  "killed after the server took a mail: it comes once more, and never again",
  async (t) => {
    slapd.change("u000003", "mail", "u000003@example.org");
    server.setMute(true);
    demand("u000003");
    while (subjects("u000003").length < 1) await wait(20);
    await gateway.stop("SIGKILL");
    server.setMute(false);
    setClock(`+${8 * DAY_S + 120}`);
    await gateway.start();
    while (subjects("u000003").length < 2) await wait(20);
    setClock(`+${8 * DAY_S + 4_000}`);
    await wait(6_000);
    t.equal(subjects("u000003").length, 2);
    const ids = server
      .taken()
      .filter(({ to }) => to[0] === "u000003@example.org")
      .map(({ headers }) => headers["message-id"]);
    t.equal(new Set(ids).size, 1, "and both are known as the same");
  },
);

await t.test("T27: texts of the administrators' own are used after a reload", async (t) => {
  slapd.change("u000004", "mail", "u000004@example.org");
  const folder = join(gateway.folder, "texts");
  mkdirSync(folder);
  writeFileSync(join(folder, "enrolment-begins.txt"), "Subject: Los, {username}\n\n{portal}\n");
  const before = readFileSync(gateway.configPath, "utf8");
  const after = before.replace("  user: gatehouse\n", "  user: gatehouse\n  templates: texts\n");
  writeFileSync(gateway.configPath, after);
  t.equal(gateway.command("reload").status, 0);
  demand("u000004");
  while (subjects("u000004").length < 1) await wait(20);
  t.same(subjects("u000004"), ["Los, u000004"]);
  t.equal(server.taken().at(-1)?.text.trim(), "https://mfa.example.org");
});

await t.test("neither a mail nor the log holds a secret", async (t) => {
  const all = server
    .taken()
    .map(({ content }) => content)
    .join("\n");
  for (const secret of [PASSWORD, Buffer.from(PASSWORD).toString("base64"), "alice-password"]) {
    t.notOk(all.includes(secret));
    t.notOk(gateway.output().includes(secret));
  }
  t.notMatch(all, /otpauth|[?&#](token|code|key)=/);
  t.match(gateway.command("events", "--verify").stdout, /whole/);
});

await t.test("check --connect says whether the mail server would take mail", async (t) => {
  const line = new RegExp(
    `✓ mail smtp://127\\.0\\.0\\.1:${server.port}: answers, in clear, and gatehouse`,
  );
  t.match(gateway.command("check", "--connect").stdout, line);
  await server.kill();
  t.match(gateway.command("check", "--connect").stdout, /! mail smtp:.*ECONNREFUSED/);
});
