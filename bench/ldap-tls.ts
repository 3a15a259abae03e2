// Handshakes a second at the LDAP door, full and resumed, and what one costs:
// `npm run bench:ldap-tls -- --help`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { generateCertificates } from "../certs/certificates.ts";
import { configure, startGatehouse } from "./gatehouse.ts";
import type { HandshakesResult } from "./ldap-handshakes.ts";
import { type Server, usageOf } from "./process.ts";
import { startSlapd } from "./slapd.ts";
import { median, printTable } from "./table.ts";

const HELP = `Measures TLS handshakes at an LDAPS listener, from a client that shares the machine.

npm run bench:ldap-tls -- [--seconds N] [--rounds N] [--connections N]

  --seconds N      length of a round              (5)
  --rounds N       of each kind, in turns         (3)
  --connections N  at a time                      (16)
`;

const LOAD = fileURLToPath(new URL("./ldap-handshakes.ts", import.meta.url));
const SLAPD_PORT = 23_970;
const GATEHOUSE_PORT = 23_971;
const KINDS = [
  { version: "TLSv1.3", isResuming: false },
  { version: "TLSv1.3", isResuming: true },
  { version: "TLSv1.2", isResuming: false },
  { version: "TLSv1.2", isResuming: true },
] as const;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "16" },
    help: { type: "boolean", default: false },
  },
});

interface Round extends HandshakesResult {
  readonly cpuMicros: number;
}

function measure(
  server: Server,
  ca: string,
  { version, isResuming }: (typeof KINDS)[number],
): Round {
  const before = usageOf(server.pid)?.cpuMs ?? NaN;
  const resuming = isResuming ? 1 : 0;
  const args = [LOAD, server.port, ca, values.seconds, values.connections, resuming, version];
  const run = spawnSync(process.execPath, args.map(String), { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the generator failed: ${run.stderr}`);
  const result: HandshakesResult = JSON.parse(run.stdout);
  const cpuMs = (usageOf(server.pid)?.cpuMs ?? NaN) - before;
  return { ...result, cpuMicros: (cpuMs * 1000) / result.handshakes };
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-tls-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const certificates = join(folder, "certs");
  await generateCertificates(certificates);
  const slapd = await startSlapd(join(folder, "slapd"), 1, SLAPD_PORT, certificates);
  const options = {
    folder: join(folder, "gatehouse"),
    door: "ldap" as const,
    port: GATEHOUSE_PORT,
    directoryPort: slapd.port,
    certificates,
    nodeOptions: [],
  };
  const gatehouse = await startGatehouse(options, configure(options));
  const ca = join(certificates, "ca.pem");
  const rounds = new Map(KINDS.map((kind) => [kind, Array.of<Round>()]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const [kind, measured] of rounds) measured.push(measure(gatehouse, ca, kind));
  }
  const rows = [...rounds].map(([{ version, isResuming }, measured]) => {
    const of = (pick: (round: Round) => number): number => median(measured.map(pick));
    return [
      `${version}, ${isResuming ? "resumed" : "full"}`,
      of(({ perSecond }) => perSecond).toFixed(0),
      of(({ cpuMicros }) => cpuMicros).toFixed(0),
      `${(of(({ resumed, handshakes }) => resumed / handshakes) * 100).toFixed(0)} %`,
      String(measured.reduce((sum, { failed }) => sum + failed, 0)),
    ];
  });
  printTable(["handshakes", "a second", "CPU µs", "resumed", "failed"], rows);
  console.log(`\n${values.connections} at a time, ECDSA on P-256; `);
  console.log(`${cpus().length} processors, Node ${process.version}, ${cpus()[0]?.model ?? "?"}`);
  await gatehouse.stop();
  await slapd.stop();
}

if (values.help) process.stdout.write(HELP);
else await run();
