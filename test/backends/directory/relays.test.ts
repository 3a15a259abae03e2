// Connections for the LDAP door's clients: ahead of them, anonymous between two of them, gone with
// their server.

import { setTimeout as wait } from "node:timers/promises";
import t, { type Test } from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { RelayUser } from "../../../src/backends/directory/relay-connection.ts";
import { readResponse } from "../../support/ldap-requests.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import {
  ALICE_DN,
  result,
  startFaultDirectory,
  type FaultDirectory,
  type Scripts,
} from "../../support/fault-directory.ts";
import { bindRequest, whoAmIRequest } from "../../support/ldap-requests.ts";

interface Kit {
  readonly server: FaultDirectory;
  readonly relays: ReturnType<typeof createDirectory>["relays"];
  waiting(): number;
  state(): "up" | "down";
}

async function kit(t: Test, scripts: Scripts = {}, timeoutMs = 500): Promise<Kit> {
  const server = await startFaultDirectory(scripts);
  const { options } = directoryOptions([plainUrl(server)], { timeoutMs });
  const directory = createDirectory(options);
  t.teardown(async () => {
    directory.close();
    await server.stop();
  });
  const { relays } = directory;
  return {
    server,
    relays,
    waiting: () => directory.load().pools.relay.waiting,
    state: () => directory.status().state,
  };
}

interface User extends RelayUser {
  isAwaiting: boolean;
  readonly answers: ReturnType<typeof readResponse>[];
  closed: string | undefined;
  next(): Promise<void>;
}

function user(): User {
  let wake = (): void => undefined;
  const one: User = {
    isAwaiting: false,
    answers: [],
    closed: undefined,
    next: () => new Promise((resolve) => (wake = resolve)),
    onData(chunk) {
      one.answers.push(readResponse(chunk));
      wake();
    },
    onFull: () => undefined,
    onDrain: () => undefined,
    onClosed(reason) {
      one.closed = reason;
      wake();
    },
  };
  return one;
}

/** What a test grants for a deadline to be noticed on a busy machine. */
const LATE_MS = 5_000;

const binds = ({ log }: FaultDirectory): string[] => log.filter((line) => line.startsWith("bind "));

await t.test(
  "connections are there before anybody asks, and another one takes the place of one in use",
  async (t) => {
    const { server, relays } = await kit(t);
    const until = async (accepted: number): Promise<void> => {
      while (server.accepted < accepted) await wait(10);
    };
    relays.prepare();
    await until(4);
    const one = user();
    const connection = await relays.acquire(one);
    connection.write(whoAmIRequest(1));
    await one.next();
    t.match(one.answers, [{ id: 1, resultCode: 0 }]);
    await until(5);
  },
);

await t.test(
  "LDAP-08: nobody has it again before the directory says that it is anonymous",
  async (t) => {
    const { server, relays } = await kit(t);
    const first = user();
    const connection = await relays.acquire(first);
    connection.writeBind(bindRequest(7, ALICE_DN, "secret"));
    await first.next();
    let answer = (): void => undefined;
    server.scripts.bind = ({ id, dn }, peer) => {
      t.equal(dn, "");
      answer = () => void peer.write(result(id, "bind", 0));
    };
    connection.release(false);
    await wait(50);
    const accepted = server.accepted;
    const second = await relays.acquire(user());
    t.not(second, connection, "it is still alice's");
    t.equal(server.accepted, accepted + 1);
    answer();
    await wait(50);
    t.equal(await relays.acquire(user()), connection);
    t.same(binds(server), [`bind ${ALICE_DN}`, "bind "]);
  },
);

await t.test("one on which nobody has bound is free at once", async (t) => {
  const { server, relays } = await kit(t);
  const connection = await relays.acquire(user());
  connection.release(true);
  t.equal(await relays.acquire(user()), connection);
  t.same(binds(server), []);
});

const DIRTY: [title: string, scripts: Scripts][] = [
  ["refuses anonymous binds", { bind: ({ id }, peer) => peer.write(result(id, "bind", 48)) }],
  ["answers something else", { bind: ({ id }, peer) => peer.write(result(id, "search", 0)) }],
  ["answers another id", { bind: ({ id }, peer) => peer.write(result(id - 1, "bind", 0)) }],
  [
    "answers twice",
    {
      bind: ({ id }, peer) =>
        peer.write(Buffer.concat([result(id, "bind", 0), result(id, "bind", 0)])),
    },
  ],
  ["answers nothing", { bind: () => undefined }],
  ["talks nonsense", { bind: (_, peer) => peer.write(Buffer.alloc(64, 0x9f)) }],
];

for (const [title, scripts] of DIRTY) {
  await t.test(`a connection whose directory ${title} is never used again`, async (t) => {
    const { server, relays } = await kit(t);
    const connection = await relays.acquire(user());
    server.scripts.bind = ({ id }, peer) => peer.write(result(id, "bind", 0));
    const one = user();
    connection.writeBind(bindRequest(7, ALICE_DN, "secret"));
    await wait(50);
    Object.assign(server.scripts, scripts);
    connection.release(false);
    await wait(700);
    t.not(await relays.acquire(one), connection);
  });
}

await t.test("what a directory says to nobody ends the connection", async (t) => {
  const { server, relays } = await kit(t);
  const peers: Parameters<NonNullable<Scripts["connection"]>>[0][] = [];
  server.scripts.connection = (peer) => void peers.push(peer);
  const connection = await relays.acquire(user());
  connection.release(true);
  peers[0]?.write(result(1, "search", 0));
  await wait(50);
  t.not(await relays.acquire(user()), connection);
});

await t.test("a user learns that its connection is gone, once, and why", async (t) => {
  const { server, relays } = await kit(t);
  server.scripts.extended = (_, peer) => peer.destroy();
  const one = user();
  const connection = await relays.acquire(one);
  connection.write(whoAmIRequest(1));
  await one.next();
  t.match(one.closed, /closed/);
  one.closed = "told once";
  connection.release(true);
  connection.destroy();
  connection.write(whoAmIRequest(2));
  await wait(50);
  t.equal(one.closed, "told once");
});

await t.test("a bind without an answer ends the connection by the deadline", async (t) => {
  const { server, relays } = await kit(t, {}, 300);
  server.scripts.bind = () => undefined;
  const one = user();
  const connection = await relays.acquire(one);
  const startedAt = performance.now();
  connection.writeBind(bindRequest(7, ALICE_DN, "secret"));
  await one.next();
  t.match(one.closed, /no answer in time/);
  t.ok(performance.now() - startedAt < 300 + LATE_MS);
});

await t.test("a server that hangs loses those who wait, by the deadline", async (t) => {
  const { server, relays, state } = await kit(t, {}, 600);
  const [waits, idle] = [user(), user()];
  const connection = await relays.acquire(waits);
  await relays.acquire(idle);
  server.scripts.extended = () => undefined;
  server.scripts.search = () => undefined;
  waits.isAwaiting = true;
  const startedAt = performance.now();
  connection.write(whoAmIRequest(1));
  await waits.next();
  t.match(waits.closed, /no answer in time/);
  t.ok(performance.now() - startedAt > 600 / 2);
  t.equal(idle.closed, undefined, "who waits for nothing can't be told that nothing comes");
  t.equal(state(), "down");
});

await t.test("what takes long isn't cut off while the server lives", async (t) => {
  const { server, relays, state } = await kit(t, {}, 1_000);
  const one = user();
  const connection = await relays.acquire(one);
  server.scripts.extended = () => undefined;
  one.isAwaiting = true;
  connection.write(whoAmIRequest(1));
  const checks = (): number => server.log.filter((line) => line === "search ").length;
  const before = checks();
  while (checks() < before + 4) await wait(20);
  t.equal(one.closed, undefined);
  t.equal(state(), "up");
  // It takes no new connection any more, and yet serves those it has.
  server.scripts.search = () => undefined;
  server.scripts.extended = ({ id }, peer) => peer.write(result(id, "extended", 0));
  const other = user();
  const served = await relays.acquire(other);
  for (let id = 1; id < 100; id += 1) {
    served.write(whoAmIRequest(id));
    await other.next();
    await wait(20);
  }
  t.equal(one.closed, undefined);
  t.equal(state(), "up");
});

await t.test("a client that doesn't read is no directory that hangs", async (t) => {
  const { server, relays, state } = await kit(t, {}, 200);
  const one = user();
  const connection = await relays.acquire(one);
  server.scripts.search = () => undefined;
  one.isAwaiting = true;
  connection.pause();
  connection.write(whoAmIRequest(1));
  await wait(700);
  t.equal(one.closed, undefined);
  t.equal(state(), "up");
  connection.resume();
  await one.next();
  t.match(one.answers, [{ id: 1, resultCode: 0 }]);
});

await t.test("one bind that takes too long takes the server from nobody else", async (t) => {
  const { server, relays, state } = await kit(t, {}, 1_000);
  server.scripts.bind = ({ id, bytes }, peer) => {
    if (!bytes.includes("slow")) peer.write(result(id, "bind", 0));
  };
  const slow = user();
  const waits = await relays.acquire(slow);
  waits.writeBind(bindRequest(7, ALICE_DN, "slow"));
  await wait(20);
  const quick = { ...user(), onData: (chunk: Buffer) => void answered.judgeBind(chunk, {}) };
  const answered = await relays.acquire(quick);
  answered.writeBind(bindRequest(7, ALICE_DN, "secret"));
  await slow.next();
  t.match(slow.closed, /no answer in time/);
  t.equal(state(), "up");
  // The same with nobody who was answered since.
  const alone = user();
  (await relays.acquire(alone)).writeBind(bindRequest(7, ALICE_DN, "slow"));
  await alone.next();
  t.equal(state(), "down");
});

await t.test(
  "D01: nobody waits longer than the deadline for a server that isn't there",
  async (t) => {
    const { server, relays, waiting } = await kit(t, {}, 300);
    await server.stop();
    const tries = Array.from({ length: 40 }, () => relays.acquire(user()));
    const startedAt = performance.now();
    for (const one of await Promise.allSettled(tries)) t.equal(one.status, "rejected");
    t.ok(performance.now() - startedAt < 300 + LATE_MS);
    t.equal(waiting(), 0);
    await t.rejects(relays.acquire(user()), { name: "DependencyDown" });
  },
);

await t.test("closing leaves connections to those who use them", async (t) => {
  const server = await startFaultDirectory();
  t.teardown(() => server.stop());
  const directory = createDirectory(directoryOptions([plainUrl(server)]).options);
  const one = user();
  const connection = await directory.relays.acquire(one);
  directory.close();
  connection.write(whoAmIRequest(1));
  await one.next();
  t.match(one.answers, [{ resultCode: 0 }]);
  await t.rejects(directory.relays.acquire(user()), { message: "closed" });
  connection.release(true);
  await wait(50);
  t.equal(directory.load().pools.relay.connections, 0);
});
