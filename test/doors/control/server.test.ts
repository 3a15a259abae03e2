// The control socket itself: who may use it, what it does with bytes it can't use, how it ends.

import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import t, { type Test } from "tap";

import { connectControl, type Operations } from "../../../src/doors/control/client.ts";
import { backup, eventsQuery, health, tokenList } from "../../../src/doors/control/operations.ts";
import { encodeLine, LINE_BYTES_MAX } from "../../../src/doors/control/protocol.ts";
import { listenControl } from "../../../src/doors/control/server.ts";
import { openDoor, SILENT, testContext, testFolder } from "../../support/control.ts";
import { event } from "../../support/store.ts";

const HEALTH = { version: 1, id: 1, operation: "health", operator: "root", arguments: {} };

async function getClient(path: string): Promise<Operations> {
  const operations = await connectControl(path, "root");
  if (operations === undefined) throw new Error(`nobody answers at ${path}`);
  return operations;
}

/** Everything the server says to these bytes until it closes. */
async function ask(path: string, chunks: readonly Buffer[]): Promise<unknown[]> {
  const socket = connect({ path, allowHalfOpen: true });
  for (const chunk of chunks) socket.write(chunk);
  socket.end();
  const lines = (await text(socket)).trim().split("\n");
  return lines.filter((line) => line !== "").map((line): unknown => JSON.parse(line));
}

const newPath = (t: Test): string => join(testFolder(t), "backup.db");

t.test("only the gateway's own user may use the socket", async (t) => {
  const { server } = await openDoor(t, await testContext(t));
  t.equal(statSync(server.path).mode & 0o777, 0o600);
});

t.test("a request is answered whole and byte by byte alike", async (t) => {
  const { server } = await openDoor(t, await testContext(t));
  const line = encodeLine(HEALTH);
  const bytes = Array.from({ length: line.length }, (_, at) => line.subarray(at, at + 1));
  const whole = await ask(server.path, [line]);
  t.match(whole, [{ id: 1, result: { status: "degraded" } }]);
  t.same(await ask(server.path, bytes), whole);
});

t.test("garbage is told once and cut off, and the next client is served", async (t) => {
  const { server, operations } = await openDoor(t, await testContext(t));
  const cases: readonly (readonly [string, Buffer])[] = [
    ["not JSON", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["zeros", Buffer.from("\0\0\0\0\n")],
    ["not UTF-8", Buffer.from([0xff, 0xfe, 0x0a])],
    ["an empty line", Buffer.from("\n")],
    ["a line without an end", Buffer.alloc(LINE_BYTES_MAX + 1, "x")],
    ["a line that is too long", Buffer.from(`${"x".repeat(LINE_BYTES_MAX + 1)}\n`)],
    ["an unknown version", encodeLine({ ...HEALTH, version: 99 })],
  ];
  for (const [title, bytes] of cases) {
    const answers = await ask(server.path, [bytes, encodeLine(HEALTH)]);
    t.match(answers, [{ id: 0, error: { code: "protocol" } }], title);
    t.equal(answers.length, 1, title);
  }
  t.match(await operations.run(health, {}), { status: "degraded" });
});

t.test("an unknown operation and wrong arguments are the caller's mistake", async (t) => {
  const { server } = await openDoor(t, await testContext(t));
  const requests = [
    { ...HEALTH, operation: "make-coffee" },
    { ...HEALTH, operation: "__proto__" },
    { ...HEALTH, operation: "token-list", arguments: { secret: "GEZDGNBVGY3TQOJQ" } },
    { ...HEALTH, operation: "token-list", arguments: null },
    { ...HEALTH, operation: "backup", arguments: { path: "relative" } },
  ];
  for (const request of requests) {
    const answers = await ask(server.path, [encodeLine(request)]);
    t.match(answers, [{ id: 1, error: { code: "usage" } }], request.operation);
    t.notMatch(JSON.stringify(answers), "GEZD");
  }
});

t.test("a client with too many requests under way is cut off", async (t) => {
  const context = await testContext(t);
  const { server } = await openDoor(t, context);
  const follow = { limit: 0, follow: true };
  const lines = Array.from({ length: 9 }, (_, at) =>
    encodeLine({ ...HEALTH, id: at + 1, operation: "events", arguments: follow }),
  );
  const answers = await ask(server.path, lines);
  t.match(answers, [{ id: 9, error: { code: "protocol" } }]);
});

t.test("an operation that fails inside says so without its words", async (t) => {
  const context = await testContext(t);
  const logged: string[] = [];
  const log = { ...SILENT, error: (fields: object) => logged.push(JSON.stringify(fields)) };
  const administration = {
    ...context.administration,
    listPeople: () => Promise.reject(new Error("SELECT secret FROM token")),
  };
  const path = join(testFolder(t), "gatehouse.sock");
  const server = await listenControl(path, { ...context, administration }, log);
  const operations = await getClient(path);
  t.teardown(async () => server.close());
  await t.rejects(operations.run(tokenList, {}), {
    code: "internal",
    message: "the gateway failed to do this",
  });
  t.equal(logged.length, 1);
});

t.test("following ends when the client goes", async (t) => {
  const context = await testContext(t);
  const { server } = await openDoor(t, context);
  const follower = await getClient(server.path);
  let asked = 0;
  const plain = context.administration.events;
  const gone = new Promise<void>((resolve) => {
    context.administration.events = async (query) => {
      asked += 1;
      if (asked === 3) {
        resolve(follower.close());
      }
      return plain(query);
    };
  });
  const following = follower.run(eventsQuery, { limit: 0, follow: true });
  await t.rejects(following, { code: "unavailable" });
  await gone;
  await server.close();
  t.equal(asked, 3, "nobody asks for a client that has gone");
});

t.test("a follower gets each new event once", async (t) => {
  const context = await testContext(t);
  const { server, operations } = await openDoor(t, context);
  await operations.run(backup, { path: newPath(t) });
  const follower = await getClient(server.path);
  const seen: number[] = [];
  const three = new Promise<void>((resolve) => {
    follower
      .run(
        eventsQuery,
        { limit: 10, follow: true },
        {
          async onItem({ seq }) {
            seen.push(seq);
            if (seq < 3) await operations.run(backup, { path: newPath(t) });
            else resolve();
          },
        },
      )
      .catch(() => undefined);
  });
  await three;
  t.same(seen, [1, 2, 3]);
  await follower.close();
});

t.test("a follower looks at each event once, also at those it doesn't want", async (t) => {
  const context = await testContext(t);
  const { server, operations } = await openDoor(t, context);
  const asked: number[] = [];
  const plain = context.administration.events;
  context.administration.events = async (query, signal) => {
    if (query.afterSeq !== undefined) asked.push(query.afterSeq);
    return plain(query, signal);
  };
  await operations.run(backup, { path: newPath(t) });
  const follower = await getClient(server.path);
  t.teardown(() => follower.close());
  const found = Promise.withResolvers<number>();
  const args = { limit: 0, follow: true, eventType: "user_lockout" } as const;
  const following = follower.run(eventsQuery, args, { onItem: ({ seq }) => found.resolve(seq) });
  following.catch(() => undefined);
  for (let seq = 2; seq <= 4; seq += 1) {
    await operations.run(backup, { path: newPath(t) });
    while (asked.length < seq - 1) await wait(20);
  }
  t.same(asked, [1, 2, 3], "what doesn't match isn't asked for again");
  await context.administration.record(event({ event_type: "user_lockout" }));
  t.equal(await found.promise, 5);
});

t.test("stopping ends followers, and removes the socket", async (t) => {
  const context = await testContext(t);
  const { server, operations } = await openDoor(t, context);
  await operations.run(backup, { path: newPath(t) });
  const follower = await getClient(server.path);
  const { promise, resolve } = Promise.withResolvers<void>();
  const args = { limit: 1, follow: true };
  const following = follower.run(eventsQuery, args, { onItem: () => resolve() });
  const ended = t.rejects(following, { code: "unavailable" });
  await promise;
  await server.close();
  await ended;
  t.equal(existsSync(server.path), false);
  t.equal(await connectControl(server.path, "root"), undefined);
});

t.test("a socket a killed gateway left behind is replaced, a living one never", async (t) => {
  const path = join(testFolder(t), "gatehouse.sock");
  await leaveStaleSocket(path);
  t.equal(await connectControl(path, "root"), undefined);
  const server = await listenControl(path, await testContext(t), SILENT);
  await t.rejects(listenControl(path, await testContext(t), SILENT), { code: "refused" });
  const operations = await getClient(path);
  t.ok(operations, "the first one still answers");
  await operations.close();
  await server.close();
});

t.test("a file that is no socket is never removed", async (t) => {
  const path = join(testFolder(t), "gatehouse.sock");
  writeFileSync(path, "precious");
  await t.rejects(listenControl(path, await testContext(t), SILENT), { code: "refused" });
  t.equal(existsSync(path), true);
});

t.test("a path too long for a socket is told", async (t) => {
  const path = join(testFolder(t), "x".repeat(120));
  await t.rejects(listenControl(path, await testContext(t), SILENT), { code: "usage" });
});

// What kill -9 leaves: the file without a listener. A child process makes one by dying.
async function leaveStaleSocket(path: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const program = `require("net").createServer().listen(process.argv[1],()=>console.log("up"))`;
  const child = spawn(process.execPath, ["-e", program, path], { stdio: "pipe" });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
}

t.test("a gateway that speaks nonsense is told as such", async (t) => {
  const path = join(testFolder(t), "gatehouse.sock");
  const server = createServer((socket) => socket.end("nonsense\n")).listen(path);
  await once(server, "listening");
  t.teardown(() => server.close());
  const operations = await getClient(path);
  await t.rejects(operations.run(health, {}), {
    code: /protocol|unavailable/,
  });
});
