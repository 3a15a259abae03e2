// What goes wrong with a server that keeps to the protocol: limits, referrals, connections that end in
// the middle of something. A real OpenLDAP, with the fault proxy in front where it isn't its own doing.

import t, { type Test } from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { startFaultDirectory } from "../../support/fault-directory.ts";
import { startFaultProxy, type Fault } from "../../support/fault-proxy.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

// Whoever follows a referral shows up here.
const trap = await startFaultDirectory();
const referral = `ldap://127.0.0.1:${trap.port}/${BASE}`;
const slapd = await startSlapd({ log: true, users: 1_000, referral });
// Unwilling to look through more than one entry that no index has found.
const unwilling = await startSlapd({ uncheckedLimit: 1 });
t.teardown(() => Promise.all([slapd.stop(), unwilling.stop(), trap.stop()]));

const down = { name: "DependencyDown", dependency: "directory:corp" };
const ALICE = `uid=alice,ou=people,${BASE}`;
const VPN = `cn=vpn,ou=groups,${BASE}`;

function open(
  t: Test,
  server: { readonly host: string; readonly port: number },
  changes: Partial<DirectoryOptions> = {},
): DirectoryBackend {
  const directory = createDirectory(directoryOptions([plainUrl(server)], changes).options);
  t.teardown(() => directory.close());
  return directory;
}

async function getIdentity(directory: DirectoryBackend, name: string): Promise<Identity> {
  const found = await directory.find(name);
  if (found.kind !== "found") throw new Error(found.kind);
  return found.identity;
}

t.test("D08: a filter that finds a thousand people finds nobody", async (t) => {
  const everyone = open(t, slapd, { userFilter: "(|(uid={username})(uid=u0*))" });
  t.same(await everyone.find("alice"), { kind: "ambiguous" });
});

t.test("D10: what another server is said to have is asked of nobody", async (t) => {
  const directory = open(t, slapd);
  // Every search below the base comes with a reference to the trap.
  t.equal((await directory.find("alice")).kind, "found");
  t.equal((await directory.find("nobody")).kind, "not-found");
  const alice = await getIdentity(directory, "alice");
  t.same([...(await directory.memberOf(alice, [VPN]))], [VPN]);
  const elsewhere = { ...alice, dn: `uid=alice,ou=elsewhere,${BASE}` };
  t.same(await directory.bind(elsewhere, Secret.of("alice-password")), { kind: "wrong" });
  await t.rejects(directory.memberOf(elsewhere, [VPN]), down);
  t.equal(trap.accepted, 0);
});

t.test('D13: a search for groups that isn\'t done is an outage, never "none"', async (t) => {
  const directory = open(t, unwilling);
  const alice = await getIdentity(directory, "alice");
  await t.rejects(directory.memberOf(alice, [VPN]), down);
});

const FAULTS: readonly Fault[] = [
  { kind: "reset" },
  { kind: "reset", afterBytes: 20 },
  { kind: "half-close" },
  { kind: "stall", afterBytes: 20 },
  { kind: "garbage", afterBytes: 20 },
];

t.test("D06 D13: a connection that ends while groups are looked for costs none", async (t) => {
  const proxy = await startFaultProxy(slapd);
  t.teardown(() => proxy.stop());
  for (const fault of FAULTS) {
    const directory = open(t, proxy, { timeoutMs: 500 });
    const alice = await getIdentity(directory, "alice");
    proxy.set(fault);
    await t.rejects(directory.memberOf(alice, [VPN]), down, fault.kind);
    proxy.set(undefined);
    // Once it is known that it is back.
    const groups = async (): Promise<string[]> => {
      try {
        return [...(await directory.memberOf(alice, [VPN]))];
      } catch {
        return groups();
      }
    };
    t.same(await groups(), [VPN], fault.kind);
  }
});

t.test("D05: a bind whose answer is lost is sent once", async (t) => {
  const proxy = await startFaultProxy(slapd);
  t.teardown(() => proxy.stop());
  for (const [index, fault] of FAULTS.entries()) {
    const directory = open(t, proxy, { timeoutMs: 500 });
    const person = await getIdentity(directory, `u00000${index}`);
    // A connection for binds is there.
    t.same(await directory.bind(person, Secret.of("guess")), { kind: "wrong" });
    proxy.set({ ...fault, afterBytes: 0 });
    await t.rejects(directory.bind(person, Secret.of(`pw-u00000${index}`)), down, fault.kind);
    proxy.set(undefined);
    // What stalls doesn't even get there.
    t.equal(slapd.binds(person.dn), fault.kind === "stall" ? 1 : 2, fault.kind);
  }
});

t.test("D05: the directory's answer in two halves is one answer", async (t) => {
  const proxy = await startFaultProxy(slapd);
  t.teardown(() => proxy.stop());
  const directory = open(t, proxy);
  const alice = await getIdentity(directory, "alice");
  t.equal(alice.dn, ALICE);
  proxy.set({ kind: "delay", ms: 50, afterBytes: 7 });
  t.same(await directory.bind(alice, Secret.of("alice-password")), { kind: "right" });
});
