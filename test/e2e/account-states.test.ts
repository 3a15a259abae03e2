// People and the states of their accounts through the whole gateway, on OpenLDAP with its password policy
// and on 389 Directory Server: one person by every name, in their VLAN by nested group; each state refused
// with its reason, nothing counted; guessing locks nobody there.

import t, { type Test } from "tap";

import { DS_LOCKS_AFTER, startDirsrv } from "../support/dirsrv.ts";
import { codeFor, radclient, startGateway, type TestGateway } from "../support/gateway.ts";
import { operatorOf } from "../support/operator.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

// Two directories, and a process of its own for each command.
t.setTimeout(280_000);
const LOCKS_AFTER = 5;

interface Server {
  readonly url: string;
  /** Name -> reason, or "accepted". */
  readonly states: Readonly<Record<string, string>>;
  /** Failures it has counted of somebody, and whether it locked them. */
  failures(uid: string): { count: number; isLocked: boolean };
  /** Who is guessed at: a lot, and a little. */
  readonly guessed: string;
  readonly counted: string;
}

function start(url: string, more: readonly string[] = []): Promise<TestGateway> {
  return startGateway({
    directory: [
      `urls: ["${url}"]`,
      "allow_cleartext: true",
      `bind_dn: "${SERVICE_DN}"`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: "${BASE}"`,
      'user_filter: "(&(objectClass=person)(uid={username}))"',
      "domains: [example.org, corp.example, EXAMPLE]",
      ...more,
    ],
    client: ["reply:", `  - { group: "cn=everyone,ou=groups,${BASE}", vlan: 42, tag: 3 }`],
  });
}

/** Ways to write "alice", and what looks like one. */
const SPELLINGS = [
  "alice",
  "ALICE",
  " Alice ",
  "alice@example.org",
  "ALICE@Example.ORG",
  "alice@corp.example",
  "EXAMPLE\\alice",
  "example\\ALICE",
  `uid=alice,ou=people,${BASE}`,
  `UID = ALICE , OU = People , DC=Example,DC=ORG`,
  `uid=\\61lice,ou=people,${BASE}`,
  `uid=#0405616c696365,ou=people,${BASE}`,
  `0.9.2342.19200300.100.1.1=alice,ou=people,${BASE}`,
  `uid=ＡＬＩＣＥ,ou=people,${BASE}`,
  "aLiCe  ",
  "Alice@CORP.example",
  "Example\\Alice",
  `UID=ALICE,OU=PEOPLE,DC=EXAMPLE,DC=ORG`,
  `uid=al\\69ce,ou=people,${BASE}`,
  `uid=alice,ou=\\70eople,${BASE}`,
  `uid=\\41\\4c\\49\\43\\45,2.5.4.11=people,${BASE}`,
  // Whatever the directory makes of these, it is alice or nobody.
  "ＡＬＩＣＥ",
  "al\u0131ce",
  "AL\u0130CE",
  "al\u00adice",
  "al\u200bice",
  "alice\u00a0",
  "\u3000alice",
  "alice@example.org.",
  "alice\uff20example.org",
  "example.org/people/alice",
  "alice@other.example",
  "OTHER\\alice",
  "EXAMPLE/alice",
  "EXAMPLE\\\\alice",
  "alice\\EXAMPLE",
  "alice@example.org@example.org",
  `uid=alice;ou=people;dc=example;dc=org`,
  `uid=alice+cn=alice,ou=people,${BASE}`,
  "uid=alice,ou=people",
  "(uid=alice)",
];

async function checkServer(t: Test, server: Server, more: readonly string[]): Promise<void> {
  const gateway = await start(server.url, more);
  t.teardown(() => gateway.end());
  const { enroll, events } = operatorOf(gateway);
  const logIn = async (name: string, password: string, secret: Buffer): Promise<string> =>
    (await radclient(gateway, name, `${password},${codeFor(secret)}`)).code;

  await t.test("O23 IDN-01: one person, one token, one accept for one code", async (t) => {
    const field = `alice-password,${codeFor(enroll("alice"))}`;
    const replies = await Promise.all(SPELLINGS.map((name) => radclient(gateway, name, field)));
    const accepted = replies.filter(({ code }) => code === "Access-Accept");
    t.equal(accepted.length, 1);
    t.match(accepted[0]?.text, /Tunnel-Private-Group-Id:3 = "42"/, "by nested group");
    const attempts = events("--type", "radius_auth_attempt");
    const person = attempts.find(({ success }) => success)?.initiated_by.id;
    const nobody = new Set(["malformed-username", "user-not-found"]);
    const refused = attempts.filter(({ reason }) => nobody.has(reason ?? ""));
    const alices = attempts.filter(({ initiated_by }) => initiated_by.id === person);
    t.ok(SPELLINGS.length >= 40);
    t.equal(alices.length + refused.length, SPELLINGS.length, "each is alice, or nobody");
    t.ok(alices.length >= 14, `${alices.length} are understood`);
  });

  await t.test("each state has its reason and counts nothing", async (t) => {
    const outcomes = Object.entries(server.states).map(async ([name, state]) => {
      const code = await logIn(name, `${name}-password`, enroll(name));
      t.equal(code, state === "accepted" ? "Access-Accept" : "Access-Reject", name);
      const last = events("--user", name, "--type", "radius_auth_attempt").at(-1);
      t.equal(last?.reason ?? "accepted", state, name);
      t.match(gateway.command("user", "show", name).stdout, /0 passwords, 0 codes/, name);
    });
    await Promise.all(outcomes);
  });

  await t.test("wrong passwords under several names are counted for one person", async (t) => {
    const { counted } = server;
    const secret = enroll(counted);
    const names = [counted.toUpperCase(), `${counted}@corp.example`, `EXAMPLE\\${counted}`];
    for (const name of names) {
      t.equal(await logIn(name, `not the one of ${name}`, secret), "Access-Reject");
    }
    t.match(gateway.command("user", "show", counted).stdout, /3 passwords, 0 codes/);
  });

  await t.test("rounds of six guesses never lock at the directory", async (t) => {
    const { guessed } = server;
    const secret = enroll(guessed);
    for (let round = 0; round < 3; round += 1) {
      const tries = Array.from({ length: 6 }, (_, index) =>
        logIn(index % 2 === 0 ? guessed : guessed.toUpperCase(), `no-${round}-${index}`, secret),
      );
      t.same(new Set(await Promise.all(tries)), new Set(["Access-Reject"]));
      t.equal(gateway.command("user", "unlock", guessed).status, 0);
    }
    const { count, isLocked } = server.failures(guessed);
    t.ok(count > 0 && count < LOCKS_AFTER, `${count} failures there`);
    t.notOk(isLocked);
  });

  await t.test("D18 LDAP-04: no password is no password", async (t) => {
    const [name = ""] = Object.keys(server.states);
    enroll(name);
    for (const field of ["", ",123456", "  "]) {
      t.equal((await radclient(gateway, name, field)).code, "Access-Reject", `"${field}"`);
    }
  });
}

t.test("OpenLDAP with ppolicy, which says itself when it locks", async (t) => {
  const slapd = await startSlapd({
    passwordPolicy: true,
    locksAfter: LOCKS_AFTER,
    unauthenticatedBinds: true,
  });
  t.teardown(() => slapd.stop());
  const server: Server = {
    url: slapd.url,
    states: {
      alice: "accepted",
      locked: "directory-disabled",
      expired: "password-expired",
      reset: "must-change-password",
    },
    failures: (uid) => ({
      count: slapd.read(uid, "pwdFailureTime").length,
      isLocked: slapd.read(uid, "pwdAccountLockedTime").length > 0,
    }),
    guessed: "carol",
    counted: "bob",
  };
  await checkServer(t, server, []);

  const gateway = await start(slapd.url);
  t.teardown(() => gateway.end());
  const { enroll, events } = operatorOf(gateway);
  const logIn = async (name: string, secret: Buffer, offset = 0): Promise<string> =>
    (await radclient(gateway, name, `${name}-password,${codeFor(secret, offset)}`)).code;

  await t.test(
    "D11: of the logins that are left with an expired password the last is none",
    async (t) => {
      const secret = enroll("grace");
      t.equal(await logIn("grace", secret), "Access-Accept", "one more");
      for (const left of ["none left", "none at all"]) {
        t.equal(await logIn("grace", secret, 1), "Access-Reject", left);
        const last = events("--user", "grace", "--type", "radius_auth_attempt").at(-1);
        t.equal(last?.reason, "password-expired", left);
      }
    },
  );

  await t.test(
    "a name that comes back with another id is somebody else until relinked",
    async (t) => {
      const secret = enroll("carol");
      slapd.replacePerson("carol");
      // Who somebody is may be a minute old, unless the gateway was started since.
      await gateway.stop();
      await gateway.start();
      t.equal(await logIn("carol", secret), "Access-Reject");
      const [event] = events("--reason", "identity-changed");
      t.match(event, { success: false, username: "carol", alarm: "identity-changed" });
      t.match(
        gateway.command("user", "relink", "--all", "--dry-run").stdout,
        /carol +would be relinked/,
      );
      t.equal(gateway.command("user", "relink", "carol").status, 0);
      t.equal(await logIn("carol", secret), "Access-Accept");
    },
  );
});

t.test("389 Directory Server, whose threshold is configured", async (t) => {
  const dirsrv = await startDirsrv();
  t.teardown(() => dirsrv.stop());
  const server: Server = {
    url: `ldap://${dirsrv.host}:${dirsrv.port}`,
    states: {
      alice: "accepted",
      disabled: "directory-disabled",
      expired: "password-expired",
      mustchange: "must-change-password",
    },
    failures: (uid) => ({
      count: Number(dirsrv.read(uid, "passwordRetryCount") || "0"),
      isLocked: dirsrv.read(uid, "accountUnlockTime") > "1970",
    }),
    guessed: "guessed",
    counted: "bob",
  };
  await checkServer(t, server, [`lockout_threshold: ${DS_LOCKS_AFTER}`]);
});
