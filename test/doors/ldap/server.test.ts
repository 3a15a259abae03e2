// The door as a whole: streams of requests, what a reload changes, who is gone, the end.

import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { plainUrl } from "../../support/directory.ts";
import { CLOSED, LdapClient } from "../../support/ldap-client.ts";
import { bound, dnOf, listenerSettings, openLdapDoor } from "../../support/ldap-door.ts";
import {
  abandonRequest,
  bindRequest,
  element,
  filter,
  searchRequest,
  text,
  unbindRequest,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const slapd = await startSlapd({ users: 200 });
const urls = [plainUrl(slapd)];
t.teardown(() => slapd.stop());

const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

await t.test("a chunk, octet by octet, or many requests at once: all are answered", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const client = await LdapClient.open(port);
  await client.drip(bindRequest(1, dnOf("u000001"), "pw-u000001"));
  t.match(await client.next(), { id: 1, resultCode: 0 });
  const searches = Array.from({ length: 64 }, (_, index) =>
    searchRequest(2 + index, { base: dnOf(`u00000${index % 10}`), scope: 0 }),
  );
  client.send(...searches);
  const done = new Set<number>();
  while (done.size < 64) {
    const response = await client.next();
    if (response.kind === "search") done.add(response.id);
  }
  t.equal(client.messages.length, 1 + 128, "L90");
  client.end();
});

await t.test("L25 L26: what isn't LDAP is closed at once, without a word", async (t) => {
  const { port, log } = await openLdapDoor(t, { urls });
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01"]) {
    const client = await LdapClient.open(port);
    client.send(Buffer.from(bytes, "latin1"));
    await client.closed();
    t.equal(client.messages.length, 0);
  }
  t.match(log.lines, [{ level: "warn", fields: { trouble: "not-ldap", listener: "apps" } }]);
});

await t.test("LDAP-01: a broken message gets a notice and the end", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const client = await bound(port);
  client.send(Buffer.from("3084ffffffff", "hex"));
  t.match(await client.next(), { id: 0, resultCode: 2 });
  await client.closed();
});

await t.test("LDAP-19: a message before a bind has 256 KiB, after it more", async (t) => {
  const { port } = await openLdapDoor(t, { urls });
  const large = (id: number): Buffer =>
    searchRequest(id, { base: dnOf("u000001"), scope: 0, attributes: ["x".repeat(300_000)] });
  const stranger = await LdapClient.open(port);
  stranger.send(large(1));
  await stranger.closed();
  const client = await bound(port);
  client.send(large(2));
  await client.answerTo(2);
  client.end();
});

await t.test(
  "a reload's rules hold for those who are connected; a lost listener closes",
  async (t) => {
    const listeners = [
      { name: "one" },
      { name: "two", listen: { family: 4, host: "127.0.0.2", port: 0 } as const },
    ];
    const { portOf, door, directory } = await openLdapDoor(t, { urls, listeners });
    const one = await bound(portOf(0));
    const two = await LdapClient.open(portOf(1), { host: "127.0.0.2" });
    t.match(await one.ask(searchRequest(2, { base: dnOf("u000002"), scope: 0 })), {
      kind: "entry",
    });
    await one.answerTo(2);
    const rules = listenerSettings({ name: "one", operations: ["whoami"] });
    const directories = new Map([["corp", directory]]);
    t.same(door.reload({ listeners: [rules], directories }), []);
    await t.rejects(two.next(), CLOSED, "without a word: it waited for nothing");
    await t.rejects(LdapClient.open(portOf(1), { host: "127.0.0.2" }));
    t.match(await one.ask(searchRequest(3, { base: BASE })), { resultCode: 53 });
    t.match(await one.ask(bindRequest(4, dnOf("u000002"), "pw-u000002")), { resultCode: 0 });
    one.end();
    // The place that closed isn't opened again before the next start, and that is told each time.
    for (let time = 0; time < 2; time += 1) {
      t.match(door.reload({ listeners: listeners.map(listenerSettings), directories }), [
        { name: "two" },
      ]);
    }
  },
);

await t.test(
  "C05: an address that is taken is told with its remedy, and nothing stays open",
  async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    t.teardown(() => taken.close());
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const listen = { family: 4, host: "127.0.0.1", port } as const;
    const start = openLdapDoor(t, { urls, listeners: [{}, { name: "two", listen }] });
    await t.rejects(start, { message: /the port is in use; .*ss -lntp/ });
  },
);

await t.test("a client that is gone in mid search or mid bind leaves nothing behind", async (t) => {
  const { port, door, store } = await openLdapDoor(t, { urls });
  for (let round = 0; round < 5; round += 1) {
    const client = await bound(port);
    client.send(searchRequest(2, { base: BASE }), abandonRequest(3, 2));
    client.reset();
  }
  slapd.pause();
  const client = await LdapClient.open(port);
  // Looked up before: only the bind itself is under way.
  client.send(bindRequest(1, dnOf("u000001"), "wrong"));
  await wait(200);
  client.reset();
  await wait(50);
  slapd.resume();
  await until(() => door.connections().bound + door.connections().unbound === 0);
  await until(async () => {
    const [last] = await store.events({ limit: 1 });
    return last?.reason === "password-incorrect";
  });
  const good = await bound(port, "u000051");
  t.match(await good.ask(whoAmIRequest(2)), { resultCode: 0 });
  t.match(good.messages.at(-1)?.toString(), `dn:${dnOf("u000051")}`);
  good.end();
});

await t.test(
  "LDAP-08: a pooled connection never carries somebody's identity to another",
  async (t) => {
    const { port } = await openLdapDoor(t, { urls });
    for (let round = 0; round < 20; round += 1) {
      const uid = `u0000${String(10 + round)}`;
      const client = await bound(port, uid);
      client.send(unbindRequest(2));
      await client.closed();
      const other = await LdapClient.open(port);
      t.match(await other.ask(root(1)), { kind: "entry" });
      await other.answerTo(1);
      await other.ask(whoAmIRequest(2));
      t.notMatch(other.messages.at(-1)?.toString(), "dn:");
      other.end();
    }
  },
);

await t.test("at the end: who is quiet is closed at once, what runs is finished", async (t) => {
  const { port, door } = await openLdapDoor(t, { urls });
  const quiet = await bound(port);
  const busy = await bound(port, "u000002");
  slapd.pause();
  busy.send(searchRequest(2, { base: dnOf("u000003"), scope: 0 }));
  await wait(50);
  const closed = door.close({ drainMs: 20_000 });
  await t.rejects(quiet.next(), CLOSED);
  await t.rejects(LdapClient.open(port));
  slapd.resume();
  t.match(await busy.answerTo(2), { resultCode: 0 });
  await t.rejects(busy.next(), CLOSED);
  await closed;
});

await t.test("at the end: what takes too long is told", async (t) => {
  const { port, door } = await openLdapDoor(t, { urls });
  const busy = await bound(port);
  slapd.pause();
  busy.send(searchRequest(2, { base: dnOf("u000003"), scope: 0 }));
  await wait(50);
  const startedAt = performance.now();
  await door.close({ drainMs: 300 });
  t.ok(performance.now() - startedAt < 8_000);
  slapd.resume();
  t.match(await busy.next(), { id: 0, resultCode: 52 });
});

await t.test(
  "LDAP-25: a lock between an accept and its answer ends that session too",
  async (t) => {
    const person = { directory: "corp", username: "u000003" };
    const { port } = await openLdapDoor(t, { urls, decided: ({ door }) => door.revoke(person) });
    const client = await LdapClient.open(port);
    t.match(await client.ask(bindRequest(1, dnOf("u000003"), "pw-u000003")), {
      id: 0,
      resultCode: 8,
    });
    await client.closed();
    const other = await bound(port);
    t.match(await other.ask(whoAmIRequest(2)), { resultCode: 0 }, "nobody else's");
    other.end();
  },
);

await t.test(
  "LDAP-16: a page's cookie is nobody else's, whoever has the connection next",
  async (t) => {
    const { port } = await openLdapDoor(t, { urls });
    const page = (id: number, cookie: Buffer): Buffer => {
      const value = element(0x30, element(0x02, Buffer.of(5)), text(cookie));
      const controls = [{ oid: "1.2.840.113556.1.4.319", isCritical: true, value }];
      return searchRequest(id, { base: BASE, filter: filter.present("uid"), controls });
    };
    for (let round = 0; round < 5; round += 1) {
      const first = await bound(port);
      first.send(page(2, Buffer.alloc(0)));
      t.match(await first.answerTo(2), { resultCode: 0 });
      // An OCTET STRING of eight octets at the very end.
      const cookie = first.messages.at(-1)?.subarray(-8) ?? Buffer.alloc(0);
      first.send(page(3, cookie));
      t.match(await first.answerTo(3), { resultCode: 0 }, "its own goes on");
      first.send(unbindRequest(4));
      await first.closed();
      const other = await bound(port, "u000002");
      other.send(page(2, first.messages.at(-1)?.subarray(-8) ?? Buffer.alloc(0)));
      t.not((await other.answerTo(2)).resultCode, 0);
      other.end();
    }
  },
);
