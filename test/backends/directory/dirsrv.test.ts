// A directory's client against 389 Directory Server, FreeIPA's: names, groups, refusals.

import t from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { DS_LOCKS_AFTER, startDirsrv } from "../../support/dirsrv.ts";
import { BASE } from "../../support/slapd.ts";

const dirsrv = await startDirsrv();
const { options, reported } = directoryOptions([plainUrl(dirsrv)]);
const corp = createDirectory(options);
t.teardown(async () => {
  corp.close();
  await dirsrv.stop();
});

const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;

async function getIdentity(username: string): Promise<Identity> {
  const found = await corp.find(username);
  if (found.kind !== "found") throw new Error(`${username} is ${found.kind}`);
  return found.identity;
}

t.test("O23: one person, however the name is spelled", async (t) => {
  const alice = await getIdentity("alice");
  t.match(alice, { username: "alice", dn: dnOf("alice"), id: /^[0-9a-f]{8}-[0-9a-f-]{26,27}$/ });
  for (const typed of [
    "ALICE",
    " Alice ",
    "alice@example.org",
    "EXAMPLE\\alice",
    dnOf("alice").toUpperCase(),
    ` uid = \\61lice , ou=people, ${BASE}`,
  ]) {
    t.same(await getIdentity(typed), alice, typed);
  }
  for (const typed of ["alice@other.example", "OTHER\\alice", `cn=staff,ou=groups,${BASE}`]) {
    t.not((await corp.find(typed)).kind, "found", typed);
  }
});

t.test("D14: nested groups with a loop", async (t) => {
  const groups = ["staff", "everyone", "loop", "nobody"].map((cn) => `cn=${cn},ou=groups,${BASE}`);
  t.same([...(await corp.memberOf(await getIdentity("alice"), groups))], groups.slice(0, 3));
  t.same([...(await corp.memberOf(await getIdentity("bob"), groups))], []);
});

t.test("D12: each state of an account has its own reason", async (t) => {
  const refused = (reason: string): object => ({ kind: "refused", reason });
  const cases: Record<string, object> = {
    alice: { kind: "right" },
    disabled: refused("directory-disabled"),
    expired: refused("password-expired"),
    mustchange: refused("must-change-password"),
  };
  for (const [uid, answer] of Object.entries(cases)) {
    t.same(await corp.bind(await getIdentity(uid), Secret.of(`${uid}-password`)), answer, uid);
  }
  t.same(await corp.bind(await getIdentity("alice"), Secret.of("wrong")), { kind: "wrong" });
  const guessed = await getIdentity("guessed");
  for (let tries = 0; tries < DS_LOCKS_AFTER; tries += 1) {
    await corp.bind(guessed, Secret.of(`wrong-${tries}`));
  }
  t.same(await corp.bind(guessed, Secret.of("guessed-password")), refused("directory-locked"));
  t.equal(dirsrv.read("guessed", "passwordRetryCount"), String(DS_LOCKS_AFTER));
  t.same(reported.down, [], "and none of this is an outage");
});
