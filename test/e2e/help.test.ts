// What people without a factor read where they log in, at a real gateway with a real directory.

import { readFileSync, writeFileSync } from "node:fs";

import t from "tap";

import { radclient, startGateway } from "../support/gateway.ts";
import { ldapTool } from "../support/ldap-tools.ts";
import { startSlapd } from "../support/slapd.ts";

t.setTimeout(60_000);

const URL_SHOWN = "https://mfa.example.org";
const DN = "uid=alice,ou=people,dc=example,dc=org";

const slapd = await startSlapd();
t.teardown(() => slapd.stop());
const gateway = await startGateway({
  directory: slapd.url,
  client: ["mfa: required"],
  listeners: { plain: ["tls: none", "directory: corp", "mfa: always"] },
  more: `admin: { listen: "127.0.0.1:0", tls: none, public_url: "${URL_SHOWN}" }\n`,
});
t.teardown(() => gateway.end());

const messageOf = (text: string): string | undefined => /Reply-Message = "(.*)"/.exec(text)?.[1];

async function bind(password: string): Promise<{ code: number | null; stderr: string }> {
  const url = `ldap://127.0.0.1:${gateway.ldapPort("plain")}`;
  return ldapTool("ldapwhoami", ["-x", "-H", url, "-D", DN, "-w", password]);
}

await t.test("an accept in the period tells how many days are left, and where to go", async (t) => {
  const before = await radclient(gateway, "alice", "alice-password");
  t.same([before.code, messageOf(before.text)], ["Access-Reject", undefined], "not demanded yet");
  t.equal(gateway.command("user", "require", "alice", "--days", "7").status, 0);
  const { code, text } = await radclient(gateway, "alice", "alice-password");
  t.equal(code, "Access-Accept");
  t.equal(messageOf(text), `Set up your second factor: 7 days left. ${URL_SHOWN}`);
  const wrong = await radclient(gateway, "alice", "wrong-password");
  t.same([wrong.code, messageOf(wrong.text)], ["Access-Reject", undefined]);
});

await t.test("refusals tell it only where that is switched on", async (t) => {
  const silent = await bind("alice-password");
  t.equal(silent.code, 49);
  t.notMatch(silent.stderr, /second factor/);
  const { configPath } = gateway;
  writeFileSync(configPath, `${readFileSync(configPath, "utf8")}enrolment: { help: always }\n`);
  t.equal(gateway.command("reload").status, 0);
  const told = await bind("alice-password");
  t.equal(told.code, 49);
  t.match(told.stderr, `additional info: Set up your second factor: 7 days left. ${URL_SHOWN}`);
  const wrong = await bind("wrong-password");
  t.equal(wrong.code, 49);
  t.notMatch(wrong.stderr, /second factor/);
});
