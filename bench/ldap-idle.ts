// What people cost who have bound and do nothing: memory of each, and what others notice of them.
// `npm run bench:ldap-idle -- --help`. Plain on both legs first, then with TLS on both.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { generateCertificates } from "../certs/certificates.ts";
import { configure, importTokens, startGatehouse } from "./gatehouse.ts";
import type { LdapHoldResult } from "./ldap-hold.ts";
import type { LdapLoadResult } from "./ldap-load.ts";
import { type Server, type Usage, usageOf } from "./process.ts";
import { startSlapd } from "./slapd.ts";
import { median, printTable } from "./table.ts";

const HELP = `Measures resident memory for each of many idle bound connections, and binds of other
people without and beside them; plain and with TLS, from client to gateway and on to slapd.

npm run bench:ldap-idle -- [--connections N] [--seconds N] [--rounds N] [--legs LIST]

  --connections N  idle, each bound as somebody else              (5000)
  --seconds N      length of a round of other people's binds      (6)
  --rounds N       each without them, then beside them            (3)
  --legs LIST      of plain, tls                                  (plain,tls)

The gateway needs two descriptors for each: "ulimit -n" must allow more than twice as many.
`;

const HOLD = fileURLToPath(new URL("./ldap-hold.ts", import.meta.url));
const LOAD = fileURLToPath(new URL("./ldap-load.ts", import.meta.url));
/** Binds of others, one at a time on each: far below what the machine can do they say nothing. */
const OTHERS = 4;
/** More than these bind: a round never runs out of people. */
const PER_SECOND_MAX = 3_000;
const SPARE_DESCRIPTORS = 500;
/** For garbage to be collected, and buffers to be given back. */
const SETTLE_MS = 5_000;
const LEGS = ["plain", "tls"] as const;
type Legs = (typeof LEGS)[number];
const SLAPD_PORTS: Readonly<Record<Legs, number>> = { plain: 23_980, tls: 23_981 };
const GATEHOUSE_PORTS: Readonly<Record<Legs, number>> = { plain: 23_982, tls: 23_983 };

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "5000" },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
    legs: { type: "string", default: LEGS.join() },
    help: { type: "boolean", default: false },
  },
});
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const peoplePerRound = PER_SECOND_MAX * seconds;

interface Round {
  readonly held: number;
  readonly kilobytesEach: number;
  /** Of one second in which nobody does anything. */
  readonly quietCpuMs: number;
  readonly without: LdapLoadResult;
  readonly beside: LdapLoadResult;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function checkDescriptors(): void {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const most = Number(/^Max open files +\S+ +(\S+)/m.exec(limits)?.[1]);
  const needed = 2 * connections + SPARE_DESCRIPTORS;
  if (most >= needed) return;
  throw new Error(`${needed} descriptors are needed, ${most} allowed: raise "ulimit -Hn" first`);
}

/** Resolves once all of them are bound. */
async function hold(
  server: Server,
  round: number,
  ca: string,
): Promise<[ChildProcess, LdapHoldResult]> {
  const args = [HOLD, server.port, connections, round * connections, ca].map(String);
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  for await (const line of createInterface({ input: child.stdout })) {
    return [child, JSON.parse(line)];
  }
  throw new Error("whoever holds the connections ended");
}

/** Everybody binds for the first time ever, without and beside. */
function bindOthers(server: Server, round: number, ca: string): LdapLoadResult {
  const first = rounds * connections + round * peoplePerRound;
  const args = [LOAD, server.port, "bind", OTHERS, seconds, first, peoplePerRound, 1, ca];
  const run = spawnSync(process.execPath, args.map(String), { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the generator failed: ${run.stderr}`);
  const result: LdapLoadResult = JSON.parse(run.stdout);
  say(`${Math.round(result.perSecond)} binds/s, p99 ${result.p99.toFixed(2)} ms`);
  return result;
}

async function measure(legs: Legs, folder: string): Promise<Round[]> {
  const users = rounds * (connections + 2 * peoplePerRound);
  const certificates = join(folder, "certs");
  await generateCertificates(certificates);
  const secured = legs === "tls" ? { certificates } : {};
  const ca = legs === "tls" ? join(certificates, "ca.pem") : "";
  say(`${legs}: filling slapd with ${users} people`);
  const slapd = await startSlapd(
    join(folder, "slapd"),
    users,
    SLAPD_PORTS[legs],
    secured.certificates,
  );
  const options = {
    folder: join(folder, "gatehouse"),
    door: "ldap" as const,
    port: GATEHOUSE_PORTS[legs],
    directoryPort: slapd.port,
    nodeOptions: [],
    ...secured,
  };
  const config = configure(options);
  say(`importing ${users} tokens`);
  importTokens(options, config, users);
  const gatehouse = await startGatehouse(options, config);
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    measured.push(await measureRound(gatehouse, round, ca));
  }
  await gatehouse.stop();
  await slapd.stop();
  return measured;
}

async function measureRound(gatehouse: Server, round: number, ca: string): Promise<Round> {
  const without = bindOthers(gatehouse, 2 * round, ca);
  await wait(SETTLE_MS);
  const empty = usedBy(gatehouse);
  const [holder, { held, refused }] = await hold(gatehouse, round, ca);
  if (refused > 0) say(`${refused} were refused`);
  await wait(SETTLE_MS);
  const full = usedBy(gatehouse);
  await wait(SETTLE_MS);
  const quietCpuMs = ((usedBy(gatehouse).cpuMs - full.cpuMs) * 1_000) / SETTLE_MS;
  const beside = bindOthers(gatehouse, 2 * round + 1, ca);
  holder.kill("SIGKILL");
  await wait(SETTLE_MS);
  const kilobytesEach = ((full.residentMb - empty.residentMb) * 1_048.576) / held;
  return { held, kilobytesEach, quietCpuMs, without, beside };
}

function usedBy({ pid }: Server): Usage {
  const usage = usageOf(pid);
  if (usage === undefined) throw new Error("nothing is known of its memory: not on Linux?");
  return usage;
}

function rowOf(title: string, results: readonly LdapLoadResult[]): string[] {
  const of = (pick: (result: LdapLoadResult) => number): number => median(results.map(pick));
  return [
    title,
    of(({ perSecond }) => perSecond).toFixed(0),
    of(({ p50 }) => p50).toFixed(2),
    of(({ p99 }) => p99).toFixed(2),
    String(results.reduce((sum, { refused, lost }) => sum + refused + lost, 0)),
  ];
}

async function run(): Promise<void> {
  checkDescriptors();
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-idle-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const wanted = values.legs.split(",");
  const measured: [Legs, Round[]][] = [];
  for (const legs of LEGS) {
    if (wanted.includes(legs)) measured.push([legs, await measure(legs, join(folder, legs))]);
  }
  printTable(
    ["both legs", "held", "kB each", "CPU ms/s idle"],
    measured.map(([legs, list]) => [
      legs,
      String(Math.min(...list.map(({ held }) => held))),
      // What the first of them left behind serves the next.
      Math.max(...list.map(({ kilobytesEach }) => kilobytesEach)).toFixed(1),
      median(list.map(({ quietCpuMs }) => quietCpuMs)).toFixed(0),
    ]),
  );
  console.log("");
  printTable(
    ["other people's binds", "a second", "p50 ms", "p99 ms", "failed"],
    measured.flatMap(([legs, list]) => [
      rowOf(
        `${legs}, without them`,
        list.map(({ without }) => without),
      ),
      rowOf(
        `${legs}, beside them`,
        list.map(({ beside }) => beside),
      ),
    ]),
  );
  console.log(`\n${cpus().length} processors, Node ${process.version}, ${cpus()[0]?.model ?? "?"}`);
}

if (values.help) process.stdout.write(HELP);
else await run();
