// What the door makes of a directory that fails: gone, hanging, talking nonsense, or sending more than
// anybody reads.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { encodeNoticeOfDisconnection } from "../../../src/wire/ldap/response.ts";
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
import {
  abandonRequest,
  bindRequest,
  searchRequest,
  unbindRequest,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";
import { until } from "../../support/until.ts";

const slapd = await startSlapd({ users: 2_000, sizeLimit: 100_000 });
t.teardown(() => slapd.stop());

/** What a test grants for a deadline to be noticed on a busy machine. */
const LATE_MS = 5_000;

const readOf = (id: number, uid: string): Buffer =>
  searchRequest(id, { base: dnOf(uid), scope: 0 });

await t.test(
  "D01 D06: killed in mid search: told so at once; back without a restart",
  async (t) => {
    const own = await startSlapd({ users: 10 });
    t.teardown(() => own.stop());
    const { port } = await openLdapDoor(t, { urls: [plainUrl(own)] });
    const client = await bound(port);
    own.pause();
    client.send(readOf(2, "u000002"));
    await wait(100);
    await own.kill();
    t.match(await client.next(), { id: 0, resultCode: 52 });
    await client.closed();
    const refused = await LdapClient.open(port);
    t.match(await refused.ask(bindRequest(1, dnOf("u000003"), "pw-u000003")), { resultCode: 52 });
    t.match(await refused.ask(searchRequest(2, { base: "", scope: 0 })), { resultCode: 52 });
    await own.start();
    let code: number | undefined;
    for (let tries = 0; tries < 150 && code !== 0; tries += 1) {
      await wait(100);
      code = (await refused.ask(bindRequest(3 + tries, dnOf("u000003"), "pw-u000003"))).resultCode;
    }
    t.equal(code, 0);
    refused.end();
  },
);

await t.test("D02: a bind that hangs ends in 52 by the deadline, and isn't counted", async (t) => {
  const proxy = await startFaultProxy(slapd);
  t.teardown(() => proxy.stop());
  const kit = await openLdapDoor(t, { urls: [plainUrl(proxy)], directory: { timeoutMs: 1_500 } });
  const client = await bound(kit.port);
  proxy.set({ kind: "stall" });
  const startedAt = performance.now();
  t.match(await client.ask(bindRequest(2, dnOf("u000001"), "pw-u000001")), { resultCode: 52 });
  t.ok(performance.now() - startedAt < 1_500 + LATE_MS);
  t.match(await kit.store.events({ limit: 1 }), [
    { reason: "directory-unavailable", reply: "none" },
  ]);
  client.end();
});

await t.test(
  "one of two servers hangs: sessions there end, new ones go to the other",
  async (t) => {
    const [one, other] = [await startFaultProxy(slapd), await startFaultProxy(slapd)];
    t.teardown(() => Promise.all([one.stop(), other.stop()]));
    const { port } = await openLdapDoor(t, {
      urls: [plainUrl(one), plainUrl(other)],
      directory: { timeoutMs: 1_500, checkIntervalMs: 300 },
    });
    const client = await bound(port);
    one.set({ kind: "stall" });
    client.send(readOf(2, "u000002"));
    t.match(await client.next(), { id: 0, resultCode: 52 });
    await client.closed();
    const startedAt = performance.now();
    const again = await bound(port, "u000002");
    t.ok(performance.now() - startedAt < 1_500 + LATE_MS, "no login slower than one deadline");
    again.send(readOf(2, "u000003"));
    t.match(await again.answerTo(2), { resultCode: 0 });
    again.end();
  },
);

const NONSENSE: [title: string, answer: (id: number) => Buffer][] = [
  ["D03: an answer to nothing", (id) => result(id + 7, "search", 0)],
  ["D03: another kind of answer", (id) => result(id, "bind", 0)],
  ["D07: a length of 4 GB", () => Buffer.from("3084ffffffff", "hex")],
  ["D07: no BER at all", () => Buffer.alloc(500, 0x9f)],
  ["D06: a notice of disconnection", () => encodeNoticeOfDisconnection(52, "stopping")],
];

for (const [title, answer] of NONSENSE) {
  await t.test(`${title} ends the session, and the next one is served`, async (t) => {
    const directory = await startFaultDirectory();
    t.teardown(() => directory.stop());
    const { port } = await openLdapDoor(t, { urls: [plainUrl(directory)] });
    const client = await LdapClient.open(port);
    t.match(await client.ask(bindRequest(1, ALICE_DN, "secret")), { resultCode: 0 });
    const honest = directory.scripts.search;
    directory.scripts.search = ({ id }, peer) => peer.write(answer(id));
    client.send(searchRequest(2, { base: BASE }));
    t.match(await client.next(), { id: 0, resultCode: 52 });
    await client.closed();
    if (honest === undefined) delete directory.scripts.search;
    const next = await LdapClient.open(port);
    t.match(await next.ask(bindRequest(1, ALICE_DN, "secret")), { resultCode: 0 });
    next.end();
  });
}

await t.test(
  'D03 D11: a bind that is answered wrongly, or with "expired", accepts nobody',
  async (t) => {
    const directory = await startFaultDirectory();
    t.teardown(() => directory.stop());
    const { port, store, log } = await openLdapDoor(t, { urls: [plainUrl(directory)] });
    const expired = {
      oid: "1.3.6.1.4.1.42.2.27.8.5.1",
      value: Buffer.from("3003810100", "hex"),
    };
    const answers: [Parameters<typeof result>[1], number, object, number][] = [
      ["search", 0, {}, 52],
      ["extended", 0, {}, 52],
      ["bind", 51, {}, 52],
      ["bind", 0, { control: { ...expired, value: Buffer.from("30ff", "hex") } }, 52],
      ["bind", 0, { control: expired }, 49],
      ["bind", 49, { text: "80090308: LdapErr: DSID-0C09042F, data 533, v1db1" }, 49],
    ];
    for (const [kind, code, more, expected] of answers) {
      directory.scripts.bind = ({ id }, peer) => peer.write(result(id, kind, code, more));
      const client = await LdapClient.open(port);
      t.match(await client.ask(bindRequest(1, ALICE_DN, "secret")), {
        resultCode: expected,
        text: expected === 49 ? "" : /./,
      });
      await client.ask(whoAmIRequest(2));
      t.notMatch(client.messages.at(-1)?.toString(), "dn:");
      client.end();
    }
    t.match(
      (await store.events({ limit: 3 })).map(({ reason }) => reason),
      ["directory-unavailable", "password-expired", "directory-disabled"],
    );
    t.notOk(
      log.lines.some(({ level }) => level === "error"),
      "it isn't Gatehouse's own fault",
    );
  },
);

/** Entries of 4 kB without end, as fast as they are taken. */
function flood(id: number): { entries: Buffer; bytes: number } {
  const one = entry(id, ALICE_DN, alice({ description: ["x".repeat(4_000)] }));
  const entries = Buffer.concat(Array.from({ length: 16 }, () => one));
  return { entries, bytes: entries.length };
}

await t.test(
  "P03: a slow reader of a large result holds up itself alone, in flat memory",
  async (t) => {
    const directory = await startFaultDirectory();
    t.teardown(() => directory.stop());
    const { port } = await openLdapDoor(t, { urls: [plainUrl(directory)] });
    const slow = await LdapClient.open(port);
    t.match(await slow.ask(bindRequest(1, ALICE_DN, "secret")), { resultCode: 0 });
    const other = await LdapClient.open(port);
    t.match(await other.ask(bindRequest(1, ALICE_DN, "secret")), { resultCode: 0 });
    let sent = 0;
    let isStopped = false;
    directory.scripts.search = ({ id, dn }, peer) => {
      if (dn !== BASE) return void peer.write(result(id, "search", 0));
      const { entries, bytes } = flood(id);
      const more = (): void => {
        while (!isStopped) {
          sent += bytes;
          if (!peer.write(entries)) return void peer.once("drain", more);
        }
      };
      more();
    };
    slow.pause();
    slow.send(searchRequest(2, { base: BASE }));
    let stuckAt = -1;
    await until(async () => {
      const before = sent;
      await wait(700);
      stuckAt = sent;
      return stuckAt === before && sent > 0;
    });
    t.ok(sent < 64 * 1024 * 1024, `${sent} bytes are on the way`);
    const startedAt = performance.now();
    t.match(await other.ask(searchRequest(2, { base: "ou=x," + BASE })), { resultCode: 0 });
    t.ok(performance.now() - startedAt < LATE_MS, "others aren't affected");
    t.equal(sent, stuckAt, "and the directory isn't read any more");
    isStopped = true;
    slow.end();
    other.end();
  },
);

await t.test("P01: an abandoned search stops, at the directory too", async (t) => {
  const { port } = await openLdapDoor(t, { urls: [plainUrl(slapd)] });
  const client = await bound(port);
  client.send(searchRequest(2, { base: BASE, scope: 2 }), abandonRequest(3, 2), whoAmIRequest(4));
  t.match(await client.answerTo(4), { id: 4, resultCode: 0 });
  await wait(200);
  const ids = new Set(client.messages.map((message) => message[4]));
  t.ok(client.messages.length < 2_000 && ids.has(4));
  client.send(readOf(5, "u000005"));
  t.match(await client.answerTo(5), { resultCode: 0 });
  client.send(unbindRequest(6));
  await client.closed();
});

await t.test("a result through the door is the directory's own, octet for octet", async (t) => {
  const { port } = await openLdapDoor(t, {
    urls: [plainUrl(slapd)],
    listeners: [{ operations: ["search", "compare", "whoami", "modify"] }],
  });
  const paged = {
    controls: [{ oid: "1.2.840.113556.1.4.319", value: Buffer.from("3005020103" + "0400", "hex") }],
  };
  const requests = [
    bindRequest(1, dnOf("u000001"), "pw-u000001"),
    searchRequest(2, { base: BASE, attributes: ["*", "+"] }),
    searchRequest(3, { base: BASE, ...paged }),
    searchRequest(4, { base: "ou=nowhere," + BASE }),
    searchRequest(5, { base: "no dn" }),
    searchRequest(6, { base: BASE, scope: 1, attributes: ["1.1"] }),
    whoAmIRequest(7),
  ];
  const all = async (to: number): Promise<Buffer> => {
    const client = await LdapClient.open(to);
    for (const [index, request] of requests.entries()) {
      client.send(request);
      await client.answerTo(index + 1);
    }
    client.end();
    return Buffer.concat(client.messages);
  };
  const [direct, through] = [await all(slapd.port), await all(port)];
  t.ok(direct.length > 200_000, `${direct.length} octets`);
  t.ok(direct.equals(through));
});
