// Two servers of one directory, real ones, with what can happen to either: a login waits one deadline
// at most, no answer is ever taken for another one, and all is well again without our restart.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import t, { type Test } from "tap";

import { generateCertificates, type CertificateOptions } from "../../../certs/certificates.ts";
import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions, DirectoryUrl } from "../../../src/backends/directory/options.ts";
import { DependencyDown } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { fakeClock } from "../../support/clock.ts";
import { directoryOptions, ldapsUrl, plainUrl, type Reported } from "../../support/directory.ts";
import { startFaultProxy, type Certificate, type Fault } from "../../support/fault-proxy.ts";
import { makeRevocationList } from "../../support/revocations.ts";
import { freePort } from "../../support/ports.ts";
import { SERVICE_DN, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const first = await startSlapd({ log: true });
const second = await startSlapd({ log: true });
t.teardown(() => Promise.all([first.stop(), second.stop()]));

const TIMEOUT_MS = 600;
const right = Secret.of("alice-password");
const wrong = Secret.of("a guess");
let logins = 0;

interface Opened {
  readonly directory: DirectoryBackend;
  readonly reported: Reported;
}

async function open(
  t: Test,
  urls: readonly DirectoryUrl[],
  changes: Partial<DirectoryOptions> = {},
): Promise<Opened> {
  const times = { timeoutMs: TIMEOUT_MS, checkIntervalMs: 50 };
  const { options, reported } = directoryOptions(urls, { ...times, ...changes });
  const directory = createDirectory(options);
  t.teardown(() => directory.close());
  await directory.start();
  return { directory, reported };
}

/** "right", "wrong", or "down". */
async function logIn({ directory }: Opened, password = right): Promise<string> {
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

t.test(
  "D01: a server that is killed: the other one serves, and it is used again later",
  async (t) => {
    const opened = await open(t, [plainUrl(first), plainUrl(second)]);
    t.equal(await logIn(opened), "right");
    const before = second.binds(SERVICE_DN);
    t.equal(first.binds(SERVICE_DN) > 0, true, "the first one is preferred");
    await first.kill();
    for (let tries = 0; tries < 20; tries += 1) t.equal(await logIn(opened), "right");
    t.ok(second.binds(SERVICE_DN) > before);
    t.match(opened.directory.status(), { state: "up", detail: /ECONNREFUSED/ });
    await first.start();
    await until(() => opened.reported.servers.at(-1)?.endsWith("answers") === true);
    t.equal(await logIn(opened), "right");
    t.same(opened.reported.down, [], "the directory was never down");
    t.equal(opened.reported.servers.length, 2, "said once, and its end once");
  },
);

t.test("D02: a server that hangs: who is under way waits one deadline, nobody after", async (t) => {
  const opened = await open(t, [plainUrl(first), plainUrl(second)], {
    timeoutMs: 2_000,
    checkIntervalMs: 60_000,
  });
  t.equal(await logIn(opened), "right");
  first.pause();
  t.teardown(() => first.resume());
  // Searches are put to the other server while there is time; binds are never put twice.
  const kinds = await Promise.all(Array.from({ length: 20 }, () => logIn(opened)));
  t.same(new Set(kinds), new Set(["right"]));
  t.equal(await logIn(opened, wrong), "wrong");
  t.equal(opened.reported.servers.length, 1);
  t.same(opened.reported.down, []);
});

t.test("D02: a hanging server is noticed while nobody logs in", async (t) => {
  const opened = await open(t, [plainUrl(first), plainUrl(second)], { timeoutMs: 200 });
  first.pause();
  await until(() => opened.reported.servers.length > 0);
  t.match(opened.reported.servers[0], /no answer in time$/);
  t.equal(await logIn(opened), "right");
  first.resume();
  await until(() => opened.reported.servers.length > 1);
  t.match(opened.reported.servers[1], /answers$/);
});

t.test("a bind that was under way when its server began to hang is an outage", async (t) => {
  const opened = await open(t, [plainUrl(first), plainUrl(second)], { checkIntervalMs: 60_000 });
  const found = await opened.directory.find("alice");
  if (found.kind !== "found") throw new Error(found.kind);
  first.pause();
  await t.rejects(opened.directory.bind(found.identity, right), { name: "DependencyDown" });
  first.resume();
  t.same(await opened.directory.bind(found.identity, right), { kind: "right" });
});

const AFTER_BYTES = [0, 1, 7, 40, 100, 300];
const FAULTS: Fault[] = [
  ...AFTER_BYTES.flatMap((afterBytes) =>
    (["stall", "reset", "half-close", "garbage"] as const).map((kind) => ({ kind, afterBytes })),
  ),
  { kind: "delay", ms: 10 },
  { kind: "delay", ms: 400 },
];

t.test("D03–D07: whatever the network does, nobody is let in by it, and it passes", async (t) => {
  const proxy = await startFaultProxy(first);
  t.teardown(() => proxy.stop());
  const opened = await open(t, [plainUrl(proxy)], { timeoutMs: 200 });
  for (const fault of FAULTS) {
    const name = `${fault.kind} after ${fault.afterBytes ?? 0}`;
    t.equal(await logIn(opened), "right", `before ${name}`);
    proxy.set(fault);
    for (let tries = 0; tries < 3; tries += 1) {
      t.not(await logIn(opened, wrong), "right", name);
    }
    proxy.set(undefined);
    // Those within one deadline of the fault may still meet a connection that is broken.
    await logIn(opened);
    await logIn(opened);
    t.equal(await logIn(opened), "right", `after ${name}`);
    t.equal(await logIn(opened, wrong), "wrong", `after ${name}`);
  }
  t.ok(proxy.open <= 5, `${proxy.open} connections`);
});

t.test("half-open: connections that lost their peer cost one deadline, not one each", async (t) => {
  const proxy = await startFaultProxy(first);
  t.teardown(() => proxy.stop());
  const opened = await open(t, [plainUrl(proxy)], { timeoutMs: 300, checkIntervalMs: 60_000 });
  const kinds = await Promise.all(Array.from({ length: 20 }, () => logIn(opened)));
  t.same(new Set(kinds), new Set(["right"]));
  t.ok(proxy.open > 4, `${proxy.open} idle connections`);
  proxy.set({ kind: "stall" });
  t.equal(await logIn(opened), "down");
  proxy.set(undefined);
  for (let tries = 0; tries < 10; tries += 1) t.equal(await logIn(opened), "right");
});

async function makeCertificate(
  t: Test,
  options: CertificateOptions = {},
): Promise<Certificate & { ca: string; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-certs-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await generateCertificates(folder, options);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { key: read("server.key"), cert: read("server.pem"), ca: read("ca.pem"), folder };
}

t.test("D16 T18: a swapped certificate gets no bind; the other server serves", async (t) => {
  const good = await makeCertificate(t);
  const proxy = await startFaultProxy(first, good);
  const spare = await startFaultProxy(second, good);
  t.teardown(() => Promise.all([proxy.stop(), spare.stop()]));
  const url = ({ port }: { port: number }): DirectoryUrl =>
    ldapsUrl({ ldapsPort: port }, "127.0.0.1");
  const alone = await open(t, [url(proxy)], { ca: good.ca });
  const pair = await open(t, [url(proxy), url(spare)], { ca: good.ca });
  const swapped: Record<string, [Certificate, RegExp]> = {
    "another authority": [await makeCertificate(t), /unable to verify|self-signed/],
    "another name": [await makeCertificate(t, { names: ["other.example"] }), /./],
    expired: [await makeCertificate(t, { clock: fakeClock(Date.UTC(2001, 0)) }), /./],
  };
  for (const [name, [certificate, message]] of Object.entries(swapped)) {
    t.equal(await logIn(alone), "right");
    proxy.setCertificate(certificate);
    await proxy.pause();
    await proxy.resume();
    const before = first.binds("uid=alice,ou=people,dc=example,dc=org");
    t.equal(await logIn(alone), "down", name);
    await until(() => alone.directory.status().state === "down");
    t.match(alone.directory.status().detail, message);
    t.equal(await logIn(pair), "right", `${name}: the other server`);
    t.equal(first.binds("uid=alice,ou=people,dc=example,dc=org"), before, `${name}: no bind sent`);
    proxy.setCertificate(good);
    await until(() => alone.directory.status().state === "up");
  }
});

t.test("T18: a certificate that its authority has revoked gets no bind", async (t) => {
  const good = await makeCertificate(t);
  const other = await makeCertificate(t);
  const proxy = await startFaultProxy(first, good);
  t.teardown(() => proxy.stop());
  const url = ldapsUrl({ ldapsPort: proxy.port }, "127.0.0.1");
  const current = await makeRevocationList(good.folder);
  const trusted = await open(t, [url], { ca: good.ca, crl: current });
  t.equal(await logIn(trusted), "right");
  const lists: Record<string, string> = {
    CERT_REVOKED: await makeRevocationList(good.folder, { isRevoked: true }),
    CRL_HAS_EXPIRED: await makeRevocationList(good.folder, { dueInMs: -1_000 }),
    // Another authority's list says nothing.
    UNABLE_TO_GET_CRL: await makeRevocationList(other.folder),
  };
  const before = first.binds(SERVICE_DN);
  for (const [code, crl] of Object.entries(lists)) {
    const refused = await open(t, [url], { ca: good.ca, crl });
    t.equal(await logIn(refused), "down", code);
    t.match(refused.directory.status().detail, /certificate revoked|CRL/i, code);
  }
  t.equal(first.binds(SERVICE_DN), before, "no bind was sent");
});

t.test("D17: a server that comes and goes is soon out of the game", async (t) => {
  const proxy = await startFaultProxy(first);
  t.teardown(() => proxy.stop());
  const opened = await open(t, [plainUrl(proxy), plainUrl(second)], { checkIntervalMs: 20 });
  const kinds: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    await proxy.pause();
    // A bind on a connection that is gone, which we don't know yet, is never put twice.
    await wait(20);
    kinds.push(await logIn(opened), await logIn(opened, wrong));
    await wait(60);
    await proxy.resume();
    kinds.push(await logIn(opened), await logIn(opened, wrong));
    await wait(60);
  }
  t.same(new Set(kinds), new Set(["right", "wrong"]), "no login failed");
  t.ok(opened.reported.servers.length <= 4, opened.reported.servers.join("\n"));
  t.same(opened.reported.down, []);
});

t.test("connections are renewed before a server's own limit, unnoticed", async (t) => {
  const clock = fakeClock();
  const proxy = await startFaultProxy(first);
  t.teardown(() => proxy.stop());
  const opened = await open(t, [plainUrl(proxy)], { clock, checkIntervalMs: 60_000 });
  const before = proxy.accepted;
  for (let minutes = 0; minutes < 15; minutes += 0.5) {
    const kinds = await Promise.all(Array.from({ length: 5 }, () => logIn(opened)));
    t.same(new Set(kinds), new Set(["right"]));
    clock.advance(30_000);
    await wait(30);
  }
  t.ok(proxy.accepted > before);
  t.ok(proxy.open <= 8);
  t.same(opened.reported.down, []);
});

t.test("one directory that is down delays no other", async (t) => {
  const nobody = { host: "127.0.0.1", port: await freePort() };
  const dead = await open(t, [plainUrl(nobody)]);
  const alive = await open(t, [plainUrl(second)]);
  const [lost, found] = await Promise.all([logIn(dead), logIn(alive)]);
  t.same([lost, found], ["down", "right"]);
});
