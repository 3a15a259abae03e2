// The states of an account through the whole gateway, on OpenLDAP with its password policy and on 389
// Directory Server: each refused with its reason, nothing counted, and guessing locks nobody there.

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
  /** Who is guessed at. */
  readonly guessed: string;
}

function start(url: string, more: readonly string[] = []): Promise<TestGateway> {
  return startGateway({
    directory: [
      `urls: ["${url}"]`,
      "allow_cleartext: true",
      `bind_dn: "${SERVICE_DN}"`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: "${BASE}"`,
      ...more,
    ],
  });
}

async function checkServer(t: Test, server: Server, more: readonly string[]): Promise<void> {
  const gateway = await start(server.url, more);
  t.teardown(() => gateway.end());
  const { enroll, events } = operatorOf(gateway);
  const logIn = async (name: string, password: string, secret: Buffer): Promise<string> =>
    (await radclient(gateway, name, `${password},${codeFor(secret)}`)).code;

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
      locked: "directory-locked",
      expired: "password-expired",
      reset: "must-change-password",
    },
    failures: (uid) => ({
      count: slapd.read(uid, "pwdFailureTime").length,
      isLocked: slapd.read(uid, "pwdAccountLockedTime").length > 0,
    }),
    guessed: "carol",
  };
  await checkServer(t, server, []);
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
  };
  await checkServer(t, server, [`lockout_threshold: ${DS_LOCKS_AFTER}`]);
});
