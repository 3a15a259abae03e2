// Those who are bound are looked up again: who was deleted, disabled or replaced at the directory is
// told, and nobody else.

import { spawnSync } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import t, { type Test } from "tap";

import { fakeClock } from "../../support/clock.ts";
import { plainUrl } from "../../support/directory.ts";
import { bound, dnOf, openLdapDoor } from "../../support/ldap-door.ts";
import { whoAmIRequest } from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

/** Longer than an answer about somebody holds. */
const LATER_MS = 61_000;
const RECHECK_MS = 50;

const slapd = await startSlapd({ users: 10, passwordPolicy: true });
t.teardown(() => slapd.stop());

function change(ldif: string): void {
  const admin = ["-x", "-H", slapd.url, "-D", `cn=admin,${BASE}`, "-w", "admin"];
  const { status, stderr } = spawnSync("ldapmodify", [...admin, "-e", "relax"], {
    encoding: "utf8",
    input: ldif,
  });
  if (status !== 0) throw new Error(stderr);
}

async function open(t: Test): Promise<{ port: number; later: () => void }> {
  const clock = fakeClock();
  const { port } = await openLdapDoor(t, {
    urls: [plainUrl(slapd)],
    door: { recheckMs: RECHECK_MS },
    directory: { clock },
  });
  return { port, later: () => clock.advance(LATER_MS) };
}

const CHANGES: readonly [title: string, uid: string, ldif: string][] = [
  [
    "locked for good by an administrator",
    "u000001",
    "changetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n",
  ],
  ["deleted", "u000002", "changetype: delete\n"],
  [
    "moved away from its DN",
    "u000003",
    "changetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n",
  ],
];

for (const [title, uid, ldif] of CHANGES) {
  await t.test(`LDAP-25: ${title}: the connections of that person end`, async (t) => {
    const { port, later } = await open(t);
    const ended = await bound(port, uid);
    const other = await bound(port, "u000009");
    change(`dn: ${dnOf(uid)}\n${ldif}`);
    later();
    await ended.closed();
    t.match(await other.ask(whoAmIRequest(2)), { resultCode: 0 });
    other.end();
  });
}

await t.test("LDAP-25: another entry under the same DN is somebody else", async (t) => {
  const { port, later } = await open(t);
  const ended = await bound(port, "u000004");
  const again = "objectClass: inetOrgPerson\nuid: u000004\ncn: new\nsn: new\n";
  change(`dn: ${dnOf("u000004")}\nchangetype: delete\n`);
  change(`dn: ${dnOf("u000004")}\nchangetype: add\n${again}`);
  later();
  await ended.closed();
});

await t.test("who is as before stays, and so does everybody while nobody answers", async (t) => {
  const { port, later } = await open(t);
  const client = await bound(port, "u000005");
  for (let round = 0; round < 3; round += 1) {
    later();
    await wait(2 * RECHECK_MS);
  }
  slapd.pause();
  later();
  await wait(2 * RECHECK_MS);
  later();
  await wait(2 * RECHECK_MS);
  slapd.resume();
  t.match(await client.ask(whoAmIRequest(2)), { resultCode: 0 });
  client.end();
});
