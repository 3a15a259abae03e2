// What people notice when a directory server fails: login latency before, during and after, with two
// real slapds behind one gateway and a steady load in front. `npm run bench:failover`.

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { generateCertificates } from "../certs/certificates.ts";
import { encodeBase32 } from "../src/lib/base32.ts";
import { Secret } from "../src/lib/secret.ts";
import { ATTRIBUTE } from "../src/wire/radius/attributes.ts";
import { CODE } from "../src/wire/radius/code.ts";
import { encodeRequest } from "../src/wire/radius/packet.ts";
import { SharedSecret } from "../src/wire/radius/shared-secret.ts";
import { startFaultProxy, type Certificate } from "../test/support/fault-proxy.ts";
import { codeFor, SHARED_SECRET, startGateway } from "../test/support/gateway.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../test/support/slapd.ts";
import { nameOf, passwordOf, totpKeyOf } from "./people.ts";
import { printTable } from "./table.ts";

const LOGINS_PER_SECOND = 60;
const PHASE_MS = 10_000;
const USERS = 6_000;
/** As a NAS does it: sent again after that long, so often. */
const RESEND_MS = 3_000;
const SENDS_MAX = 3;
/** The directory's `timeout`: what one login may wait. */
const DEADLINE = "1500ms";

interface Login {
  readonly sentAt: number;
  latencyMs: number | undefined;
  isAccepted: boolean;
  sends: number;
}

const shared = new SharedSecret(Secret.of(SHARED_SECRET));
let nextUser = 0;

async function logIn(port: number): Promise<Login> {
  const index = nextUser;
  nextUser += 1;
  const login: Login = {
    sentAt: performance.now(),
    latencyMs: undefined,
    isAccepted: false,
    sends: 0,
  };
  const request = encodeRequest({
    code: CODE.accessRequest,
    identifier: index % 256,
    authenticator: randomBytes(16),
    attributes: [{ type: ATTRIBUTE.userName, value: Buffer.from(nameOf(index)) }],
    secret: shared,
    password: Secret.of(`${passwordOf(index)},${codeFor(totpKeyOf(index))}`),
  });
  const socket: Socket = createSocket("udp4");
  const answered = once(socket, "message");
  while (login.latencyMs === undefined && login.sends < SENDS_MAX) {
    login.sends += 1;
    socket.send(request, port, "127.0.0.1");
    const reply = await Promise.race([answered, wait(RESEND_MS, undefined)]);
    const bytes: unknown = reply?.[0];
    if (!Buffer.isBuffer(bytes)) continue;
    login.latencyMs = performance.now() - login.sentAt;
    login.isAccepted = bytes.readUInt8(0) === CODE.accessAccept;
  }
  socket.close();
  return login;
}

/** Everybody who begins within `ms`. */
async function phase(port: number, ms: number): Promise<Login[]> {
  const logins: Promise<Login>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; performance.now() - startedAt < ms; sent += 1) {
    logins.push(logIn(port));
    await wait(
      Math.max(0, startedAt + ((sent + 1) * 1000) / LOGINS_PER_SECOND - performance.now()),
    );
  }
  return Promise.all(logins);
}

function rowOf(fault: string, when: string, logins: readonly Login[]): string[] {
  const times = logins.flatMap(({ latencyMs }) => latencyMs ?? []).toSorted((a, b) => a - b);
  const at = (share: number): string =>
    Math.round(
      times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN,
    ).toString();
  const count = (matches: (login: Login) => boolean): string =>
    String(logins.filter(matches).length);
  return [
    fault,
    when,
    String(logins.length),
    count(({ isAccepted }) => isAccepted),
    count(({ isAccepted, latencyMs }) => !isAccepted && latencyMs !== undefined),
    count(({ latencyMs }) => latencyMs === undefined),
    at(0.5),
    at(0.99),
    at(1),
  ];
}

async function makeCertificate(folder: string): Promise<Certificate & { caPath: string }> {
  await generateCertificates(folder);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return { key: read("server.key"), cert: read("server.pem"), caPath: join(folder, "ca.pem") };
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-failover-"));
  const good = await makeCertificate(join(folder, "good"));
  const strange = await makeCertificate(join(folder, "strange"));
  const slapds = [await startSlapd({ users: USERS }), await startSlapd({ users: USERS })] as const;
  const [first, second] = slapds;
  const front = [await startFaultProxy(first, good), await startFaultProxy(second, good)] as const;
  const gateway = await startGateway({
    directory: [
      `urls: [${front.map(({ port }) => `"ldaps://127.0.0.1:${port}"`).join(", ")}]`,
      `ca: ${good.caPath}`,
      `bind_dn: ${SERVICE_DN}`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: ${BASE}`,
      `timeout: ${DEADLINE}`,
      "check_interval: 1s",
    ],
  });
  const tokens = Array.from(
    { length: USERS },
    (_, index) => `${nameOf(index)},${encodeBase32(totpKeyOf(index))}\n`,
  );
  writeFileSync(join(folder, "tokens.csv"), tokens.join(""));
  const imported = gateway.command("token", "import", join(folder, "tokens.csv"));
  if (imported.status !== 0) throw new Error(imported.stderr);

  // Each hits the server in use: after a fail-over that is the other one, for as long as the connections
  // to it last. What stands in front of slapd is in one process with the generator.
  const faults: [string, () => Promise<void> | void, () => Promise<void> | void][] = [
    [
      "killed",
      async () => {
        await first.kill();
        await front[0].pause();
      },
      async () => {
        await first.start();
        await front[0].resume();
      },
    ],
    ["hangs (SIGSTOP)", () => second.pause(), () => second.resume()],
    [
      "another certificate",
      async () => {
        front[0].setCertificate(strange);
        await front[0].pause();
        await front[0].resume();
      },
      () => front[0].setCertificate(good),
    ],
  ];
  const rows: string[][] = [];
  try {
    await phase(gateway.port, 2_000);
    for (const [name, begin, end] of faults) {
      process.stderr.write(`${name}\n`);
      rows.push(rowOf(name, "before", await phase(gateway.port, PHASE_MS)));
      const during = phase(gateway.port, PHASE_MS);
      await wait(200);
      await begin();
      rows.push(rowOf("", "during", await during));
      await end();
      rows.push(rowOf("", "after", await phase(gateway.port, PHASE_MS)));
      // Until the preferred server is used again.
      await wait(10_000);
    }
    const titles = ["server in use", "", "logins", "accepted", "rejected", "lost"];
    printTable([...titles, "p50 ms", "p99 ms", "max ms"], rows);
    const wrong = gateway.command("events", "--json", "--reason", "password-incorrect").stdout;
    console.log(`\nwrong passwords counted: ${wrong.split("\n").filter(Boolean).length}`);
    console.log(
      `deadline of one login ${DEADLINE}, ${LOGINS_PER_SECOND} logins/s, ${process.version}`,
    );
    console.log(
      gateway
        .output()
        .split("\n")
        .filter((line) => /directory server|unreachable|recovered/.test(line))
        .join("\n"),
    );
  } finally {
    await gateway.end();
    await Promise.all([...slapds, ...front].map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
