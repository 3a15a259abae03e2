// What happens around logins while a gateway lives: ports that are taken, files that change, reloads
// under load, clocks that jump (by libfaketime, for this process alone), a disk that fails (by strace).

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import t from "tap";

import { decodeBase32 } from "../../src/lib/base32.ts";
import {
  codeFor,
  radclient,
  SHARED_SECRET,
  startGateway,
  type TestGateway,
} from "../support/gateway.ts";
import { startWithClock } from "../support/gateway-clock.ts";
import { createRadiusClient } from "../support/radius-client.ts";
import { startSlapd } from "../support/slapd.ts";

t.setTimeout(280_000);

const LOOPS = 20;
const slapd = await startSlapd({ users: LOOPS });
t.teardown(() => slapd.stop());
const PASSWORD_ONLY = ["mfa: disabled", 'mfa_exception: { reason: test, until: "2099-12-31" }'];

const CODES_ONLY = { directory: slapd.url, client: ["code: append"] };

function enroll(gateway: TestGateway, user: string): Buffer {
  const { status, stdout, stderr } = gateway.command("token", "enroll", user, "--json");
  if (status !== 0) throw new Error(stderr);
  const { secret }: { secret: string } = JSON.parse(stdout);
  return decodeBase32(secret) ?? Buffer.alloc(0);
}

function eventCount(gateway: TestGateway, ...filters: string[]): number {
  const { stdout } = gateway.command("events", "--json", "--limit", "1000", ...filters);
  return stdout.split("\n").filter((line) => line !== "").length;
}

await t.test(
  "C05: a port that is taken: the second gateway ends and says who has it",
  async (t) => {
    const gateway = await startGateway({ directory: slapd.url, client: PASSWORD_ONLY });
    t.teardown(() => gateway.end());
    const listen = `127.0.0.1:${gateway.port}`;
    await t.rejects(
      startGateway({ directory: slapd.url, client: PASSWORD_ONLY, listen }),
      /radius\.listen 127\.0\.0\.1:\d+: the port is in use; stop the program that has it/,
    );
    t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Accept");
  },
);

await t.test(
  "C09: a reload with an error: the old configuration stays, and it is told",
  async (t) => {
    const gateway = await startGateway({ directory: slapd.url, client: PASSWORD_ONLY });
    t.teardown(() => gateway.end());
    const good = readFileSync(gateway.configPath, "utf8");
    writeFileSync(gateway.configPath, good.replace("totp:", "topt:"));
    const bad = gateway.command("reload");
    t.equal(bad.status, 2, bad.stderr);
    t.match(bad.stderr, /gatehouse\.yaml:\d+:\d+ topt: .*totp/);
    const shown = gateway.command("health");
    t.equal(shown.status, 0, "operators reach the gateway that runs");
    t.match(shown.stderr, /mistakes; the gateway goes on with an older one/);
    writeFileSync(gateway.configPath, `${good}\n\t"`);
    t.equal(gateway.command("events").status, 0, "also with a file that is no YAML");
    // Watching its files, the gateway finds it by itself too.
    await gateway.logged(/the configuration is wrong: the old one stays/);
    t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Accept");

    writeFileSync(gateway.configPath, good.replace("mfa: disabled", "mfa: required"));
    const mended = gateway.command("reload");
    t.equal(mended.status, 0, mended.stderr);
    t.ok(eventCount(gateway, "--type", "config_reload", "--failed") > 0, "the alarm is kept");
    t.ok(eventCount(gateway, "--type", "config_reload", "--success") > 0);
    t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Reject");
  },
);

await t.test("C10: a reload in the middle of logins: every one of them is finished", async (t) => {
  const gateway = await startGateway({ directory: slapd.url, client: PASSWORD_ONLY });
  t.teardown(() => gateway.end());
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const reload = spawn(process.execPath, [main, "reload", "--config", gateway.configPath]);
  let isRunning = true;
  const reloaded = once(reload, "exit").then(([status]) => {
    isRunning = false;
    t.equal(status, 0);
  });
  const client = createRadiusClient(gateway.port, SHARED_SECRET);
  const replies: string[] = [];
  // One person each: somebody with many attempts at a time would be refused.
  const keepLoggingIn = async (_: unknown, index: number): Promise<void> => {
    const name = `u${String(index).padStart(6, "0")}`;
    while (isRunning) replies.push(await client.login(name, `pw-${name}`));
  };
  await Promise.all([reloaded, ...Array.from({ length: LOOPS }, keepLoggingIn)]);
  client.giveUp();
  t.ok(replies.length > 100, `${replies.length} logins`);
  t.same([...new Set(replies)], ["accept"]);
  await gateway.logged(/configuration reloaded/);
});

await t.test(
  "O15: the clock goes back and forth: no used code revives, and an alarm",
  async (t) => {
    const { gateway, setClock } = await startWithClock(t.testdir(), CODES_ONLY, "+0");
    t.teardown(() => gateway.end());
    const key = enroll(gateway, "alice");
    const login = async (steps: number): Promise<string> =>
      (await radclient(gateway, "alice", `alice-password,${codeFor(key, steps)}`)).code;
    t.equal(await login(0), "Access-Accept");
    setClock("-300");
    t.equal(await login(-10), "Access-Reject", "five minutes back: a step before the last");
    t.equal(await login(0), "Access-Reject", "and the used one");
    await gateway.logged(/the clock jumped/);
    setClock("+3600");
    t.equal(await login(120), "Access-Accept", "an hour ahead");
    setClock("+0");
    t.equal(await login(1), "Access-Reject", "everything up to that hour is dead");
    t.ok(eventCount(gateway, "--type", "clock_skew_detected") > 0);
  },
);

await t.test(
  "C11: a clock before the last event is told; before 2026, no code counts",
  async (t) => {
    const { gateway, setClock } = await startWithClock(t.testdir(), CODES_ONLY, "+0");
    t.teardown(() => gateway.end());
    const key = enroll(gateway, "alice");
    await gateway.stop();
    setClock("-7200");
    await gateway.start();
    await gateway.logged(/the clock jumped/);
    await gateway.stop();
    setClock("-3650d");
    await gateway.start();
    const field = `alice-password,${codeFor(key, 0)}`;
    t.not((await radclient(gateway, "alice", field)).code, "Access-Accept");
    t.ok(eventCount(gateway, "--reason", "clock-unreliable") > 0);
    await gateway.stop();
    setClock("+0");
    await gateway.start();
    const fresh = `alice-password,${codeFor(key, 0)}`;
    t.equal((await radclient(gateway, "alice", fresh)).code, "Access-Accept", "nothing was burnt");
  },
);

await t.test("S12: a backup comes back after a crash, and no code of before works", async (t) => {
  const gateway = await startGateway({ directory: slapd.url, client: ["code: append"] });
  t.teardown(() => gateway.end());
  const key = enroll(gateway, "alice");
  const field = (steps: number): string => `alice-password,${codeFor(key, steps)}`;
  const backup = join(gateway.folder, "backup.db");
  t.equal(gateway.command("backup", backup).status, 0);
  t.equal(gateway.command("token", "reset", "alice").status, 0);
  t.match(gateway.command("restore", backup).stderr, /a gateway is running/);
  await gateway.stop("SIGKILL");

  const store = join(gateway.folder, "data/gatehouse.db");
  t.match(gateway.command("restore", backup).stderr, /gatehouse\.db exists: move the store away/);
  renameSync(store, `${store}.old`);
  const half = gateway.command("restore", backup);
  t.match(half, { status: 1, stderr: /gatehouse\.db-wal exists: move the store away/ });
  for (const end of ["-wal", "-shm"]) renameSync(`${store}${end}`, `${store}.old${end}`);
  t.match(gateway.command("restore", backup), { status: 0, stdout: /Restored, with 3 events/ });
  await gateway.start();
  t.equal((await radclient(gateway, "alice", field(0))).code, "Access-Reject");
  t.equal((await radclient(gateway, "alice", field(1))).code, "Access-Accept");
  t.equal(gateway.command("events", "--verify").status, 0);
});

await t.test("LOG-06: a fault nobody caught is a line of the log and an end with 1", async (t) => {
  const folder = t.testdir();
  const fault = join(folder, "fault.mjs");
  const now = join(folder, "now");
  writeFileSync(
    fault,
    `import { existsSync } from "node:fs";
     import { isMainThread } from "node:worker_threads";
     const look = () => { if (existsSync("${now}")) throw new Error("a fault"); };
     if (isMainThread) setInterval(look, 50).unref();`,
  );
  const under = ["/usr/bin/env", `NODE_OPTIONS=--import=${fault}`];
  const gateway = await startGateway({ directory: slapd.url, client: PASSWORD_ONLY, under });
  t.teardown(() => gateway.end());
  writeFileSync(now, "");
  await gateway.logged(/"message":"a fault".*a fault of Gatehouse's own ends it/);
  await gateway.logged(/Node\.js v/);
  rmSync(now);
  t.equal(gateway.command("health").status, 1, "it is gone");
  await gateway.start();
  t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Accept");
});

await t.test(
  "S01 S03: the disk fails at one sync: no accept, and it recovers or ends",
  async (t) => {
    // Each write-ahead commit ends in one fdatasync; from the 12th on a few fail.
    const inject = [
      "-e",
      "trace=fdatasync,fsync",
      "-e",
      "inject=fdatasync,fsync:error=EIO:when=12..16",
    ];
    const under = ["/usr/bin/strace", "-D", "-f", "-o", "/dev/null", ...inject];
    const gateway = await startGateway({ directory: slapd.url, client: PASSWORD_ONLY, under });
    t.teardown(() => gateway.end());
    const replies: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      replies.push((await radclient(gateway, "alice", "alice-password")).code);
    }
    const accepted = replies.filter((code) => code === "Access-Accept").length;
    t.ok(accepted < replies.length, `${accepted} of ${replies.length} accepted`);
    t.equal(replies.at(-1), "Access-Accept", "a good login works again");
    const recorded = eventCount(gateway, "--success", "--type", "radius_auth_attempt");
    t.ok(recorded >= accepted, `${recorded} events for ${accepted} accepts`);
  },
);
