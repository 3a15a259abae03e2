// Logins a second through the RADIUS door, beside FreeRADIUS on the same directory, in one run:
// `npm run bench -- --help`. The two take turns, so that a busy machine spoils both alike.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startFreeRadius } from "./freeradius.ts";
import { configure, type GatehouseOptions, importTokens, startGatehouse } from "./gatehouse.ts";
import type { LoadResult } from "./load.ts";
import { type Server, start, stop, usageOf } from "./process.ts";
import { startSlapd } from "./slapd.ts";
import { median, printTable } from "./table.ts";

const HELP = `Measures RADIUS logins a second: password,code over PAP; each login is a search and a bind
at a real slapd and, in Gatehouse, a claim and an event on disk.

npm run bench -- [--users N] [--rounds N] [--seconds N] [--window N] [--threads N] [--alone]
                 [--before FILE] [--floor]

  --users N      people in the directory, each with a token        (200000)
  --rounds N     measured rounds per server, after first logins  (4)
  --seconds N    length of a round                                 (8)
  --window N     logins under way at a time                        (64)
  --threads N    of FreeRADIUS                                     (32)
  --alone        without FreeRADIUS
  --before FILE  dist/main.js of an earlier version, to take turns with this one
  --floor        and a bare Node program that is no gateway, but as fast as one could be
  --node=ARGS    for Gatehouse's Node, such as "--cpu-prof --cpu-prof-dir=/tmp/profile"
`;

const LOAD = fileURLToPath(new URL("./load.ts", import.meta.url));
const FLOOR = fileURLToPath(new URL("./floor.ts", import.meta.url));
const SOCKETS = 4;
// More than anybody answers here: a round never runs out of people.
const LOGINS_PER_SECOND_MAX = 12_000;
// A person comes back with another code, and not as the copy of an earlier request.
const PAUSE_MS = 61_000;
const SLAPD_PORT = 23_890;
const GATEHOUSE_PORT = 23_812;
const FREERADIUS_PORT = 23_813;
const BEFORE_PORT = 23_814;
const FLOOR_PORT = 23_815;

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "200000" },
    rounds: { type: "string", default: "4" },
    seconds: { type: "string", default: "8" },
    window: { type: "string", default: "64" },
    threads: { type: "string", default: "32" },
    alone: { type: "boolean", default: false },
    before: { type: "string" },
    floor: { type: "boolean", default: false },
    node: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});

interface Round extends LoadResult {
  readonly cpuMicros: number | undefined;
  readonly residentMb: number | undefined;
}

function measure(server: Server, first: number, people: number, seconds: number): Round {
  const before = usageOf(server.pid);
  const args = [LOAD, server.port, Number(values.window), SOCKETS, seconds, first, people];
  const run = spawnSync(process.execPath, args.map(String), { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the generator failed: ${run.stderr}`);
  const result: LoadResult = JSON.parse(run.stdout);
  const after = usageOf(server.pid);
  const isKnown = before !== undefined && after !== undefined && result.logins > 0;
  return {
    ...result,
    cpuMicros: isKnown ? ((after.cpuMs - before.cpuMs) * 1000) / result.logins : undefined,
    residentMb: after?.residentMb,
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function run(): Promise<void> {
  const users = Number(values.users);
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  const people = Math.min(users, Math.ceil(LOGINS_PER_SECOND_MAX * seconds));
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  say(`filling slapd with ${users} people`);
  const slapd = await startSlapd(join(folder, "slapd"), users, SLAPD_PORT);
  const options = {
    folder: join(folder, "gatehouse"),
    door: "radius" as const,
    port: GATEHOUSE_PORT,
    directoryPort: slapd.port,
    nodeOptions: values.node.split(" ").filter((argument) => argument !== ""),
  };
  const config = configure(options);
  say(`importing ${users} tokens`);
  const imported = importTokens(options, config, users);
  const gatehouse = await startGatehouse(options, config);
  const idleMb = usageOf(gatehouse.pid)?.residentMb;
  const peer = values.alone
    ? undefined
    : await startFreeRadius({
        folder: join(folder, "freeradius"),
        port: FREERADIUS_PORT,
        directoryPort: slapd.port,
        threads: Number(values.threads),
      });
  if (peer === undefined && !values.alone) {
    say("FreeRADIUS isn't installed: no comparison (apt-get install freeradius freeradius-ldap)");
  }
  const before = await startBefore(options, users);
  const floor = values.floor ? await startFloor(folder, slapd.port) : undefined;
  const peers = [before, floor, peer].filter((server) => server !== undefined);
  const servers = [gatehouse, ...peers];
  const measured = new Map<Server, Round[]>(servers.map((server) => [server, []]));
  const blocks = Math.max(1, Math.floor(users / people));
  const usedAt = new Map<number, number>();
  // Everybody's first login ever costs more (the import is bound, the device noted): a round each.
  for (let round = 1 - blocks; round <= rounds; round += 1) {
    const block = (round + blocks) % blocks;
    const sinceMs = performance.now() - (usedAt.get(block) ?? -PAUSE_MS);
    if (sinceMs < PAUSE_MS) await wait(PAUSE_MS - sinceMs);
    for (const server of servers) {
      const result = measure(server, block * people, people, seconds);
      usedAt.set(block, performance.now());
      const name = round > 0 ? `round ${round}` : "first logins";
      say(`${name}  ${server.name}: ${describe(result)}`);
      if (round > 0) measured.get(server)?.push(result);
    }
  }
  report(measured, gatehouse, peers);
  console.log(
    `\nGatehouse: ready after ${Math.round(gatehouse.readyMs)} ms with ${users} tokens; `,
  );
  console.log(`${mb(idleMb)} MB then; ${Math.round(imported)} tokens/s imported; `);
  console.log(`${users} people, window ${values.window}, ${cpus().length} processors, `);
  console.log(`Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}`);
  for (const server of [...servers, slapd]) await server.stop();
}

/** Of the same people, with a store of its own. */
async function startBefore(options: GatehouseOptions, users: number): Promise<Server | undefined> {
  if (values.before === undefined) return undefined;
  const other = { main: resolve(values.before), name: "Gatehouse before" };
  const its = { ...options, folder: `${options.folder}-before`, port: BEFORE_PORT, other };
  const config = configure(its);
  importTokens(its, config, users);
  return startGatehouse(its, config);
}

async function startFloor(folder: string, directoryPort: number): Promise<Server> {
  const args = [FLOOR, FLOOR_PORT, directoryPort, folder].map(String);
  const child = start(process.execPath, args);
  if (child.stdout !== null) await once(child.stdout, "data");
  return {
    name: "bare Node, no gateway",
    pid: child.pid ?? 0,
    port: FLOOR_PORT,
    stop: () => stop(child),
  };
}

function describe({ perSecond, p99, rejects, lost, resent, forged }: Round): string {
  const trouble = { rejects, lost, resent, forged };
  const list = Object.entries(trouble).filter(([, count]) => count > 0);
  const shown = list.map(([name, count]) => `, ${count} ${name}`).join("");
  return `${Math.round(perSecond)} logins/s, p99 ${p99.toFixed(1)} ms${shown}`;
}

function report(
  measured: ReadonlyMap<Server, readonly Round[]>,
  gatehouse: Server,
  peers: readonly Server[],
): void {
  const rows = [...measured].map(([{ name }, list]) => {
    const of = (pick: (round: Round) => number | undefined): number =>
      median(list.map((round) => pick(round) ?? NaN));
    return [
      name,
      of((round) => round.perSecond).toFixed(0),
      of(({ p50 }) => p50).toFixed(1),
      of(({ p99 }) => p99).toFixed(1),
      of(({ cpuMicros }) => cpuMicros).toFixed(0),
      of(({ residentMb }) => residentMb).toFixed(0),
      String(list.reduce((sum, { rejects, lost, forged }) => sum + rejects + lost + forged, 0)),
    ];
  });
  console.log("");
  const titles = ["", "logins/s", "p50 ms", "p99 ms", "CPU µs/login", "RSS MB", "not accepted"];
  printTable(titles, rows);
  const speed = (server: Server): number =>
    median((measured.get(server) ?? []).map(({ perSecond }) => perSecond));
  for (const peer of peers) {
    const ratio = (speed(gatehouse) / speed(peer)).toFixed(2);
    console.log(`\nratio of medians to ${peer.name}: ${ratio} x`);
  }
}

function mb(value: number | undefined): string {
  return value === undefined ? "?" : value.toFixed(0);
}

if (values.help) process.stdout.write(HELP);
else await run();
