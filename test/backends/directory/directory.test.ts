// A directory's client against OpenLDAP: people, passwords, groups, and what OpenLDAP refuses.

import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import t from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { fakeClock } from "../../support/clock.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ passwordPolicy: true, log: true });
const opened: DirectoryBackend[] = [];
t.teardown(async () => {
  for (const directory of opened) directory.close();
  await slapd.stop();
});

function open(changes: Partial<DirectoryOptions> = {}): DirectoryBackend & { reported: Reported } {
  const { options, reported } = directoryOptions([plainUrl(slapd)], changes);
  const directory = createDirectory(options);
  opened.push(directory);
  return Object.assign(directory, { reported });
}

async function getIdentity(directory: DirectoryBackend, username: string): Promise<Identity> {
  const found = await directory.find(username);
  if (found.kind !== "found") throw new Error(`${username} is ${found.kind}`);
  return found.identity;
}

const groupDn = (cn: string): string => `cn=${cn},ou=groups,${BASE}`;
const corp = open();

t.test("IDN-01: a person is found by every listed spelling, always with the same id", async (t) => {
  const first = await getIdentity(corp, "alice");
  t.match(first, { directory: "corp", username: "alice", dn: `uid=alice,ou=people,${BASE}` });
  t.match(first.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  for (const typed of [
    "ALICE",
    "alice@example.org",
    "alice@EXAMPLE.org",
    "EXAMPLE\\alice",
    " alice ",
    "ＡＬＩＣＥ",
    "\u3000alice",
  ]) {
    t.same(await getIdentity(corp, typed), first, typed);
  }
  const umlaut = await getIdentity(corp, "j\u00fcrgen");
  for (const typed of ["ju\u0308rgen", "JU\u0308RGEN", "J\u00dcRGEN@example.org"]) {
    t.same(await getIdentity(corp, typed), umlaut, typed);
  }
});

t.test(
  "O23 LDAP-20: a DN in any spelling is the person's own, and only below the base",
  async (t) => {
    const first = await getIdentity(corp, "alice");
    for (const typed of [
      `uid=alice,ou=people,${BASE}`,
      `UID=ALICE , OU=People, DC=Example,DC=org`,
      `uid=\\61lice,ou=people,${BASE}`,
      `0.9.2342.19200300.100.1.1=#0405616c696365,ou=people,${BASE}`,
      `userid=  alice  ,organizationalUnitName=people,${BASE}`,
    ]) {
      t.same(await getIdentity(corp, typed), first, typed);
    }
    const pat = await getIdentity(corp, "pat");
    t.same(await corp.bind(pat, Secret.of("pat-password")), { kind: "right" });
    for (const typed of [
      `uid=pat+cn=pat,ou=people,${BASE}`,
      `CN=Pat + UID=PAT,ou=people,${BASE}`,
    ]) {
      t.same(await getIdentity(corp, typed), pat, typed);
    }
    for (const typed of [
      `uid=pat,ou=people,${BASE}`,
      `uid=pat+cn=pat+sn=pat,ou=people,${BASE}`,
      `uid=nobody,ou=people,${BASE}`,
      "uid=alice,ou=people,dc=example,dc=com",
      "uid=alice,ou=people",
      `cn=vpn,ou=groups,${BASE}`,
      `nosuchtype=alice,ou=people,${BASE}`,
      `<SID=S-1-5-21-1>`,
      `<GUID=6ba7b8109dad11d180b400c04fd430c8>`,
      "example.org/people/alice",
    ]) {
      const { kind } = await corp.find(typed);
      t.ok(kind === "not-found" || kind === "malformed", `${typed}: ${kind}`);
    }
  },
);

t.test("user_filter and user_dn apply to a DN too", async (t) => {
  const notAlice = open({ userFilter: "(&(uid={username})(!(uid=alice)))" });
  t.equal((await notAlice.find(`uid=alice,ou=people,${BASE}`)).kind, "not-found");
  const twin = await getIdentity(corp, `uid=twin,ou=people,${BASE}`);
  t.equal(twin.dn, `uid=twin,ou=people,${BASE}`, "a DN is one of the two");
  const byDn = open({ userDn: `uid={username},ou=people,${BASE}` });
  t.equal((await byDn.find(`uid=twin,ou=contractors,${BASE}`)).kind, "not-found", "user_dn");
  t.same(await getIdentity(byDn, `uid=twin,ou=people,${BASE}`), twin);
});

t.test("nobody, somebody twice, and names that can't be one", async (t) => {
  const cases: Record<string, string> = {
    nobody: "not-found",
    twin: "ambiguous",
    "alice@example.com": "not-found",
    "": "malformed",
    "a\0": "malformed",
    [`${"x".repeat(254)}`]: "malformed",
  };
  for (const [typed, kind] of Object.entries(cases)) {
    t.equal((await corp.find(typed)).kind, kind, JSON.stringify(typed));
  }
});

t.test("LDAP-21: nothing in a name changes the question", async (t) => {
  const names = [
    "*",
    "a*",
    "*)(uid=*",
    "alice)(|(uid=*",
    "\\61lice",
    "alice)(objectClass=*",
    "(",
    "\\",
  ];
  const byDn = open({ userDn: `uid={username},ou=people,${BASE}` });
  for (const name of names) {
    t.equal((await corp.find(name)).kind, "not-found", `filter: ${name}`);
    t.equal((await byDn.find(name)).kind, "not-found", `DN: ${name}`);
  }
  for (const name of [
    "alice,ou=people",
    "alice+cn=x",
    "#0405616c696365",
    "$&",
    "alice,ou=people,dc=example",
  ]) {
    t.equal((await byDn.find(name)).kind, "not-found", `DN: ${name}`);
  }
});

t.test("LDAP-21: a name full of special characters finds its one person", async (t) => {
  const byDn = open({ userDn: `uid={username},ou=people,${BASE}` });
  for (const name of ["o'neil, (pat)*\\", "jürgen"]) {
    for (const directory of [corp, byDn]) {
      const identity = await getIdentity(directory, name);
      t.equal(identity.username, name);
      t.same(await directory.bind(identity, Secret.of(`${name}-password`)), { kind: "right" });
    }
  }
});

t.test("user_dn reads one entry, and gives the identity the search gives", async (t) => {
  const byDn = open({ userDn: `uid={username},ou=people,${BASE}` });
  t.same(await getIdentity(byDn, "Bob"), await getIdentity(corp, "bob"));
  t.equal((await getIdentity(byDn, "twin")).dn, `uid=twin,ou=people,${BASE}`, "only the one");
});

t.test("the right password is right, any other is wrong", async (t) => {
  const bob = await getIdentity(corp, "bob");
  t.same(await corp.bind(bob, Secret.of("hello")), { kind: "right" });
  for (const password of ["Hello", "hello ", "hell", "hello\0", "x".repeat(10_000)]) {
    t.same(await corp.bind(bob, Secret.of(password)), { kind: "wrong" });
  }
  const gone = { ...bob, dn: `uid=gone,ou=people,${BASE}` };
  t.same(await corp.bind(gone, Secret.of("hello")), { kind: "wrong" });
});

t.test("LDAP-04 O07: an empty password never reaches the wire", async (t) => {
  const carol = await getIdentity(corp, "carol");
  await t.rejects(corp.bind(carol, Secret.of("")), /needs a name and a password/);
  await t.rejects(corp.bind({ ...carol, dn: "" }, Secret.of("x")), /needs a name and a password/);
  t.equal(slapd.binds(carol.dn), 0);
  t.same(await corp.bind(carol, Secret.of("carol-password")), { kind: "right" });
  t.equal(slapd.binds(carol.dn), 1);
});

t.test("D11: a password policy's refusals aren't wrong passwords", async (t) => {
  const cases: Record<string, string> = {
    locked: "directory-disabled",
    expired: "password-expired",
    reset: "must-change-password",
  };
  for (const [name, reason] of Object.entries(cases)) {
    const identity = await getIdentity(corp, name);
    const answer = await corp.bind(identity, Secret.of(`${name}-password`));
    t.same(answer, { kind: "refused", reason }, name);
  }
});

t.test("the password policy says when it locks; without one the configuration does", async (t) => {
  const policy = { threshold: 1_000, observationMs: 900_000 };
  const cases: [number | undefined, object, object][] = [
    [undefined, { threshold: 10, observationMs: 1_800_000 }, policy],
    // Some policies can't be read: a figure in the configuration that is stricter holds.
    [7, { threshold: 7, observationMs: 1_800_000 }, { threshold: 7, observationMs: 1_800_000 }],
    [2_000, { threshold: 2_000 }, { threshold: 1_000, observationMs: 1_800_000 }],
    [0, { threshold: 0 }, policy],
  ];
  for (const [lockoutThreshold, before, after] of cases) {
    const directory = open({ lockoutThreshold });
    t.match(directory.lockout(), before, `${lockoutThreshold} before it answers`);
    await directory.start();
    while (!isDeepStrictEqual(directory.lockout(), after)) await wait(5);
    t.pass(`${lockoutThreshold} after it answered`);
  }
});

t.test("a thousand logins at once get each their own answer", async (t) => {
  const names = ["alice", "bob", "carol", "mallory"];
  const directory = open();
  const kinds = await Promise.all(
    Array.from({ length: 1_000 }, async (_, index) => {
      const name = names[index % names.length] ?? "";
      const isRight = index % 3 > 0;
      // Typed differently each time, so that each is a search of its own.
      const typed = `${" ".repeat(index % 97)}${name}${" ".repeat(index % 89)}`;
      const identity = await getIdentity(directory, typed);
      const password = name === "bob" ? "hello" : `${name}-password`;
      const answer = await directory.bind(identity, Secret.of(isRight ? password : "wrong"));
      return identity.username === name && answer.kind === (isRight ? "right" : "wrong");
    }),
  );
  t.notOk(kinds.includes(false));
});

t.test("groups: direct, by every kind of membership, compared as DNs", async (t) => {
  const alice = await getIdentity(corp, "alice");
  const wanted = [
    "CN=VPN, OU=groups, dc=example,dc=org",
    groupDn("auditors"),
    groupDn("printers"),
    groupDn("nobody"),
  ];
  t.same([...(await corp.memberOf(alice, wanted))], wanted.slice(0, 3));
  t.same([...(await corp.memberOf(await getIdentity(corp, "mallory"), wanted))], []);
  t.same([...(await corp.memberOf(alice, []))], []);
});

t.test("D14: groups within groups, loops included, only if asked for", async (t) => {
  const wanted = ["staff", "everyone", "loop", "vpn"].map(groupDn);
  const alice = await getIdentity(corp, "alice");
  t.same([...(await corp.memberOf(alice, wanted))], wanted);
  t.same(
    [...(await open({ nestedGroups: false }).memberOf(alice, wanted))],
    [groupDn("staff"), groupDn("vpn")],
  );
});

t.test('D13: groups of somebody who is gone are an outage, not "none"', async (t) => {
  const alice = await getIdentity(corp, "alice");
  const gone = { ...alice, dn: `uid=gone,ou=people,${BASE}` };
  await t.rejects(corp.memberOf(gone, [groupDn("vpn")]), {
    name: "DependencyDown",
    dependency: "directory:corp",
  });
});

t.test('a base that doesn\'t exist is an outage, not "unknown"', async (t) => {
  const lost = open({ base: `ou=missing,${BASE}` });
  await t.rejects(lost.find("alice"), { name: "DependencyDown" });
});

t.test("an identity is remembered for a minute at most, an unknown name not at all", async (t) => {
  const clock = fakeClock();
  const directory = open({ clock });
  const found = await directory.find("alice");
  t.equal(await directory.find("alice"), found, "the very same answer");
  clock.advance(59_999);
  t.equal(await directory.find("alice"), found);
  clock.advance(1);
  t.not(await directory.find("alice"), found, "asked again");
  const [one, two] = await Promise.all([directory.find("bob"), directory.find("bob")]);
  t.equal(one, two, "asked once for both");
  t.not(await directory.find("nobody"), await directory.find("nobody"));
});

t.test(
  "D15: after a wrong password for its own account it leaves the directory alone",
  async (t) => {
    const clock = fakeClock();
    const dn = `uid=mallory,ou=people,${BASE}`;
    const directory = open({ clock, bindDn: dn, bindPassword: Secret.of("wrong") });
    await directory.start();
    const before = slapd.binds(dn);
    for (let index = 0; index < 20; index += 1) {
      await t.rejects(directory.find("alice"), { name: "DependencyDown" });
    }
    t.equal(slapd.binds(dn), before, "not asked once more");
    t.equal(directory.reported.down.length, 1, "one alarm");
    t.match(directory.status(), { state: "down", detail: /own account: wrong password/ });
    for (let seconds = 0; seconds < 1_800; seconds += 10) {
      clock.advance(10_000);
      await t.rejects(directory.find("alice"), { name: "DependencyDown" });
    }
    const tries = slapd.binds(dn) - before;
    t.ok(tries >= 3 && tries <= 5, `${tries} in half an hour: AD locks such an account after more`);
    t.equal(directory.reported.down.length, 1);
  },
);

t.test(
  "D15: its own account locked, expired or to be changed: an outage that says so",
  async (t) => {
    const cases = {
      locked: "directory-locked",
      expired: "password-expired",
      reset: "must-change-password",
    };
    for (const [uid, reason] of Object.entries(cases)) {
      const bindDn = `uid=${uid},ou=people,${BASE}`;
      const before = slapd.binds(bindDn);
      const directory = open({ bindDn, bindPassword: Secret.of(`${uid}-password`) });
      await t.rejects(directory.find("alice"), { name: "DependencyDown" });
      t.match(directory.status(), { state: "down", detail: new RegExp(`own account: ${reason}$`) });
      await t.rejects(directory.find("alice"), { name: "DependencyDown" });
      t.equal(slapd.binds(bindDn) - before, 1, "and isn't tried again at once");
    }
  },
);

t.test("settings that can't be read show at creation", async (t) => {
  t.throws(() => open({ userFilter: "(uid={username}" }), { name: "WireError" });
  t.throws(() => open({ userFilter: "({username}=x)" }), { name: "WireError" });
  t.throws(() => open({ userFilter: "(uid=alice)" }), /no \{username\}/);
  t.throws(() => open({ userDn: `uid=alice,${BASE}` }), /no \{username\}/);
  t.throws(() => open({ userDn: "uid={username},dc=example,dc=com" }), /outside the base/);
  t.throws(() => open({ userDn: "{username}" }), { name: "WireError" });
  t.throws(() => open({ userDn: `{username}=x,${BASE}` }), { name: "WireError" });
  t.throws(() => open({ base: "people" }), { name: "WireError" });
  t.throws(() => open({ bindDn: "gatehouse" }), { name: "WireError" });
  t.throws(() => open({ urls: [] }), /at least one URL/);
});

t.test("after it was closed it answers nothing", async (t) => {
  const directory = open();
  await directory.start();
  t.same(directory.status(), { name: "corp", state: "up", detail: "3 connections" });
  directory.close();
  await t.rejects(directory.find("alice"), { name: "DependencyDown" });
  t.same(directory.reported.down, []);
});
