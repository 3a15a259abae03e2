// A VPN concentrator, the gateway and a Windows domain (a real Samba domain controller): whatever
// people type they are one person, with one token and one counter, in their VLAN by nested group; who
// may not log in is refused with its reason; and guessing through us locks nobody at the domain.

import t from "tap";

import { codeFor, radclient, startGateway } from "../support/gateway.ts";
import { operatorOf } from "../support/operator.ts";
import { AD_BASE, AD_PASSWORD, AD_SERVICE_DN, startSamba } from "../support/samba.ts";

// A domain controller, and a process of its own for each command.
t.setTimeout(280_000);
const samba = await startSamba();
const gateway = await startGateway({
  directory: [
    `urls: ["${samba.url.url}"]`,
    `ca: ${samba.caPath}`,
    `bind_dn: "${AD_SERVICE_DN}"`,
    `bind_password: { value: ${AD_PASSWORD} }`,
    `base: "${AD_BASE}"`,
    'user_filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName={username}))"',
    "username_attribute: sAMAccountName",
    "domains: [ad.example.org, corp.example, EXAMPLE]",
  ],
  client: [
    "reply:",
    `  - { group: "CN=everyone,CN=Users,${AD_BASE}", vlan: 42 }`,
    `  - { group: "CN=everyone,CN=Users,${AD_BASE}", attributes: { Class: nested } }`,
    `  - { group: "CN=vpn,CN=Users,${AD_BASE}", vlan: 77 }`,
  ],
});
t.teardown(async () => {
  await gateway.end();
  await samba.stop();
});
const { enroll, events } = operatorOf(gateway);
const dnOf = (name: string): string => `CN=${name},CN=Users,${AD_BASE}`;

/** Ways to write "alice", and what looks like one. */
const SPELLINGS = [
  "alice",
  "ALICE",
  "Alice",
  "aLiCe",
  " alice",
  "alice ",
  "  ALICE  ",
  "alice@ad.example.org",
  "ALICE@AD.EXAMPLE.ORG",
  "Alice@Ad.Example.Org",
  " alice@ad.example.org",
  "alice@corp.example",
  "ALICE@corp.example",
  "alice@CORP.EXAMPLE",
  "alice@corp.example ",
  "alice@example",
  "alice@EXAMPLE",
  "EXAMPLE\\alice",
  "example\\alice",
  "EXAMPLE\\ALICE",
  "Example\\Alice",
  " EXAMPLE\\alice ",
  "ad.example.org\\alice",
  "AD.EXAMPLE.ORG\\ALICE",
  "corp.example\\alice",
  "CORP.EXAMPLE\\alice",
  dnOf("alice"),
  dnOf("ALICE"),
  dnOf("alice").toUpperCase(),
  dnOf("alice").toLowerCase(),
  `cn = alice , cn = users , ${AD_BASE}`,
  `cn=\\61lice,cn=users,${AD_BASE}`,
  `cn=\\61\\6C\\69\\63\\65,cn=users,${AD_BASE}`,
  `CN=#0405616c696365,CN=Users,${AD_BASE}`,
  `2.5.4.3=alice,2.5.4.3=users,${AD_BASE}`,
  `OID.2.5.4.3=alice,CN=Users,${AD_BASE}`,
  `CN=alice,CN=Users,${AD_BASE.replaceAll(",", " , ")}`,
  `cn="alice",cn=users,${AD_BASE}`,
  `cn=alice;cn=users;${AD_BASE}`,
  `CN=alice,CN=Users,${AD_BASE.replaceAll("DC=", "0.9.2342.19200300.100.1.25=")}`,
  // Full width, without and with too many dots, things that aren't seen, other spaces, another "@".
  "ＡＬＩＣＥ",
  "al\u0131ce",
  "AL\u0130CE",
  "ali\u0307ce",
  "al\u00adice",
  "al\u200bice",
  "alice\u00a0",
  "\u3000alice",
  "\u202ealice",
  "alice\uff20ad.example.org",
  "alice@ad.example.org.",
  "alice@ａｄ.example.org",
  "ＥＸＡＭＰＬＥ\\alice",
  "EXAMPLE/alice",
  "ad.example.org/Users/alice",
  "CN=ＡＬＩＣＥ,CN=Users,DC=ad,DC=example,DC=org",
  "<SID=S-1-5-21-1-2-3-1104>",
];

await t.test(
  "O23 IDN-01: 57 spellings: one person, one token, one accept for one code",
  async (t) => {
    t.equal(new Set(SPELLINGS).size, 57);
    const field = `${AD_PASSWORD},${codeFor(enroll("alice"))}`;
    const replies = await Promise.all(SPELLINGS.map((name) => radclient(gateway, name, field)));
    t.equal(replies.filter(({ code }) => code === "Access-Accept").length, 1);
    t.equal(replies.filter(({ code }) => code === "Access-Reject").length, 56);
    const attempts = events("--type", "radius_auth_attempt");
    const person = attempts.find(({ success }) => success)?.initiated_by.id;
    const nobody = new Set(["malformed-username", "user-not-found"]);
    const refused = attempts.filter(({ reason }) => nobody.has(reason ?? ""));
    const alices = attempts.filter(({ initiated_by }) => initiated_by.id === person);
    t.equal(alices.length + refused.length, 57, "each is alice, or nobody at all");
    t.ok(alices.length >= 34, `${alices.length} are understood`);
    t.equal(alices.filter(({ success }) => success).length, 1);
  },
);

await t.test("nested groups give the VLAN, the primary group too", async (t) => {
  const alice = await radclient(gateway, "alice", `${AD_PASSWORD},${codeFor(enroll("alice"))}`);
  t.equal(alice.code, "Access-Accept");
  t.match(alice.text, /Tunnel-Private-Group-Id:0 = "42"/);
  t.match(alice.text, /Class = 0x6e6573746564/);
  const bob = await radclient(gateway, "bob", `${AD_PASSWORD},${codeFor(enroll("bob"))}`);
  t.match(bob.text, /Tunnel-Private-Group-Id:0 = "77"/);
});

await t.test("an explicit UPN that looks like bob's name borrows nothing of bob's", async (t) => {
  const bobs = enroll("bob");
  const mallorys = enroll("mallory");
  for (const secret of [bobs, mallorys]) {
    const field = `${AD_PASSWORD},${codeFor(secret)}`;
    t.equal((await radclient(gateway, "bob@corp.example", field)).code, "Access-Reject");
  }
  t.equal(events("--reason", "ambiguous-user").length, 2);
  const own = await radclient(gateway, "mallory", `${AD_PASSWORD},${codeFor(mallorys)}`);
  t.equal(own.code, "Access-Accept");
});

await t.test("D12: every state of an account is refused with its own reason", async (t) => {
  const reasons: Record<string, string> = {
    disabled: "directory-disabled",
    expired: "account-expired",
    mustchange: "must-change-password",
    outdated: "password-expired",
    hours: "logon-hours",
    elsewhere: "logon-workstation",
  };
  for (const [name, reason] of Object.entries(reasons)) {
    const field = `${AD_PASSWORD},${codeFor(enroll(name))}`;
    t.equal((await radclient(gateway, name, field)).code, "Access-Reject");
    t.equal(events("--user", name, "--type", "radius_auth_attempt").at(-1)?.reason, reason);
    t.match(gateway.command("user", "show", name).stdout, /0 passwords, 0 codes/, "not counted");
  }
});

await t.test(
  "six guesses, by any name, lock here and never at the domain controller",
  async (t) => {
    const secret = enroll("guessed");
    const guess = async (name: string, password: string): Promise<string> =>
      (await radclient(gateway, name, `${password},${codeFor(secret)}`)).code;
    const names = ["guessed", "GUESSED", "guessed@ad.example.org", "EXAMPLE\\guessed"];
    // One after another first: of guesses at once, one may be turned away uncounted.
    for (let nth = 0; nth < 6; nth += 1) {
      t.equal(await guess(names[nth % 4] ?? "", `wrong-${nth}`), "Access-Reject");
    }
    t.ok(events("--user", "guessed", "--type", "user_lockout").length > 0, "locked here");
    for (let round = 0; round < 4; round += 1) {
      t.equal(gateway.command("user", "unlock", "guessed").status, 0);
      const tries = Array.from({ length: 6 }, (_, index) =>
        guess(names[index % 4] ?? "", `wrong-${round}-${index}`),
      );
      t.same(new Set(await Promise.all(tries)), new Set(["Access-Reject"]));
    }
    t.ok(events("--user", "guessed", "--reason", "lockout-shield").length > 0, "then shielded");
    const there = Number(samba.read("guessed", "badPwdCount"));
    t.ok(there > 0 && there <= 6, `${there} of 8 at the domain controller`);
    t.equal(samba.read("guessed", "lockoutTime") || "0", "0", "never locked there");
  },
);

await t.test("test login shows what the NAS would get, and why", async (t) => {
  const secret = enroll("asmith");
  const login = (name: string, lines: string): { status: number | null; stdout: string } =>
    gateway.commandWith(lines, "test", "login", name, "--client", "vpn");
  const accepted = login("alice.smith@corp.example", `${AD_PASSWORD}\n${codeFor(secret)}\n`);
  t.match(accepted, { status: 0, stdout: /^✓ Access-Accept/ });
  const refused = login("asmith", "wrong\n");
  t.match(refused, { status: 1, stdout: /^✗ Access-Reject \(password-incorrect/ });
  t.match(login("alice", `${AD_PASSWORD},${codeFor(enroll("alice"))}\n`), {
    status: 0,
    stdout: /Tunnel-Type +VLAN\n +Tunnel-Medium-Type +IEEE-802\n +Tunnel-Private-Group-Id +42\n/,
  });
  t.match(gateway.commandWith("x\n", "test", "login", "alice", "--client", "wifi"), {
    status: 2,
    stderr: /there is no RADIUS client wifi/,
  });
  t.match(gateway.commandWith("", "test", "login", "alice", "--client", "vpn"), {
    status: 2,
    stderr: /password is missing/,
  });
});

await t.test("check --connect finds the domain as it should be", async (t) => {
  const { status, stdout } = gateway.command("check", "--connect");
  t.equal(status, 0, stdout);
  t.match(stdout, /its own differ by \d s/);
  t.match(stdout, /locks after 8 wrong passwords in 30 min/);
  t.match(stdout, /the running gateway has it/);
});
