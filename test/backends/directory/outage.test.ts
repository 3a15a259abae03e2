// A directory that goes away and comes back: an outage by the deadline, and never more than that.

import t from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions, DirectoryUrl } from "../../../src/backends/directory/options.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { fakeClock } from "../../support/clock.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";
import { freePort } from "../../support/ports.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd();
const urls = [plainUrl(slapd)];
t.teardown(() => slapd.stop());

const down = { name: "DependencyDown", dependency: "directory:corp" };
const hello = Secret.of("hello");
const groups = [`cn=vpn,ou=groups,${BASE}`];

interface Opened {
  readonly directory: DirectoryBackend;
  readonly reported: Reported;
  readonly bob: Identity;
}

async function open(changes: Partial<DirectoryOptions> = {}): Promise<Opened> {
  const { options, reported } = directoryOptions(urls, changes);
  const directory = createDirectory(options);
  t.teardown(() => directory.close());
  await directory.start();
  const found = await directory.find("bob");
  if (found.kind !== "found") throw new Error(found.kind);
  // What a new connection asks for itself (policy, schema) must not be under way when it is cut.
  for (let trip = 0; trip < 10; trip += 1) await directory.find(`nobody${trip}`);
  return { directory, reported, bob: found.identity };
}

t.test(
  "D01: a stopped directory is an outage; started again it works without our restart",
  async (t) => {
    const { directory, reported, bob } = await open();
    t.same(await directory.bind(bob, hello), { kind: "right" });
    await slapd.kill();
    for (let index = 0; index < 3; index += 1) {
      await t.rejects(directory.bind(bob, hello), down);
      await t.rejects(directory.find("alice"), down);
      await t.rejects(directory.memberOf(bob, groups), down);
    }
    t.equal(reported.down.length, 1, "reported once");
    t.match(directory.status(), { state: "down" });
    await slapd.start();
    t.equal((await directory.find("alice")).kind, "found");
    t.same(await directory.bind(bob, hello), { kind: "right" });
    t.equal((await directory.memberOf(bob, groups)).size, 1);
    t.equal(reported.recovered, 1);
    t.match(directory.status(), { state: "up" });
  },
);

t.test("D01: a directory that isn't there at start is no error, and found later", async (t) => {
  await slapd.kill();
  const { options, reported } = directoryOptions(urls);
  const directory = createDirectory(options);
  t.teardown(() => directory.close());
  await directory.start();
  t.equal(reported.down.length, 1);
  await slapd.start();
  t.equal((await directory.find("alice")).kind, "found");
});

t.test("D02 D04: one that stops answering is an outage at the deadline, not before", async (t) => {
  const clock = fakeClock();
  const { directory, reported, bob } = await open({ clock });
  slapd.pause();
  let ended = 0;
  const asked: Promise<unknown>[] = [
    directory.bind(bob, hello),
    directory.find("carol"),
    directory.memberOf(bob, groups),
  ];
  const endings = asked.map((question) =>
    t.rejects(
      question.finally(() => (ended += 1)),
      down,
    ),
  );
  clock.advance(2_999);
  // Several sweeps later.
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(ended, 0);
  clock.advance(1);
  await Promise.all(endings);
  t.equal(reported.down.length, 1);
  slapd.resume();
  t.same(await directory.bind(bob, Secret.of("wrong")), { kind: "wrong" }, "no late answer");
  t.same(await directory.bind(bob, hello), { kind: "right" });
  t.equal((await directory.find("carol")).kind, "found");
});

t.test("idle connections that the directory dropped are replaced unnoticed", async (t) => {
  const { directory, reported, bob } = await open();
  await Promise.all(Array.from({ length: 5 }, () => directory.bind(bob, hello)));
  await slapd.kill();
  await slapd.start();
  // The ends of the old connections arrived before any new connection's beginning could.
  await new Promise((resolve) => setImmediate(resolve));
  t.same(await directory.bind(bob, hello), { kind: "right" });
  t.equal((await directory.find("alice")).kind, "found");
  t.same(reported.down, []);
});

t.test(
  "connections nobody used for a minute are closed, and opened again when needed",
  async (t) => {
    const clock = fakeClock();
    const { directory, reported, bob } = await open({ clock });
    t.match(directory.status(), { detail: "3 connections" });
    clock.advance(64_000);
    while (directory.status().detail !== "0 connections") {
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.same(await directory.bind(bob, hello), { kind: "right" });
    t.equal((await directory.find("alice")).kind, "found");
    t.same(reported.down, []);
  },
);

t.test("D01: the next URL is used where the first has nobody, no name or no way", async (t) => {
  const nobody = plainUrl({ host: "127.0.0.1", port: await freePort() });
  // RFC 6761 §6.4: no such name, ever. RFC 3849: no way there, or nobody.
  const unnamed: DirectoryUrl = {
    url: "ldap://dc1.invalid",
    host: "dc1.invalid",
    port: 389,
    tls: "none",
  };
  const unreachable: DirectoryUrl = {
    ...unnamed,
    url: "ldap://[2001:db8::1]",
    host: "2001:db8::1",
  };
  for (const url of [nobody, unnamed, unreachable]) {
    const { directory, reported, bob } = await open({ urls: [url, ...urls] });
    t.same(await directory.bind(bob, hello), { kind: "right" }, url.url);
    t.same(reported.down, [], url.url);
    const alone = createDirectory(directoryOptions([url], { timeoutMs: 500 }).options);
    t.teardown(() => alone.close());
    await t.rejects(alone.find("bob"), down, url.url);
  }
  const lost = createDirectory(directoryOptions([nobody, { ...nobody }]).options);
  t.teardown(() => lost.close());
  await t.rejects(lost.find("bob"), { ...down, message: /ECONNREFUSED.*; .*ECONNREFUSED/ });
});

t.test(
  "an outage locks nobody: guesses aren't answered, and counted, when it is over",
  async (t) => {
    const strict = await startSlapd({ passwordPolicy: true, locksAfter: 5 });
    t.teardown(() => strict.stop());
    const changes = { timeoutMs: 150, checkIntervalMs: 60_000 };
    const { options } = directoryOptions([plainUrl(strict)], changes);
    const directory = createDirectory(options);
    t.teardown(() => directory.close());
    await directory.start();
    const found = await directory.find("carol");
    if (found.kind !== "found") throw new Error(found.kind);
    strict.pause();
    // The person is known from a moment ago, so only the bind meets the outage.
    for (let tries = 0; tries < 8; tries += 1) {
      await t.rejects(directory.bind(found.identity, Secret.of(`guess ${tries}`)), down);
    }
    strict.resume();
    // It works through what it was sent before it answers this.
    t.same(await directory.bind(found.identity, Secret.of("carol-password")), { kind: "right" });
    t.ok(strict.read("carol", "pwdFailureTime").length <= 1);
    t.same(strict.read("carol", "pwdAccountLockedTime"), []);
  },
);

t.test("more than can be answered is refused at once", async (t) => {
  const { directory, bob } = await open({ timeoutMs: 1_000 });
  slapd.pause();
  const outcomes = await Promise.all(
    Array.from({ length: 5_000 }, () =>
      directory.bind(bob, hello).then(
        () => "answered",
        (error: unknown) => (error instanceof Error ? error.message : "?"),
      ),
    ),
  );
  slapd.resume();
  const refused = outcomes.filter((outcome) => outcome === "too many are waiting");
  t.ok(refused.length > 800, `${refused.length} were refused early`);
  t.notOk(outcomes.includes("answered"));
  t.same(await directory.bind(bob, hello), { kind: "right" });
});
