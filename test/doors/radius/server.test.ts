// The door on real sockets, with an independent client: replies, wildcards, errors, closing.

import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";

import t, { type Test } from "tap";

import { type RadiusServer, startRadiusServer } from "../../../src/doors/radius/server.ts";
import type { Interfaces } from "../../../src/doors/radius/sockets.ts";
import type { ListenAddress } from "../../../src/lib/listen.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import {
  ACCEPTED,
  client,
  decided,
  memoryLog,
  network,
  openDoor,
  rejected,
  readReply,
  request,
  SECRET,
} from "../../support/radius-door.ts";

const LOOPBACK: ListenAddress = { family: 4, host: "127.0.0.1", port: 0 };
const LOOPBACK_6: ListenAddress = { family: 6, host: "::1", port: 0 };

type Kit = Awaited<ReturnType<typeof openDoor>> & { readonly server: RadiusServer };

async function serve(
  t: Test,
  listen: readonly ListenAddress[],
  more: { interfaces?: () => Interfaces; rescanMs?: number } = {},
): Promise<Kit> {
  const log = memoryLog();
  const clients = [
    client({ addresses: [network("127.0.0.0/8")] }),
    client({ name: "six", addresses: [network("0000:0000:0000:0000:0000:0000:0000:0001")] }),
  ];
  const kit = await openDoor({ clients, log, clock: systemClock });
  const { door } = kit;
  const server = await startRadiusServer({ listen, door, clock: systemClock, log, ...more });
  t.teardown(() => server.close({ drainMs: 0 }));
  return { ...kit, log, server };
}

function portOf({ addresses }: RadiusServer): number {
  return Number(addresses[0]?.split(":").at(-1));
}

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** FreeRADIUS's client, one try; it verifies replies itself. */
async function radclient(address: string, kind: string, attributes: string): Promise<Ran> {
  const args = ["-x", "-r", "1", "-t", "3", address, kind, SECRET];
  const child = spawn("radclient", args, { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (output += String(chunk)));
  child.stdin.end(`${attributes}\nMessage-Authenticator = 0x00\n`);
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : null, output };
}

const LOGIN = 'User-Name = "bob"\nUser-Password = "hello"';

t.test("radclient is accepted, refused after the delay, challenged and told we live", async (t) => {
  const kit = await serve(t, [LOOPBACK]);
  const address = kit.server.addresses[0] ?? "";
  const accepted = await radclient(address, "auth", `${LOGIN}\nProxy-State = 0x6f6e65`);
  t.match(accepted.output, /Received Access-Accept/);
  t.match(accepted.output, /Proxy-State = 0x6f6e65/);

  const startedAt = systemClock.monotonic();
  const wrong = LOGIN.replace("hello", "wrong");
  const refused = await radclient(address, "auth", wrong);
  t.match(refused.output, /Received Access-Reject/);
  t.ok(systemClock.monotonic() - startedAt >= 1_000);

  kit.script.decide = () => decided({ outcome: "challenge" }, { state: Buffer.from("question") });
  const challenged = await radclient(address, "auth", LOGIN);
  t.match(challenged.output, /Received Access-Challenge/);
  t.match(challenged.output, /State = 0x7175657374696f6e/);
  t.match(challenged.output, /Reply-Message = "Enter your one-time code"/);
  kit.script.decide = () => ACCEPTED;
  const code = 'User-Name = "bob"\nUser-Password = "123456"\nState = 0x7175657374696f6e';
  t.match((await radclient(address, "auth", code)).output, /Received Access-Accept/);
  t.equal(kit.script.answers.length, 1);

  const status = await radclient(address, "status", "");
  t.match(status.output, /Received Access-Accept/);
});

t.test("RAD-13: IPv6 clients are served on their own socket", async (t) => {
  const kit = await serve(t, [LOOPBACK_6]);
  const { output } = await radclient(kit.server.addresses[0] ?? "", "auth", LOGIN);
  t.match(output, /Received Access-Accept/);
});

t.test("a wildcard answers from the address that was asked", async (t) => {
  const interfaces = (): Interfaces => ({ lo: [loopback("127.0.0.1"), loopback("127.0.0.2")] });
  const kit = await serve(t, [{ ...LOOPBACK, host: "0.0.0.0" }], { interfaces });
  const port = portOf(kit.server);
  t.same(kit.server.addresses, [`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  const nas = createSocket("udp4");
  t.teardown(() => nas.close());
  nas.send(request(), port, "127.0.0.2");
  const [, from] = await once(nas, "message");
  t.match(from, { address: "127.0.0.2", port });
});

t.test("the real wildcards listen on loopback too", async (t) => {
  const wildcards = [
    { ...LOOPBACK, host: "0.0.0.0" },
    { ...LOOPBACK_6, host: "::" },
  ];
  const kit = await serve(t, wildcards);
  for (const start of ["127.0.0.1:", "[::1]:"]) {
    t.ok(
      kit.server.addresses.some((address) => address.startsWith(start)),
      start,
    );
  }
});

t.test("a wildcard follows the host's addresses as they come and go", async (t) => {
  let names = ["127.0.0.1"];
  const scans: (() => void)[] = [];
  const interfaces = (): Interfaces => {
    for (const scanned of scans.splice(0)) scanned();
    return { lo: names.map(loopback) };
  };
  const kit = await serve(t, [{ ...LOOPBACK, host: "0.0.0.0" }], { interfaces, rescanMs: 5 });
  const port = portOf(kit.server);
  const twoScans = async (): Promise<void> => {
    for (let scan = 0; scan < 3; scan++) {
      await new Promise<void>((resolve) => scans.push(resolve));
    }
  };
  names = ["127.0.0.1", "127.0.0.3"];
  await twoScans();
  t.same(kit.server.addresses, [`127.0.0.1:${port}`, `127.0.0.3:${port}`]);
  names = ["127.0.0.3"];
  await twoScans();
  t.same(kit.server.addresses, [`127.0.0.3:${port}`]);
});

t.test("a look at the host's addresses that fails changes nothing", async (t) => {
  const { promise: failed, resolve: fail } = Promise.withResolvers<void>();
  let looks = 0;
  const interfaces = (): Interfaces => {
    looks += 1;
    if (looks === 1) return { lo: [loopback("127.0.0.1")] };
    if (looks === 3) fail();
    throw new Error("no interfaces today");
  };
  const kit = await serve(t, [{ ...LOOPBACK, host: "0.0.0.0" }], { interfaces, rescanMs: 5 });
  await failed;
  const { output } = await radclient(kit.server.addresses[0] ?? "", "auth", LOGIN);
  t.match(output, /Received Access-Accept/);
  t.ok(kit.log.lines.some(({ message }) => message.includes("could not be looked up")));
});

t.test("C05: a port in use is refused in words, with nothing left open", async (t) => {
  const first = await serve(t, [LOOPBACK]);
  const port = portOf(first.server);
  const free = await serve(t, [{ ...LOOPBACK, host: "127.0.0.2" }]);
  const freePort = portOf(free.server);
  await free.server.close({ drainMs: 0 });
  const listen = [
    { ...LOOPBACK, host: "127.0.0.2", port: freePort },
    { ...LOOPBACK, port },
  ];
  await t.rejects(serve(t, listen), {
    message: `radius.listen 127.0.0.1:${port}: the port is in use; \
stop the program that has it (ss -lnup 'sport = :${port}')`,
  });
  await t.resolves(serve(t, listen.slice(0, 1)), "the first one was given back");
});

t.test("C05: an address of another host is refused in words", async (t) => {
  const listen = [{ ...LOOPBACK, host: "198.51.100.1" }];
  await t.rejects(serve(t, listen), { message: /198\.51\.100\.1:0: not an address of this host/ });
});

t.test("closing lets a refusal under way leave, and takes nothing new", async (t) => {
  const kit = await serve(t, [LOOPBACK]);
  const port = portOf(kit.server);
  const nas = createSocket("udp4");
  t.teardown(() => nas.close());
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  kit.script.decide = () => {
    ask();
    return rejected("password-incorrect");
  };
  const datagram = request();
  nas.send(datagram, port, "127.0.0.1");
  await asked;
  const closed = kit.server.close({ drainMs: 5_000 });
  nas.send(request({ identifier: 2 }), port, "127.0.0.1");
  const [bytes] = await once(nas, "message");
  t.equal(readReply(datagram, bytes, SECRET).name, "Access-Reject");
  await closed;
  t.equal(kit.script.logins.length, 1);
  t.same(kit.server.addresses, []);
});

t.test("closing doesn't wait for ever for a login", async (t) => {
  const kit = await serve(t, [LOOPBACK]);
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  kit.script.decide = () => {
    ask();
    return new Promise(() => undefined);
  };
  const nas = createSocket("udp4");
  t.teardown(() => nas.close());
  nas.send(request(), portOf(kit.server), "127.0.0.1");
  await asked;
  await t.resolves(kit.server.close({ drainMs: 10 }));
});

t.test("a NAS that is gone doesn't end the server", async (t) => {
  const kit = await serve(t, [LOOPBACK]);
  const port = portOf(kit.server);
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => {
    ask();
    return promise;
  };
  const gone = createSocket("udp4");
  gone.send(request(), port, "127.0.0.1");
  await asked;
  gone.close();
  resolve(ACCEPTED);
  const { output } = await radclient(`127.0.0.1:${port}`, "auth", LOGIN);
  t.match(output, /Received Access-Accept/);
});

t.test("what was dropped is in the audit when the server closes", async (t) => {
  const kit = await serve(t, [LOOPBACK]);
  const nas = createSocket("udp4");
  t.teardown(() => nas.close());
  nas.send(request({ signature: "absent" }), portOf(kit.server), "127.0.0.1");
  nas.send(request({ identifier: 2 }), portOf(kit.server), "127.0.0.1");
  await once(nas, "message");
  await kit.server.close({ drainMs: 100 });
  t.match(kit.events, [{ event_type: "radius_packet_dropped", count: 1 }]);
});

function loopback(address: string): NonNullable<Interfaces[string]>[number] {
  return {
    address,
    netmask: "255.0.0.0",
    family: "IPv4",
    mac: "00:00:00:00:00:00",
    internal: true,
    cidr: `${address}/8`,
  };
}
