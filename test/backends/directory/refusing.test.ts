// Servers that answer and don't serve: our own account refused, busy, without the people. The other
// server is used, nobody's password is asked for it, and it is taken back when it serves.

import { setTimeout as wait } from "node:timers/promises";

import t, { type Test } from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import { DependencyDown, type Directory } from "../../../src/core/ports.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { fakeClock } from "../../support/clock.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";
import {
  alice,
  ALICE_DN,
  entry,
  notice,
  result,
  startFaultDirectory,
  type FaultDirectory,
  type Script,
} from "../../support/fault-directory.ts";
import { BASE, SERVICE_DN, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const good = await startSlapd({ log: true });
t.teardown(() => good.stop());
const password = Secret.of("alice-password");
const CHECK_MS = 30;
let logins = 0;

/** "right", "wrong", or "down". */
async function logIn(directory: Directory): Promise<string> {
  try {
    logins += 1;
    // Spelled differently each time, so that no answer is remembered.
    const found = await directory.find(`${" ".repeat(logins % 200)}alice`);
    if (found.kind !== "found") return found.kind;
    return (await directory.bind(found.identity, password)).kind;
  } catch (error) {
    if (error instanceof DependencyDown) return "down";
    throw error;
  }
}

interface Opened {
  readonly bad: FaultDirectory;
  readonly directory: ReturnType<typeof createDirectory>;
  readonly reported: Reported;
  readonly clock: ReturnType<typeof fakeClock>;
}

/** The bad one is preferred. */
async function open(
  t: Test,
  scripts: FaultDirectory["scripts"] = {},
  changes: Partial<DirectoryOptions> = {},
): Promise<Opened> {
  const bad = await startFaultDirectory(scripts);
  const clock = fakeClock();
  const { options, reported } = directoryOptions([plainUrl(bad), plainUrl(good)], {
    timeoutMs: 600,
    checkIntervalMs: CHECK_MS,
    clock,
    ...changes,
  });
  const directory = createDirectory(options);
  t.teardown(async () => {
    directory.close();
    await bad.stop();
  });
  await directory.start();
  return { bad, directory, reported, clock };
}

const answer =
  (kind: "bind" | "search", resultCode: number): Script =>
  ({ id }, peer) =>
    peer.write(result(id, kind, resultCode));
const honestly: Script = ({ id }, peer) =>
  peer.write(Buffer.concat([entry(id, ALICE_DN, alice()), result(id, "search", 0)]));
/** Its root answers, whatever else doesn't. */
const rootOnly =
  (script: Script): Script =>
  (request, peer) => {
    if (request.dn === "") peer.write(result(request.id, "search", 0));
    else script(request, peer);
  };

t.test(
  "D15: a server that refuses our own account is no reason not to ask the other",
  async (t) => {
    const cases: Record<string, Script> = {
      "wrong password": answer("bind", 49),
      unwilling: answer("bind", 53),
      busy: answer("bind", 51),
      unavailable: answer("bind", 52),
      "another error": answer("bind", 80),
      "a reset": (_, peer) => peer.resetAndDestroy(),
      "an end": (_, peer) => peer.end(),
      "a notice of disconnection": (_, peer) => peer.write(notice()),
      "no BER": (_, peer) => peer.write("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
    };
    for (const [name, serviceBind] of Object.entries(cases)) {
      const { bad, directory, reported } = await open(t, { serviceBind });
      for (let tries = 0; tries < 10; tries += 1) t.equal(await logIn(directory), "right", name);
      t.same(reported.down, [], name);
      t.equal(bad.log.includes(`bind ${ALICE_DN}`), false, `${name}: nobody's password went there`);
      t.match(directory.status().detail, new RegExp(`:${bad.port}: `), `${name}: and it is said`);
    }
  },
);

t.test("D15: it isn't asked again before its time, and serves when it takes us", async (t) => {
  const opened = await open(t, { serviceBind: answer("bind", 49) });
  const { bad, directory, reported, clock } = opened;
  const binds = (): number => bad.log.filter((line) => line === `bind ${SERVICE_DN}`).length;
  t.equal(await logIn(directory), "right");
  await wait(5 * CHECK_MS);
  t.equal(binds(), 1);
  clock.advance(30_000);
  await until(() => binds() === 2);
  await wait(5 * CHECK_MS);
  t.equal(binds(), 2, "one more after half a minute");
  bad.scripts.serviceBind = answer("bind", 0);
  clock.advance(120_000);
  await until(() => reported.servers.at(-1)?.endsWith(`${bad.port} answers`) === true);
  t.equal(await logIn(directory), "right");
  t.match(directory.status().detail, /^\d connections$/);
});

t.test("a server whose people are gone is left, although its root answers", async (t) => {
  for (const resultCode of [52, 51, 1, 32, 80, 10]) {
    const { bad, directory, reported, clock } = await open(t, { search: honestly });
    t.equal(await logIn(directory), "right");
    t.ok(bad.log.includes(`bind ${ALICE_DN}`), "it is preferred");
    bad.scripts.search = rootOnly(answer("search", resultCode));
    // Whoever notices it meets an outage; nobody does after that.
    t.equal(await logIn(directory), "down", `${resultCode}`);
    await until(() => reported.servers.length > 0);
    for (let tries = 0; tries < 5; tries += 1) {
      t.equal(await logIn(directory), "right", `${resultCode}: the other server`);
    }
    // Its root answers all the time; that alone doesn't bring it back.
    await wait(5 * CHECK_MS);
    t.match(reported.servers, [new RegExp(`${BASE} with result code ${resultCode}$`)]);
    bad.scripts.search = honestly;
    clock.advance(60_000);
    await until(() => reported.servers.length > 1);
    t.match(reported.servers[1], /answers$/);
    t.same(reported.down, []);
  }
});

t.test("a server that can't check passwords for somebody else's reasons stays", async (t) => {
  const { bad, directory, reported } = await open(t);
  // Such as passwords of a few people that it has to ask elsewhere.
  bad.scripts.bind = answer("bind", 52);
  for (let tries = 0; tries < 5; tries += 1) t.equal(await logIn(directory), "down");
  await wait(5 * CHECK_MS);
  t.same(reported.servers, [], "it serves us");
});

t.test("one question that takes too long takes the server from nobody else", async (t) => {
  const isSlow = ({ bytes }: { bytes: Buffer }): boolean => bytes.includes("slow");
  const scripts: FaultDirectory["scripts"] = {
    search: (request, peer) => void (isSlow(request) || honestly(request, peer)),
    bind: (request, peer) => void (isSlow(request) || answer("bind", 0)(request, peer)),
  };
  const { bad, directory, reported } = await open(t, scripts, { clock: systemClock });
  const kinds = new Set<string>();
  let isOver = false;
  const others = (async () => {
    for (; !isOver; await wait(10)) kinds.add(await logIn(directory));
  })();
  // On a connection that is shared, and on one that isn't.
  await t.rejects(directory.find("slow"), { name: "DependencyDown" });
  const identity = { directory: "corp", id: "x", username: "alice", dn: ALICE_DN };
  await t.rejects(directory.bind(identity, Secret.of("slow")), { name: "DependencyDown" });
  isOver = true;
  await others;
  t.same([...kinds], ["right"]);
  t.same(reported.servers, []);
  t.ok(bad.log.length > 50, "nobody went elsewhere");
});

t.test("alone, it is an outage that says why, and ends by itself", async (t) => {
  const bad = await startFaultDirectory({ serviceBind: answer("bind", 52) });
  const clock = fakeClock();
  const { options, reported } = directoryOptions([plainUrl(bad)], {
    timeoutMs: 600,
    checkIntervalMs: CHECK_MS,
    clock,
  });
  const directory = createDirectory(options);
  t.teardown(async () => {
    directory.close();
    await bad.stop();
  });
  await directory.start();
  for (let tries = 0; tries < 5; tries += 1) t.equal(await logIn(directory), "down");
  t.match(reported.down, [/answers a bind with result code 52$/]);
  delete bad.scripts.serviceBind;
  bad.scripts.search = honestly;
  clock.advance(5_000);
  await until(() => reported.recovered === 1);
  t.equal(await logIn(directory), "right");
  t.equal(reported.down.length, 1);
});
