// A search has no deadline of its own, a directory that hangs has one.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { plainUrl } from "../../support/directory.ts";
import {
  alice,
  ALICE_DN,
  entry,
  result,
  startFaultDirectory,
} from "../../support/fault-directory.ts";
import { startFaultProxy } from "../../support/fault-proxy.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { bound, dnOf, openLdapDoor } from "../../support/ldap-door.ts";
import { bindRequest, searchRequest } from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const slapd = await startSlapd({ users: 2_000 });
t.teardown(() => slapd.stop());

const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

/** What a test grants for a deadline to be noticed on a busy machine. */
const LATE_MS = 5_000;

await t.test(
  "D02: the only directory hangs: who waits for a search has 52 by the deadline",
  async (t) => {
    const proxy = await startFaultProxy(slapd);
    t.teardown(() => proxy.stop());
    const timeoutMs = 1_000;
    const { port } = await openLdapDoor(t, { urls: [plainUrl(proxy)], directory: { timeoutMs } });
    const client = await bound(port);
    const quiet = await bound(port, "u000002");
    const stranger = await LdapClient.open(port);
    await stranger.ask(root(1));
    await stranger.answerTo(1);
    proxy.set({ kind: "stall" });
    const startedAt = performance.now();
    client.send(searchRequest(2, { base: dnOf("u000002"), scope: 0 }));
    stranger.send(root(2));
    t.match(await client.next(), { id: 0, resultCode: 52 }, "a notice: it isn't bound any more");
    const tookMs = performance.now() - startedAt;
    t.ok(tookMs > timeoutMs / 2 && tookMs < timeoutMs + LATE_MS, `${tookMs}`);
    await client.closed();
    t.match(await stranger.next(), { id: 2, resultCode: 52 }, "it was nobody, and stays");
    t.equal(quiet.isClosed, false, "who waits for nothing isn't disturbed");
    proxy.set(undefined);
    // What was asked of it while it hung has to come to its end first.
    let id = 2;
    await until(async () => {
      id += 1;
      stranger.send(root(id));
      return (await stranger.answerTo(id)).resultCode === 0;
    });
    const again = bindRequest(id + 1, dnOf("u000003"), "pw-u000003");
    t.match(await stranger.ask(again), { resultCode: 0 });
    for (const one of [quiet, stranger]) one.end();
  },
);

await t.test("D02: so does who has half of a long answer", async (t) => {
  const proxy = await startFaultProxy(slapd);
  t.teardown(() => proxy.stop());
  const directory = { timeoutMs: 1_000 };
  const { port } = await openLdapDoor(t, { urls: [plainUrl(proxy)], directory });
  const client = await bound(port);
  proxy.set({ kind: "stall", afterBytes: 20_000 });
  client.send(searchRequest(2, { base: BASE }));
  let last = await client.next();
  // From now on it answers nobody.
  proxy.set({ kind: "stall" });
  let entries = 0;
  while (last.kind === "entry") {
    entries += 1;
    last = await client.next();
  }
  t.ok(entries > 0, `${entries} entries`);
  t.match(last, { id: 0, resultCode: 52 });
  await client.closed();
});

await t.test("a search that takes long, or trickles in, outlives many deadlines", async (t) => {
  const directory = await startFaultDirectory();
  t.teardown(() => directory.stop());
  const timeoutMs = 1_200;
  const { port } = await openLdapDoor(t, {
    urls: [plainUrl(directory)],
    directory: { timeoutMs },
  });
  const patient = await LdapClient.open(port);
  const trickle = await LdapClient.open(port);
  for (const one of [patient, trickle]) {
    t.match(await one.ask(bindRequest(1, ALICE_DN, "secret")), { resultCode: 0 });
  }
  directory.scripts.search = ({ id, dn }, peer) => {
    if (dn === "") return void peer.write(result(id, "search", 0));
    if (dn === BASE) {
      setTimeout(() => peer.write(result(id, "search", 0)), 4 * timeoutMs);
      return;
    }
    let left = 5;
    const timer = setInterval(() => {
      left -= 1;
      peer.write(left > 0 ? entry(id, ALICE_DN, alice()) : result(id, "search", 0));
      if (left === 0) clearInterval(timer);
    }, timeoutMs * 0.8);
  };
  patient.send(searchRequest(2, { base: BASE }));
  trickle.send(searchRequest(2, { base: ALICE_DN }));
  t.match(await patient.answerTo(2), { resultCode: 0 });
  t.match(await trickle.answerTo(2), { resultCode: 0 });
  t.equal(trickle.messages.length, 1 + 5);
  for (const one of [patient, trickle]) one.end();
});

await t.test("a client that reads slowly isn't cut off for the directory's silence", async (t) => {
  const directory = { timeoutMs: 1_000 };
  const { port } = await openLdapDoor(t, { urls: [plainUrl(slapd)], directory });
  const client = await bound(port);
  client.pause();
  const searches = Array.from({ length: 40 }, (_, index) =>
    searchRequest(2 + index, { base: BASE, attributes: ["*", "+"] }),
  );
  client.send(...searches);
  await wait(3_000);
  client.resume();
  // sizeLimitExceeded: people are given 500 entries.
  t.match(await client.answerTo(41), { resultCode: 4 });
  client.end();
});
