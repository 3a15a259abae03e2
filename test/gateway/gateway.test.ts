// The parts of a gateway introduced to each other, in this process: reloads, outages, start and stop.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import t, { type Test } from "tap";

import type { Store } from "../../src/backends/store/store.ts";
import { DependencyDown } from "../../src/core/ports.ts";
import { connectControl, type Operations } from "../../src/doors/control/client.ts";
import { eventsQuery, health, reload, testLogin } from "../../src/doors/control/operations.ts";
import { getConfiguration } from "../../src/gateway/configuration.ts";
import { startGatewayParts, type RunningGateway } from "../../src/gateway/gateway.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { startFaultDirectory, type FaultDirectory } from "../support/fault-directory.ts";
import { memoryLog, SECRET, statusRequest, type LogLine } from "../support/radius-door.ts";
import { BASE, SERVICE_DN } from "../support/slapd.ts";
import { testStore } from "../support/store.ts";

interface Kit {
  readonly gateway: RunningGateway;
  readonly operations: Operations;
  readonly store: Store;
  readonly lines: readonly LogLine[];
  write(text: string): void;
}

/** One directory under `name`, one client. */
function yaml(directory: FaultDirectory, name: string, more = ""): string {
  return `master_key: { value: "${Buffer.alloc(32, 9).toString("base64")}" }
directories:
  - name: ${name}
    urls: ["ldap://127.0.0.1:${directory.port}"]
    allow_cleartext: true
    bind_dn: ${SERVICE_DN}
    bind_password: { value: service-password }
    base: ${BASE}
    timeout: 1s
radius:
  listen: ["127.0.0.1:0"]
  clients: [{ name: vpn, addresses: [127.0.0.1], secret: { value: ${SECRET} } }]
${more}`;
}

/** Until `t` ends. `change` puts something else in the place of parts of the store. */
async function openGateway(
  t: Test,
  text: string,
  change: (store: Store) => Partial<Store> = () => ({}),
): Promise<Kit> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-parts-"));
  const configPath = join(folder, "gatehouse.yaml");
  const write = (content: string): void => writeFileSync(configPath, content, { mode: 0o600 });
  write(text);
  const test = await testStore({ clock: systemClock });
  const log = { ...memoryLog(), setLevel: () => undefined };
  const gateway = await startGatewayParts({
    configPath,
    loaded: getConfiguration(configPath),
    store: { ...test.store, ...change(test.store) },
    socketPath: join(folder, "gatehouse.sock"),
    version: "0.0.0",
    clock: systemClock,
    log,
  });
  const operations = await connectControl(join(folder, "gatehouse.sock"), "root");
  if (operations === undefined) throw new Error("the control socket doesn't answer");
  t.teardown(async () => {
    await operations.close();
    await gateway.stop();
    await test.end();
    rmSync(folder, { recursive: true });
  });
  return { gateway, operations, store: test.store, lines: log.lines, write };
}

async function directoryFor(t: Test, scripts = {}): Promise<FaultDirectory> {
  const directory = await startFaultDirectory(scripts);
  t.teardown(() => directory.stop());
  return directory;
}

/** The code of the reply to a Status-Server; undefined: silence. */
async function askStatus({ addresses }: RunningGateway): Promise<number | undefined> {
  const socket = createSocket("udp4");
  const port = Number(addresses[0]?.split(":")[1]);
  socket.send(statusRequest(), port, "127.0.0.1");
  const reply = once(socket, "message").then(([bytes]: Buffer[]) => bytes?.[0]);
  const code = await Promise.race([reply, wait(500, undefined)]);
  socket.close();
  return code;
}

t.test("C09: of reloads that overlap, the newest file is in force in the end", async (t) => {
  const good = await directoryFor(t);
  // Takes connections and says nothing: a start with it lasts until its deadline.
  const silent = await directoryFor(t, { serviceBind: () => undefined });
  const { operations, write } = await openGateway(t, yaml(good, "first"));
  write(yaml(silent, "slow"));
  const slow = operations.run(reload, {});
  await wait(100);
  write(yaml(good, "newest"));
  const newest = operations.run(reload, {});
  await Promise.all([slow, newest]);
  const { directories } = await operations.run(health, {});
  t.match(directories, [{ name: "newest", state: "up" }]);
  await wait(1_200);
  t.equal((await operations.run(health, {})).directories.length, 1);
});

t.test("C09: a bad file changes nothing, and is told with its place", async (t) => {
  const { operations, write, lines } = await openGateway(t, yaml(await directoryFor(t), "corp"));
  const bad = yaml(await directoryFor(t), "other", "lockout: { attemts: 3 }\n");
  write(bad);
  await t.rejects(operations.run(reload, {}), /:\d+:12 lockout\.attemts: unknown key.*attempts/);
  t.match((await operations.run(health, {})).directories, [{ name: "corp", state: "up" }]);
  t.ok(lines.some(({ message }) => message.includes("the old one stays")));
  const seen: boolean[] = [];
  const args = { limit: 5, follow: false, eventType: "config_reload" } as const;
  await operations.run(eventsQuery, args, { onItem: ({ success }) => void seen.push(success) });
  t.same(seen, [false]);
});

t.test("what needs a restart is said, the rest is in force", async (t) => {
  const directory = await directoryFor(t);
  const { operations, write } = await openGateway(t, yaml(directory, "corp"));
  const changed = yaml(directory, "corp", "store: { retention: 7d }\nlockout: { attempts: 3 }\n");
  write(changed.replace("127.0.0.1:0", "127.0.0.1:1"));
  const waiting = [
    "configuration reloaded",
    "store changed: it takes effect at the next start",
    "radius.listen changed: it takes effect at the next start",
  ];
  t.same((await operations.run(reload, {})).notes, waiting);
  t.same((await operations.run(reload, {})).notes, waiting, "it waits still");
  write(yaml(directory, "corp"));
  t.same((await operations.run(reload, {})).notes, ["configuration reloaded"]);
});

t.test("RAD-28: a store that can't be written: no NAS is told that we are alive", async (t) => {
  let problem: string | undefined;
  const kit = await openGateway(t, yaml(await directoryFor(t), "corp"), () => ({
    isUp: () => problem === undefined,
    problem: () => problem,
  }));
  t.equal(await askStatus(kit.gateway), 2);
  t.match(await kit.operations.run(health, {}), { status: "healthy" });
  problem = "disk full";
  t.equal(await askStatus(kit.gateway), undefined);
  t.match(await kit.operations.run(health, {}), {
    status: "failing",
    store: { state: "down", detail: "disk full" },
  });
});

t.test("RAD-28: no directory answers: no NAS is told that we are alive", async (t) => {
  const silent = await directoryFor(t, { serviceBind: () => undefined });
  const { gateway, operations } = await openGateway(t, yaml(silent, "corp"));
  // Until its deadline nobody knows.
  while ((await operations.run(health, {})).status !== "failing") await wait(20);
  t.equal(await askStatus(gateway), undefined);
});

t.test("a start and a stop that can't be written down are a start and a stop", async (t) => {
  const down = new DependencyDown("store", "disk full");
  const { operations, lines } = await openGateway(t, yaml(await directoryFor(t), "corp"), () => ({
    record: () => Promise.reject(down),
  }));
  t.match(await operations.run(health, {}), { listeners: [{ state: "up" }] });
  t.ok(lines.some(({ message }) => message === "an event was lost"));
});

t.test("a login is tried as the client's NAS would, and what can't be one is told", async (t) => {
  const more = "lockout: { attempts: 3 }\n";
  const { operations } = await openGateway(t, yaml(await directoryFor(t), "corp", more));
  const tried = { client: "vpn", username: "alice", password: "right" };
  t.match(await operations.run(testLogin, tried), { reply: "reject", reason: "mfa-not-enrolled" });
  const nobody = await operations.run(testLogin, { ...tried, username: "nobody" });
  t.match(nobody, { reply: "reject", attributes: [] });
  await t.rejects(operations.run(testLogin, { ...tried, client: "wifi" }), {
    code: "usage",
    message: "there is no RADIUS client wifi",
  });
  // Two octets each: more than fit into an attribute.
  for (const wrong of [{ username: "ä".repeat(127) }, { password: "ä".repeat(65) }]) {
    await t.rejects(operations.run(testLogin, { ...tried, ...wrong }), {
      code: "usage",
      message: /has more than \d+ bytes/,
    });
  }
});

t.test("an outage is told once, also right after a reload", async (t) => {
  const directory = await startFaultDirectory();
  const quick = yaml(directory, "corp").replace("timeout: 1s", "check_interval: 1s");
  const { operations, write } = await openGateway(t, quick);
  write(`${quick}log: { level: warn }\n`);
  await operations.run(reload, {});
  await directory.stop();
  while ((await operations.run(health, {})).status !== "failing") await wait(50);
  // The retired one notices it at its next check.
  await wait(2_500);
  const args = { limit: 5, follow: false, eventType: "directory_unreachable" } as const;
  t.match(await operations.run(eventsQuery, args), { events: 1 });
});
