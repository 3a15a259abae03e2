// OTP-14: recovery codes as people use them, over both doors, with the gateway as a process of its own,
// slapd behind it, radclient and OpenLDAP's tools in front.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { decodeBase32 } from "../../src/lib/base32.ts";
import { codeFor, radclient } from "../support/gateway.ts";
import { dnOf, startLdapGateway } from "../support/ldap-gateway.ts";

const { gateway, url, whoami, events } = await startLdapGateway(t, { ldaps: [], other: [] });
const ldaps = url("ldaps", "ldaps");
const INVALID_CREDENTIALS = 49;

interface Enrolled {
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

function enroll(user: string): Enrolled {
  const { stdout } = gateway.command("token", "enroll", user, "--json", "--replace");
  const enrolled: Enrolled = JSON.parse(stdout);
  return enrolled;
}

const show = (user: string): string => gateway.command("user", "show", user).stdout;

await t.test(
  "a recovery code is accepted once over RADIUS, appended or as an answer",
  async (t) => {
    const [first = "", second = ""] = enroll("alice").recoveryCodes;
    const field = `alice-password,${first}`;
    t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
    t.equal((await radclient(gateway, "alice", field)).code, "Access-Reject", "the second time");
    const challenge = await radclient(gateway, "alice", "alice-password");
    const state = [`State = ${challenge.state ?? ""}`];
    t.equal((await radclient(gateway, "alice", second, state)).code, "Access-Accept");
    const again = await radclient(gateway, "alice", "alice-password");
    const newState = [`State = ${again.state ?? ""}`];
    t.equal((await radclient(gateway, "alice", second, newState)).code, "Access-Reject");
    t.match(show("alice"), /recovery codes +8 left/);
    t.same(
      events("--user", "alice", "--type", "recovery_code_used").map(({ details }) => details),
      [{ remaining: 9 }, { remaining: 8 }],
    );
    t.equal(events("--user", "alice", "--reason", "mfa-code-replayed").length, 2);
  },
);

await t.test("a recovery code is accepted once over LDAP, and then nowhere", async (t) => {
  const [first = "", second = ""] = enroll("bob").recoveryCodes;
  t.match(await whoami(ldaps, dnOf("bob"), `hello,${first}`), {
    code: 0,
    stdout: `dn:${dnOf("bob")}\n`,
  });
  t.equal((await whoami(ldaps, dnOf("bob"), `hello,${first}`)).code, INVALID_CREDENTIALS);
  const other = url("ldaps", "other");
  t.equal((await whoami(other, dnOf("bob"), `hello,${first}`)).code, INVALID_CREDENTIALS);
  t.equal((await radclient(gateway, "bob", `hello,${first}`)).code, "Access-Reject");
  t.equal((await radclient(gateway, "bob", `hello,${second}`)).code, "Access-Accept");
  t.equal((await whoami(ldaps, dnOf("bob"), `hello,${second}`)).code, INVALID_CREDENTIALS);
});

await t.test(
  "twenty parallel uses of one recovery code, over both doors: one accept",
  async (t) => {
    const { recoveryCodes, secret } = enroll("carol");
    const field = `carol-password,${recoveryCodes[0] ?? ""}`;
    const tries = Array.from({ length: 10 }, async () => [
      (await radclient(gateway, "carol", field)).code === "Access-Accept",
      (await whoami(ldaps, dnOf("carol"), field)).code === 0,
    ]);
    const accepted = (await Promise.all(tries)).flat().filter(Boolean);
    t.equal(accepted.length, 1);
    t.match(show("carol"), /recovery codes +9 left/);
    t.notMatch(show("carol"), /locked/i, "and nobody is locked");
    const code = codeFor(decodeBase32(secret) ?? Buffer.alloc(0));
    const own = await radclient(gateway, "carol", `carol-password,${code}`);
    t.equal(own.code, "Access-Accept", "the app's codes go on");
  },
);

await t.test(
  "new codes outlive a new master key and a restart, and end with a reset",
  async (t) => {
    const [old = ""] = enroll("u000001").recoveryCodes;
    const renewed = gateway.command("token", "recovery", "u000001", "--json");
    const { recoveryCodes }: Enrolled = JSON.parse(renewed.stdout);
    const [first = "", second = "", third = "", fourth = ""] = recoveryCodes;
    const logIn = async (code: string): Promise<string> =>
      (await radclient(gateway, "u000001", `pw-u000001,${code}`)).code;
    t.equal(await logIn(old), "Access-Reject");
    t.equal(await logIn(first), "Access-Accept");
    const newKey = `${Buffer.alloc(32, 8).toString("base64")}\n`;
    const newKeyPath = join(gateway.folder, "new.key");
    writeFileSync(newKeyPath, newKey, { mode: 0o600 });
    t.equal(gateway.command("key", "rotate", "--new-key", newKeyPath).status, 0);
    t.equal(await logIn(second), "Access-Accept", "the running gateway goes on");
    await gateway.stop();
    writeFileSync(join(gateway.folder, "master.key"), newKey);
    await gateway.start();
    t.equal(await logIn(first), "Access-Reject", "used for good");
    t.equal(await logIn(third), "Access-Accept");
    t.equal(gateway.command("token", "reset", "u000001").status, 0);
    t.equal(await logIn(fourth), "Access-Reject");
  },
);
