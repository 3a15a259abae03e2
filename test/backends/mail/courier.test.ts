// Mails on their way: from a real store's queue to a real mail server, which is there, isn't, refuses or
// says nothing.

import { setTimeout as wait } from "node:timers/promises";

import t, { type Test } from "tap";

import {
  createCourier,
  type AddressAnswer,
  type Courier,
  type CourierSettings,
} from "../../../src/backends/mail/courier.ts";
import { freeze } from "../../../src/config/config.ts";
import { DependencyDown } from "../../../src/core/ports.ts";
import { startMailServer } from "../../support/mail-server.ts";
import { event, person, testStore, type TestStore } from "../../support/store.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const server = await startMailServer();
t.teardown(() => server.stop());

interface Kit {
  readonly test: TestStore;
  readonly courier: Courier;
  readonly log: string[];
  /** What the directory answers; a name at example.org without an entry here. */
  readonly addresses: Map<string, AddressAnswer | DependencyDown>;
  settings: CourierSettings | undefined;
  /** After the time that a failing server is left in peace. */
  look(): Promise<void>;
  demand(name: string, days?: number): Promise<void>;
  /** What came since the last time, by recipient. */
  came(): string[];
  failures(): Promise<unknown[]>;
}

async function kit(t: Test, port = server.port): Promise<Kit> {
  const test = await testStore();
  t.teardown(() => test.end());
  const log: string[] = [];
  const write = (_: unknown, message: string): number => log.push(message);
  const addresses: Kit["addresses"] = new Map();
  const kit: { settings: CourierSettings | undefined } = {
    settings: {
      server: { url: `smtp://127.0.0.1:${port}`, host: "127.0.0.1", port, tls: "none" },
      login: undefined,
      ca: undefined,
      from: { name: "Gatehouse, Example", address: "mfa@example.org" },
      templates: {},
      issuer: "Example",
      portal: "https://mfa.example.org",
    },
  };
  const courier = createCourier({
    outbox: test.store,
    settings: () => freeze(kit.settings),
    async addressOf({ username }) {
      const answer = addresses.get(username);
      if (answer instanceof DependencyDown) throw answer;
      return answer ?? { kind: "found", address: `${username}@example.org` };
    },
    clock: test.clock,
    log: { debug: write, info: write, warn: write, error: write },
  });
  let seen = server.taken().length;
  return Object.assign(kit, {
    test,
    courier,
    log,
    addresses,
    look() {
      test.clock.advance(300_000);
      return courier.look();
    },
    async demand(name: string, days = 7) {
      const until = test.clock.now() + days * DAY_MS;
      const change = { kind: "require", until, of: "person", replaces: "same" } as const;
      await test.store.changeRequirement(person(name), change, event());
    },
    came() {
      const mails = server.taken().slice(seen);
      seen += mails.length;
      return mails.map(({ to }) => to.join(" "));
    },
    async failures() {
      const eventType = "mail_delivery_failed";
      const told = await test.store.events({ limit: 100, eventType });
      return told.map(({ username, details }) => ({ username, ...details }));
    },
  });
}

await t.test("T17: the mail at the start says what, until when and where", async (t) => {
  const { courier, demand, test } = await kit(t);
  await demand("alice");
  await courier.look();
  const mail = server.taken().at(-1);
  t.match(mail, { from: "mfa@example.org", to: ["alice@example.org"] });
  t.match(mail?.headers, {
    from: '"Gatehouse, Example" <mfa@example.org>',
    to: "alice@example.org",
    subject: "Example: set up your second factor by Friday 22 January 2027, 08:00 UTC",
    date: "Fri, 15 Jan 2027 08:00:00 +0000",
    "auto-submitted": "auto-generated",
    "content-type": "text/plain; charset=utf-8",
    "message-id": /^<enrolment-begins\.1\.\d+@example\.org>$/,
  });
  t.match(mail?.text, "Hello alice,");
  t.match(mail?.text, "You have 7 days to set it up, until\nFriday 22 January 2027, 08:00 UTC.\n");
  t.match(mail?.text, "\nhttps://mfa.example.org\n");
  t.match(mail?.text, "password,123456");
  await test.store.close();
});

await t.test(
  "T17: the reminder and the notice of the end come once, the first as an event",
  async (t) => {
    const { courier, demand, test, came } = await kit(t);
    await demand("alice", 3);
    await courier.look();
    test.clock.advance(2 * DAY_MS + 60_000);
    await courier.look();
    await courier.look();
    t.equal(
      server.taken().at(-1)?.headers["subject"],
      "Example: 24 hours left to set up your second factor",
    );
    t.match(
      await test.store.events({ limit: 9, eventType: "user_mfa_enrollment_reminder_email" }),
      [{ username: "alice", success: true, details: { due: "2027-01-18T08:00:00.000Z" } }],
    );
    test.clock.advance(DAY_MS);
    await test.store.closePeriods();
    await courier.look();
    await test.store.closePeriods();
    await courier.look();
    t.match(server.taken().at(-1)?.text, /ended on\nMonday 18 January 2027, 08:00 UTC/);
    t.equal(came().length, 3);
  },
);

await t.test(
  "without a portal nothing is linked to, without mail nothing is sent or lost",
  async (t) => {
    const parts = await kit(t);
    const { settings, courier, demand, came } = parts;
    if (settings === undefined) throw new Error("there are settings");
    parts.settings = undefined;
    await demand("alice");
    await courier.look();
    t.same(came(), []);
    parts.settings = { ...settings, portal: undefined };
    await courier.look();
    t.same(came(), ["alice@example.org"]);
    const text = server.taken().at(-1)?.text ?? "";
    t.notMatch(text, /http|Sign in here/);
    t.match(text, "password,123456");
  },
);

await t.test("T27: a text of the administrators' own takes the place of ours", async (t) => {
  const parts = await kit(t);
  if (parts.settings === undefined) throw new Error("there are settings");
  const templates = {
    "enrolment-begins": {
      subject: "Für {username}",
      paragraphs: ["Grüße, {username}: {deadline}"],
    },
  };
  parts.settings = { ...parts.settings, templates };
  await parts.demand("alice");
  await parts.courier.look();
  const mail = server.taken().at(-1);
  t.equal(mail?.headers["subject"], "=?UTF-8?Q?F=C3=BCr_alice?=");
  t.equal(mail?.text.trim(), "Grüße, alice: Friday 22 January 2027, 08:00 UTC");
});

await t.test(
  "a mail server that is down is left in peace for a while; then all mails arrive",
  async (t) => {
    const { courier, demand, came, look, log, test } = await kit(t);
    await server.kill();
    for (const name of ["alice", "bob", "carol"]) await demand(name);
    await courier.look();
    t.same(log, ["mail server fails"], "one mail was tried, the others not even that");
    await courier.look();
    t.equal(test.store.mailsWaiting(), 3);
    await server.start();
    await courier.look();
    t.same(came(), [], "nobody knocks again at once");
    test.clock.advance(5_000);
    await courier.look();
    t.same(came().toSorted(), ["alice@example.org", "bob@example.org", "carol@example.org"]);
    t.match(log, /mail server takes mail again/);
    await look();
    t.same(came(), []);
  },
);

await t.test("a mail server that hangs up, or says good-bye, is one that is down", async (t) => {
  const { courier, demand, came, look, log } = await kit(t);
  await demand("leaving");
  await courier.look();
  t.same(log, ["mail server fails"]);
  server.setLenient(true);
  await look();
  server.setLenient(false);
  t.same(came(), ["leaving@example.org"]);
});

await t.test("other settings are tried at once", async (t) => {
  const parts = await kit(t, 1);
  const { settings } = await kit(t);
  await parts.demand("alice");
  await parts.courier.look();
  t.same(parts.came(), []);
  parts.settings = settings;
  await parts.courier.look();
  t.same(parts.came(), ["alice@example.org"]);
});

await t.test("whoever has no mailbox is given up at once, and said to be", async (t) => {
  const { courier, demand, failures, addresses, came } = await kit(t);
  addresses.set("eve", { kind: "no-address" });
  addresses.set("gone", { kind: "person-not-found" });
  for (const name of ["nobody", "full", "eve", "gone", "bob"]) await demand(name);
  await courier.look();
  t.same(came(), ["bob@example.org"], "and the others get theirs");
  const template = "enrolment-begins";
  const expected = { template, attempts: 1 };
  t.same(await failures(), [
    { username: "nobody", ...expected, problem: "recipient-refused" },
    { username: "full", ...expected, problem: "recipient-refused" },
    { username: "eve", ...expected, problem: "no-address" },
    { username: "gone", ...expected, problem: "person-not-found" },
  ]);
});

for (const address of [
  "alice@example.org\r\nBcc: eve@example.org",
  "alice@example.org, eve@example.org",
  "alice@example.org>\r\nRCPT TO:<eve@example.org",
  "Alice <alice@example.org>",
  "alice@example.org\r\n\r\nSee https://evil.example",
]) {
  await t.test(`${JSON.stringify(address)} gets no mail, and says so`, async (t) => {
    const { courier, demand, failures, addresses, came } = await kit(t);
    addresses.set("alice", { kind: "found", address });
    await demand("alice");
    await courier.look();
    t.same(came(), []);
    t.match(await failures(), [{ username: "alice", problem: "unusable-address" }]);
  });
}

await t.test("a user name that tries to be a header or a line stays text", async (t) => {
  const { courier, demand, addresses } = await kit(t);
  const name = "eve\r\nBcc: bob@example.org\r\n\r\n{portal}";
  addresses.set(name, { kind: "found", address: "eve@example.org" });
  await demand(name);
  await courier.look();
  const mail = server.taken().at(-1);
  t.same(mail?.to, ["eve@example.org"]);
  t.notOk("bcc" in (mail?.headers ?? {}));
  t.match(mail?.text, /^Hello eve��Bcc: bob@example.org����\{portal\},\n\nfrom now on/);
});

for (const name of ["grey", "relay"]) {
  await t.test(
    `${name}@ is tried later and later, for three days, and others get theirs`,
    async (t) => {
      const { courier, demand, came, failures, test } = await kit(t);
      await demand(name, 30);
      await demand("bob", 30);
      await courier.look();
      t.same(came(), ["bob@example.org"]);
      const start = test.clock.now();
      let attempts = 1;
      for (let minutes = 1; minutes < 60; minutes *= 2) {
        test.clock.advance(minutes * 60_000 - 1);
        await courier.look();
        test.clock.advance(1);
        await courier.look();
        attempts += 1;
      }
      t.same(await failures(), []);
      while ((await failures()).length === 0) {
        test.clock.advance(HOUR_MS);
        await courier.look();
        attempts += 1;
      }
      t.ok(
        test.clock.now() - start >= 3 * DAY_MS && test.clock.now() - start < 3 * DAY_MS + HOUR_MS,
      );
      t.match(await failures(), [{ username: name, problem: "not-taken", attempts }]);
    },
  );
}

await t.test("a mail that was put off arrives once the server takes it", async (t) => {
  const { courier, demand, came, test } = await kit(t);
  await demand("grey");
  await courier.look();
  server.setLenient(true);
  test.clock.advance(60_000);
  await courier.look();
  server.setLenient(false);
  t.same(came(), ["grey@example.org"]);
});

await t.test("after three days without a mail server all that waited is given up", async (t) => {
  const { courier, demand, failures, look, test } = await kit(t, 1);
  for (const name of ["alice", "bob"]) await demand(name, 30);
  await courier.look();
  test.clock.advance(3 * DAY_MS - HOUR_MS);
  await demand("carol", 30);
  await look();
  t.same(await failures(), []);
  test.clock.advance(HOUR_MS);
  await look();
  t.match(await failures(), [
    { username: "alice", problem: "not-taken" },
    { username: "bob", problem: "not-taken" },
  ]);
  t.equal(test.store.mailsWaiting(), 1, "carol's time isn't over");
});

await t.test("while the directory can't say where somebody gets mail, it is put off", async (t) => {
  const { courier, demand, came, failures, addresses, test } = await kit(t);
  addresses.set("alice", new DependencyDown("directory:corp", "it is down"));
  for (const name of ["alice", "bob"]) await demand(name, 30);
  await courier.look();
  t.same(came(), ["bob@example.org"]);
  addresses.delete("alice");
  test.clock.advance(60_000);
  await courier.look();
  t.same(came(), ["alice@example.org"]);
  addresses.set("carol", new DependencyDown("directory:corp", "it is down"));
  await demand("carol", 30);
  await courier.look();
  test.clock.advance(3 * DAY_MS);
  await courier.look();
  t.match(await failures(), [{ username: "carol", problem: "directory-unavailable" }]);
});

await t.test(
  "whoever crashes between sending and noting it sends once more, and no more",
  async (t) => {
    const { courier, demand, failures, came, test } = await kit(t);
    await demand("alice");
    // Begun, and never heard of again: twice is one crash and one more.
    for (const crashes of [1, 2]) {
      const [id = 0] = await test.store.dueMails(1);
      t.match(await test.store.takeMail(id, test.clock.now() + 60_000), { unsettled: crashes });
      test.clock.advance(60_000);
    }
    await courier.look();
    t.same(came(), []);
    t.match(await failures(), [{ username: "alice", problem: "interrupted" }]);
    await demand("bob");
    const [id = 0] = await test.store.dueMails(1);
    await test.store.takeMail(id, test.clock.now() + 60_000);
    test.clock.advance(60_000);
    await courier.look();
    t.same(came(), ["bob@example.org"]);
  },
);

await t.test(
  "a server that says nothing is waited for by nobody, and left at a stop",
  async (t) => {
    const { courier, demand, came, test } = await kit(t);
    await demand("alice");
    server.pause();
    const looking = courier.look();
    await wait(100);
    const begun = await test.store.begin(person("bob"), undefined);
    t.equal(begun.kind, "begun", "logins go on");
    const startedAt = performance.now();
    await courier.stop();
    await looking;
    server.resume();
    t.ok(performance.now() - startedAt < 4_000);
    t.equal(test.store.mailsWaiting(), 1, "it is sent after the next start");
    t.same(came(), []);
  },
);
