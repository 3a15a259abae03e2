// A directory's client against Active Directory, as Samba is one: names, groups, refusals.

import { setTimeout as wait } from "node:timers/promises";

import t from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { DirectoryLockout, Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import {
  AD_ADMINISTRATOR_PASSWORD,
  AD_BASE,
  AD_PASSWORD,
  AD_SERVICE_DN,
  startSamba,
} from "../../support/samba.ts";

const samba = await startSamba();
const { options, reported } = directoryOptions([samba.url], {
  ca: samba.ca,
  bindDn: AD_SERVICE_DN,
  bindPassword: Secret.of(AD_PASSWORD),
  base: AD_BASE,
  userFilter: "(&(objectClass=user)(sAMAccountName={username}))",
  usernameAttribute: "sAMAccountName",
  domains: ["ad.example.org", "corp.example", "EXAMPLE"],
});
const corp = createDirectory(options);
const direct = createDirectory({ ...options, nestedGroups: false });
t.teardown(async () => {
  corp.close();
  direct.close();
  await samba.stop();
});

const dnOf = (name: string): string => `CN=${name},CN=Users,${AD_BASE}`;

async function getIdentity(username: string): Promise<Identity> {
  const found = await corp.find(username);
  if (found.kind !== "found") throw new Error(`${username} is ${found.kind}`);
  return found.identity;
}

t.test("O23: one person, however the name is spelled", async (t) => {
  const alice = await getIdentity("alice");
  t.match(alice, { username: "alice", dn: dnOf("alice"), id: /^[0-9a-f]{32}$/ });
  for (const typed of [
    "ALICE",
    " Alice ",
    "alice@ad.example.org",
    "ALICE@AD.EXAMPLE.ORG",
    "alice@corp.example",
    "EXAMPLE\\alice",
    "example\\ALICE",
    dnOf("alice"),
    dnOf("alice").toUpperCase(),
    `cn = \\61lice , cn=users , ${AD_BASE}`,
  ]) {
    t.same(await getIdentity(typed), alice, typed);
  }
  t.same(
    await getIdentity("asmith"),
    await getIdentity("alice.smith@corp.example"),
    "explicit UPN",
  );
  const umlaut = await getIdentity("j\u00fcrgen");
  for (const typed of [
    "J\u00dcRGEN",
    "EXAMPLE\\J\u00fcrgen",
    dnOf("ju\u0308rgen"),
    dnOf("J\u00dcRGEN"),
  ]) {
    t.same(await getIdentity(typed), umlaut, typed);
  }
});

t.test(
  "what a domain controller would take for a name, but a search doesn't, is refused",
  async (t) => {
    const { id } = await getIdentity("alice");
    const sid = samba.read("alice", "objectSid");
    t.match(sid, /^0105[0-9a-f]{52}$/);
    for (const typed of [
      `<GUID=${id}>`,
      `<SID=${sid}>`,
      `<GUID=${id}>;<SID=${sid}>;${dnOf("alice")}`,
      sid,
      id,
      "ad.example.org/Users/alice",
      "OTHER\\alice",
      "alice@other.example",
      "alice@",
      dnOf("staff"),
      `CN=alice,CN=Computers,${AD_BASE}`,
    ]) {
      t.equal((await corp.find(typed)).kind, "not-found", typed);
    }
  },
);

t.test(
  "a userPrincipalName that reads as somebody else's name and domain is nobody's",
  async (t) => {
    t.equal(samba.read("mallory", "userPrincipalName"), "bob@corp.example");
    t.equal((await corp.find("bob@corp.example")).kind, "ambiguous");
    t.equal((await getIdentity("bob")).username, "bob");
    t.equal((await getIdentity("bob@ad.example.org")).username, "bob");
    t.equal((await getIdentity("mallory")).username, "mallory");
  },
);

t.test("D14: nested groups with a loop, and the primary group, which lists nobody", async (t) => {
  const groups = ["staff", "everyone", "loop", "vpn", "remote", "nobody", "missing"].map(dnOf);
  const names = (found: ReadonlySet<string>): string[] =>
    [...found].map((dn) => /^CN=([^,]*)/.exec(dn)?.[1] ?? dn).toSorted();
  const alice = await getIdentity("alice");
  const bob = await getIdentity("bob");
  t.same(names(await corp.memberOf(alice, groups)), ["everyone", "loop", "staff"]);
  t.same(names(await corp.memberOf(bob, groups)), ["remote", "vpn"]);
  t.same(names(await corp.memberOf(alice, ["list", "lists"].map(dnOf))), ["list"], "lists: direct");
  t.same(names(await direct.memberOf(alice, groups)), ["staff"], "nested_groups: false");
  t.same(names(await direct.memberOf(bob, groups)), ["vpn"], "the primary group is no nested one");
});

t.test(
  "D12: each state of an account has its own reason, with the right password only",
  async (t) => {
    const wrong = { kind: "wrong" };
    const refused = (reason: string): object => ({ kind: "refused", reason });
    const cases: Record<string, object> = {
      alice: { kind: "right" },
      disabled: refused("directory-disabled"),
      expired: refused("account-expired"),
      mustchange: refused("must-change-password"),
      outdated: refused("password-expired"),
      hours: refused("logon-hours"),
      elsewhere: refused("logon-workstation"),
    };
    for (const [name, answer] of Object.entries(cases)) {
      const identity = await getIdentity(name);
      t.same(await corp.bind(identity, Secret.of(AD_PASSWORD)), answer, name);
      t.same(await corp.bind(identity, Secret.of("wrong")), wrong, `${name}, wrong password`);
    }
    const locked = await getIdentity("locked");
    for (let tries = 0; tries < 8; tries += 1) await corp.bind(locked, Secret.of(`wrong-${tries}`));
    t.same(await corp.bind(locked, Secret.of(AD_PASSWORD)), refused("directory-locked"));
    t.same(reported.down, [], "and none of this is an outage");
  },
);

t.test("a domain controller takes no password in clear, and it is said why", async (t) => {
  const url = plainUrl({ host: samba.host, port: 389 });
  const inClear = createDirectory({ ...options, urls: [url] });
  t.teardown(() => inClear.close());
  await t.rejects(inClear.find("alice"), { message: /bind_dn.*: stronger-auth-required/ });
});

t.test(
  "the domain says itself when it locks, its fine-grained policies to administrators",
  async (t) => {
    const asAdministrator = {
      ...options,
      bindDn: `CN=Administrator,CN=Users,${AD_BASE}`,
      bindPassword: Secret.of(AD_ADMINISTRATOR_PASSWORD),
    };
    const strictest = { threshold: 4, observationMs: 3_600_000 };
    const cases: [DirectoryOptions, DirectoryLockout][] = [
      [options, { threshold: 8, observationMs: 1_800_000 }],
      [asAdministrator, strictest],
      // For those who don't want to let bind_dn read them.
      [
        { ...options, lockoutThreshold: 4 },
        { threshold: 4, observationMs: 1_800_000 },
      ],
    ];
    for (const [settings, lockout] of cases) {
      const directory = createDirectory(settings);
      t.teardown(() => directory.close());
      await directory.start();
      while (directory.lockout().threshold === 10) await wait(5);
      t.same(directory.lockout(), lockout);
    }
  },
);

t.test(
  "D15: a service account that is disabled or expired is an outage that says so",
  async (t) => {
    for (const [name, reason] of [
      ["retired", "directory-disabled"],
      ["expired", "account-expired"],
      ["outdated", "password-expired"],
      ["mustchange", "must-change-password"],
    ] as const) {
      const directory = createDirectory({ ...options, bindDn: dnOf(name) });
      t.teardown(() => directory.close());
      for (let tries = 0; tries < 3; tries += 1) {
        await t.rejects(directory.find("alice"), { name: "DependencyDown" });
      }
      t.match(directory.status(), { state: "down", detail: new RegExp(`own account: ${reason}$`) });
    }
  },
);
