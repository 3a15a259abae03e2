// The administrators' listener under load, and what people who log in meanwhile notice of it:
// `npm run bench:http -- --help`. autocannon asks, slapd is the directory, each in its own process.

import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { generateCertificates } from "../certs/certificates.ts";
import { configure, importTokens, startGatehouse } from "./gatehouse.ts";
import type { LoadResult } from "./load.ts";
import { usageOf } from "./process.ts";
import { startSlapd } from "./slapd.ts";
import { median, printTable } from "./table.ts";

const HELP = `Measures requests a second to /healthz and /metrics over HTTPS, then RADIUS logins without
and with requests to /healthz beside them.

npm run bench:http -- [--seconds N] [--rounds N] [--window N] [--rate N]

  --seconds N   length of a round                                    (6)
  --rounds N    rounds of logins, each without and with requests     (3)
  --window N    logins under way at a time                           (8)
  --rate N      requests a second beside them                        (5000)
`;

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));
const AUTOCANNON = fileURLToPath(import.meta.resolve("autocannon"));
const SOCKETS = 4;
const CONNECTIONS = 10;
// More than anybody answers here: a round never runs out of people.
const LOGINS_PER_SECOND_MAX = 6_000;
const SLAPD_PORT = 23_890;
const RADIUS_PORT = 23_812;
const ADMIN_PORT = 23_843;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    window: { type: "string", default: "8" },
    rate: { type: "string", default: "5000" },
    help: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
const people = LOGINS_PER_SECOND_MAX * seconds;

/** What autocannon prints; milliseconds. */
interface Requests {
  readonly requests: { readonly average: number };
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly non2xx: number;
  readonly errors: number;
  readonly timeouts: number;
}

async function output(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  return text(child.stdout);
}

async function ask(path: string, ca: string, rate?: number): Promise<Requests> {
  const url = `https://127.0.0.1:${ADMIN_PORT}${path}`;
  const load = ["-c", String(CONNECTIONS), "-d", String(seconds)];
  const paced = rate === undefined ? [] : ["-R", String(rate)];
  return JSON.parse(await output([AUTOCANNON, "-j", "--ca", ca, ...load, ...paced, url]));
}

async function logIn(round: number): Promise<LoadResult> {
  const args = [RADIUS_PORT, Number(values.window), SOCKETS, seconds, round * people, people];
  return JSON.parse(await output([LOAD, ...args.map(String)]));
}

function rowOf(name: string, of: Requests, cpuMicros: number): string[] {
  const { requests, latency, non2xx, errors, timeouts } = of;
  return [
    name,
    requests.average.toFixed(0),
    latency.p50.toFixed(1),
    latency.p99.toFixed(1),
    cpuMicros.toFixed(0),
    String(non2xx + errors + timeouts),
  ];
}

async function measurePaths(pid: number, ca: string): Promise<void> {
  const rows: string[][] = [];
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const before = usageOf(pid)?.cpuMs ?? NaN;
    const asked = await ask(path, ca);
    const cpuMs = (usageOf(pid)?.cpuMs ?? NaN) - before;
    rows.push(rowOf(path, asked, (cpuMs * 1_000) / (asked.requests.average * seconds)));
  }
  printTable(["", "requests/s", "p50 ms", "p99 ms", "CPU µs", "not 200"], rows);
}

async function measureLogins(ca: string): Promise<void> {
  const alone: LoadResult[] = [];
  const beside: LoadResult[] = [];
  const asked: Requests[] = [];
  // Everybody logs in for the first time ever, in both halves.
  for (let round = 0; round < Number(values.rounds); round += 1) {
    alone.push(await logIn(2 * round));
    const [logins, requests] = await Promise.all([
      logIn(2 * round + 1),
      ask("/healthz", ca, Number(values.rate)),
    ]);
    beside.push(logins);
    asked.push(requests);
  }
  const row = (name: string, list: readonly LoadResult[], rate: string): string[] => [
    name,
    median(list.map(({ perSecond }) => perSecond)).toFixed(0),
    median(list.map(({ p50 }) => p50)).toFixed(1),
    median(list.map(({ p99 }) => p99)).toFixed(1),
    String(list.reduce((sum, { rejects, lost, forged }) => sum + rejects + lost + forged, 0)),
    rate,
  ];
  const rate = median(asked.map(({ requests }) => requests.average)).toFixed(0);
  console.log("");
  printTable(
    ["", "logins/s", "p50 ms", "p99 ms", "not accepted", "requests/s"],
    [row("logins alone", alone, "0"), row("beside requests", beside, rate)],
  );
}

async function run(): Promise<void> {
  const users = people * 2 * Number(values.rounds);
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-http-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  process.stderr.write(`filling slapd with ${users} people\n`);
  const slapd = await startSlapd(join(folder, "slapd"), users, SLAPD_PORT);
  const options = {
    folder: join(folder, "gatehouse"),
    door: "radius" as const,
    port: RADIUS_PORT,
    directoryPort: slapd.port,
    nodeOptions: [],
  };
  const config = configure(options);
  await generateCertificates(join(options.folder, "certs"));
  const files = "certificate: certs/server.pem, key: certs/server.key";
  appendFileSync(config, `admin: { listen: "127.0.0.1:${ADMIN_PORT}", ${files} }\n`);
  process.stderr.write(`importing ${users} tokens\n`);
  importTokens(options, config, users);
  const gatehouse = await startGatehouse(options, config);
  const ca = join(options.folder, "certs/ca.pem");
  await measurePaths(gatehouse.pid, ca);
  await measureLogins(ca);
  console.log(`\n${CONNECTIONS} connections over HTTPS; ${values.window} logins at a time; `);
  console.log(`${cpus().length} processors, Node ${process.version}, ${cpus()[0]?.model ?? "?"}`);
  await gatehouse.stop();
  await slapd.stop();
}

if (values.help) process.stdout.write(HELP);
else await run();
