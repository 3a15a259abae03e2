// Operations a second through the LDAP door, beside OpenLDAP's own proxy and the directory itself, in
// one run: `npm run bench:ldap -- --help`. They take turns, so that a busy machine spoils all alike.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { configure, importTokens, startGatehouse } from "./gatehouse.ts";
import type { LdapLoadResult } from "./ldap-load.ts";
import { type Server, usageOf } from "./process.ts";
import { startSlapd, startSlapdProxy } from "./slapd.ts";
import { median, printTable } from "./table.ts";

const HELP = `Measures binds (password,code at Gatehouse, the password alone elsewhere), logins (connect,
bind, read one's own entry, close) and reads on bound connections, over plain LDAP on loopback.

npm run bench:ldap -- [--users N] [--rounds N] [--seconds N] [--connections N] [--jobs LIST] [--alone]

  --users N        people in the directory, each with a token       (200000)
  --rounds N       measured rounds per server and job               (4)
  --seconds N      length of a round                                (8)
  --connections N  at a time, one operation on each                 (16)
  --jobs LIST      of bind, login, search                           (bind,login,search)
  --alone          Gatehouse only
  --node=ARGS      for Gatehouse's Node, such as "--cpu-prof --cpu-prof-dir=/tmp/profile"
`;

const LOAD = fileURLToPath(new URL("./ldap-load.ts", import.meta.url));
const JOBS = ["bind", "login", "search"] as const;
type Job = (typeof JOBS)[number];
/** More than Gatehouse answers: a round never runs out of people. */
const PER_SECOND_MAX: Readonly<Record<Job, number>> = { bind: 12_000, login: 4_000, search: 2_000 };
// A person comes back with another code.
const PAUSE_MS = 61_000;
const SLAPD_PORT = 23_990;
const PROXY_PORT = 23_991;
const GATEHOUSE_PORT = 23_992;

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "200000" },
    rounds: { type: "string", default: "4" },
    seconds: { type: "string", default: "8" },
    connections: { type: "string", default: "16" },
    jobs: { type: "string", default: JOBS.join() },
    alone: { type: "boolean", default: false },
    node: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});

interface Round extends LdapLoadResult {
  readonly cpuMicros: number | undefined;
  readonly residentMb: number | undefined;
}

interface Contender {
  readonly server: Server;
  readonly asksCodes: boolean;
  readonly rounds: Map<Job, Round[]>;
}

/** People are used up in turn; whoever comes again has waited for another code. */
class People {
  readonly #users: number;
  readonly #usedAt: { readonly first: number; readonly end: number; readonly atMs: number }[] = [];
  #next = 0;

  constructor(users: number) {
    this.#users = users;
  }

  /** The first of `count` people who can use a code. */
  async take(count: number): Promise<number> {
    if (this.#next + count > this.#users) this.#next = 0;
    const first = this.#next;
    this.#next += count;
    const end = first + count;
    const blocked = this.#usedAt.filter((used) => used.first < end && first < used.end);
    const readyAt = Math.max(0, ...blocked.map(({ atMs }) => atMs + PAUSE_MS));
    const waitMs = readyAt - performance.now();
    if (waitMs > 0) await wait(waitMs);
    return first;
  }

  used(first: number, count: number): void {
    this.#usedAt.push({ first, end: first + count, atMs: performance.now() });
  }
}

async function measure(
  { server, asksCodes }: Contender,
  job: Job,
  people: People,
  seconds: number,
): Promise<Round> {
  const users = Number(values.users);
  const count = Math.min(users, PER_SECOND_MAX[job] * seconds);
  const first = asksCodes ? await people.take(count) : 0;
  const before = usageOf(server.pid);
  const codes = asksCodes ? 1 : 0;
  const args = [LOAD, server.port, job, values.connections, seconds, first, count, codes];
  const run = spawnSync(process.execPath, args.map(String), { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the generator failed: ${run.stderr}`);
  if (asksCodes) people.used(first, count);
  const result: LdapLoadResult = JSON.parse(run.stdout);
  const after = usageOf(server.pid);
  const isKnown = before !== undefined && after !== undefined && result.operations > 0;
  return {
    ...result,
    cpuMicros: isKnown ? ((after.cpuMs - before.cpuMs) * 1000) / result.operations : undefined,
    residentMb: after?.residentMb,
  };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function startAll(folder: string): Promise<Contender[]> {
  const users = Number(values.users);
  say(`filling slapd with ${users} people`);
  const slapd = await startSlapd(join(folder, "slapd"), users, SLAPD_PORT);
  const options = {
    folder: join(folder, "gatehouse"),
    door: "ldap" as const,
    port: GATEHOUSE_PORT,
    directoryPort: slapd.port,
    nodeOptions: values.node.split(" ").filter((argument) => argument !== ""),
  };
  const config = configure(options);
  say(`importing ${users} tokens`);
  importTokens(options, config, users);
  const gatehouse = await startGatehouse(options, config);
  const proxy = await startSlapdProxy(join(folder, "proxy"), slapd.port, PROXY_PORT);
  const contender = (server: Server, asksCodes: boolean): Contender => ({
    server,
    asksCodes,
    rounds: new Map(JOBS.map((job) => [job, []])),
  });
  return [contender(gatehouse, true), contender(proxy, false), contender(slapd, false)];
}

async function run(): Promise<void> {
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  const wanted = values.jobs.split(",");
  const jobs = JOBS.filter((job) => wanted.includes(job));
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const contenders = await startAll(folder);
  const people = new People(Number(values.users));
  const [gatehouse] = contenders;
  if (gatehouse === undefined) throw new Error("nothing was started");
  // Everybody's first login ever costs more: the imported token is bound to the person.
  for (let seen = 0; seen < Number(values.users); seen += PER_SECOND_MAX.bind * seconds) {
    say(`first logins  ${describe(await measure(gatehouse, "bind", people, seconds))}`);
  }
  // And V8 translates what is used often only after a while; a gateway runs for months.
  for (const job of jobs.filter((job) => job !== "bind")) {
    say(`warming up  ${job}  ${describe(await measure(gatehouse, job, people, seconds))}`);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const job of jobs) {
      for (const contender of values.alone ? [gatehouse] : contenders) {
        const result = await measure(contender, job, people, seconds);
        contender.rounds.get(job)?.push(result);
        say(`round ${round}  ${job}  ${contender.server.name}: ${describe(result)}`);
      }
    }
  }
  for (const job of jobs) report(job, values.alone ? [gatehouse] : contenders);
  console.log(`\n${values.users} people, ${values.connections} connections, `);
  console.log(`${cpus().length} processors, Node ${process.version}, `);
  console.log(cpus()[0]?.model ?? "unknown processor");
  for (const { server } of contenders) await server.stop();
}

function describe({ perSecond, p99, refused, lost, ranOut }: Round): string {
  const trouble = `${refused > 0 ? `, ${refused} refused` : ""}${lost > 0 ? `, ${lost} lost` : ""}`;
  const end = ranOut ? ", everybody has been there" : "";
  return `${Math.round(perSecond)}/s, p99 ${p99.toFixed(2)} ms${trouble}${end}`;
}

function report(job: Job, contenders: readonly Contender[]): void {
  const speedOf = ({ rounds }: Contender): number =>
    median((rounds.get(job) ?? []).map(({ perSecond }) => perSecond));
  const [gatehouse] = contenders;
  const rows = contenders.map((contender) => {
    const list = contender.rounds.get(job) ?? [];
    const of = (pick: (round: Round) => number | undefined): number =>
      median(list.map((round) => pick(round) ?? NaN));
    const ratio = gatehouse === undefined ? NaN : speedOf(gatehouse) / speedOf(contender);
    return [
      contender.server.name,
      speedOf(contender).toFixed(0),
      of(({ p50 }) => p50).toFixed(2),
      of(({ p99 }) => p99).toFixed(2),
      of(({ cpuMicros }) => cpuMicros).toFixed(0),
      of(({ residentMb }) => residentMb).toFixed(0),
      String(list.reduce((sum, { refused, lost }) => sum + refused + lost, 0)),
      contender === gatehouse ? "" : `${ratio.toFixed(2)} x`,
    ];
  });
  console.log("");
  const titles = ["p50 ms", "p99 ms", "CPU µs", "RSS MB", "failed", "Gatehouse is"];
  printTable([job, "per second", ...titles], rows);
}

if (values.help) process.stdout.write(HELP);
else await run();
