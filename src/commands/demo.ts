// `gatehouse demo`: a whole installation in a temporary folder, one login of each kind before your
// eyes, then commands to try. Nothing outside that folder is touched; it goes when the demo ends.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { generateCode, stepAt } from "../core/totp.ts";
import { tokenEnroll } from "../doors/control/operations.ts";
import { decodeBase32 } from "../lib/base32.ts";
import { randomBytes } from "../lib/random.ts";
import { Secret } from "../lib/secret.ts";
import { defineCommand } from "./command.ts";
import { connectGateway, type App, type Io } from "./context.ts";
import {
  DEMO_BASE,
  DEMO_BIND_DN,
  DEMO_BIND_PASSWORD,
  DEMO_PEOPLE,
  demoPersonDn,
  startDemoDirectory,
} from "./demo-directory.ts";
import { createRadiusClient, type RadiusClient } from "./demo-client.ts";
import { bindAndSearch } from "./demo-ldap-client.ts";
import { Failure } from "./failure.ts";
import { paint } from "./words.ts";

// Not 1812: a real RADIUS server may be running here.
const DEFAULT_PORT = "11812";
const DEFAULT_LDAP_PORT = "11389";
const DEFAULT_PORTAL_PORT = "18443";

export const command = defineCommand({
  usage: "demo",
  about: `Starts a sample directory and a gateway on loopback, enrols its people, shows logins over
RADIUS and LDAP, opens the portal, and prints commands to try. Needs neither root nor any package. Ctrl-C ends it.`,
  example: "demo",
  words: [0, 0],
  options: {
    port: {
      type: "string",
      help: `UDP port on 127.0.0.1 for RADIUS (default ${DEFAULT_PORT})`,
      value: "N",
    },
    "ldap-port": {
      type: "string",
      help: `TCP port on 127.0.0.1 for LDAP (default ${DEFAULT_LDAP_PORT})`,
      value: "N",
    },
    "portal-port": {
      type: "string",
      help: `TCP port on 127.0.0.1 for the portal (default ${DEFAULT_PORTAL_PORT})`,
      value: "N",
    },
    once: { type: "boolean", help: "end after the show" },
    help: { type: "boolean", short: "h", help: "this text" },
  },
  async run({ values, io, app }) {
    const ports = {
      radius: readPort("--port", values.port ?? DEFAULT_PORT),
      ldap: readPort("--ldap-port", values["ldap-port"] ?? DEFAULT_LDAP_PORT),
      portal: readPort("--portal-port", values["portal-port"] ?? DEFAULT_PORTAL_PORT),
    };
    const folder = mkdtempSync(join(tmpdir(), "gatehouse-demo-"));
    const directory = await startDemoDirectory();
    const stop = new AbortController();
    const onSignal = (): void => stop.abort();
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
    try {
      const sharedSecret = randomBytes(16).toString("hex");
      // Loaded only here: few commands need the certificate library.
      const { generateCertificates } = await import("../../certs/certificates.ts");
      await generateCertificates(folder);
      const configPath = writeConfiguration(folder, directory.url, ports, sharedSecret);
      const program = await app();
      const gateway = await program.startGateway(configPath, {
        stop: stop.signal,
        onReload: () => undefined,
      });
      const tokens = await enrolAll(program, configPath, io);
      await show(createRadiusClient(ports.radius, sharedSecret), tokens, io);
      await showLdap(ports.ldap, tokens, io);
      printCommands(ports, sharedSecret, tokens, io);
      if (values.once === true) stop.abort();
      else keepCodesFresh(tokens, io, stop.signal);
      return await gateway.stopped;
    } finally {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
      stop.abort();
      directory.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

/** Secrets of the demo's people, by name: shown here as no real gateway ever would. */
type Tokens = ReadonlyMap<string, Secret>;

interface Ports {
  readonly radius: number;
  readonly ldap: number;
  readonly portal: number;
}

function readPort(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Failure(2, `${option} is a number from 1 to 65535`);
}

function writeConfiguration(folder: string, url: string, ports: Ports, secret: string): string {
  const key = join(folder, "master.key");
  writeFileSync(key, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
  const path = join(folder, "gatehouse.yaml");
  const text = `store: { sqlite: data/gatehouse.db }
master_key: { file: master.key }
directories:
  - name: sample
    urls: ["${url}"]
    allow_cleartext: true
    bind_dn: "${DEMO_BIND_DN}"
    bind_password: { value: "${DEMO_BIND_PASSWORD}" }
    base: "${DEMO_BASE}"
radius:
  listen: ["127.0.0.1:${ports.radius}"]
  clients:
    - name: demo
      addresses: [127.0.0.1]
      secret: { value: "${secret}" }
      allow_groups: ["cn=vpn,ou=groups,${DEMO_BASE}"]
ldap:
  listeners:
    - name: demo
      listen: "127.0.0.1:${ports.ldap}"
      tls: none
totp: { issuer: Gatehouse demo }
admin:
  listen: "127.0.0.1:${ports.portal}"
  certificate: server.pem
  key: server.key
  public_url: https://127.0.0.1:${ports.portal}
enrolment: { allow_from: [127.0.0.1] }
log: { level: error }
`;
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

async function enrolAll(program: App, configPath: string, io: Io): Promise<Tokens> {
  const operations = await connectGateway(program, configPath, io);
  const tokens = new Map<string, Secret>();
  try {
    for (const { name, enrols } of DEMO_PEOPLE) {
      if (enrols === true) continue;
      const token = await operations.run(tokenEnroll, {
        username: name,
        algorithm: "sha1",
        digits: 6,
        periodSeconds: 30,
        replace: false,
      });
      tokens.set(name, Secret.of(decodeBase32(token.secret) ?? Buffer.alloc(0)));
    }
  } finally {
    await operations.close();
  }
  tick(io, `enrolled ${[...tokens.keys()].join(", ")}`);
  return tokens;
}

async function show(client: RadiusClient, tokens: Tokens, io: Io): Promise<void> {
  const code = (name: string, ahead = 0): string => currentCode(tokens, name, io, ahead);
  const expect = async (
    rule: string,
    wanted: string,
    name: string,
    password: string,
    state?: Buffer,
  ): Promise<Buffer | undefined> => {
    const reply = await client.login(name, password, state);
    if (reply.name !== wanted) throw new Failure(1, `${rule}: ${reply.name} instead of ${wanted}`);
    tick(io, `${rule}: ${reply.name}`);
    return reply.state;
  };
  try {
    const field = `alice-password,${code("alice")}`;
    await expect("alice types password,code", "Access-Accept", "alice", field);
    await expect("the same code a second time", "Access-Reject", "alice", field);
    const state = await expect(
      "bob types his password alone",
      "Access-Challenge",
      "bob",
      "bob-password",
    );
    await expect("bob answers with his code", "Access-Accept", "bob", code("bob"), state);
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => client.login("carol", `guess-${i},${code("carol")}`)),
    );
    const locked = `carol-password,${code("carol")}`;
    await expect("carol, after six wrong passwords", "Access-Reject", "carol", locked);
  } finally {
    client.close();
  }
}

async function showLdap(port: number, tokens: Tokens, io: Io): Promise<void> {
  const dn = demoPersonDn("dave");
  const field = `dave-password,${currentCode(tokens, "dave", io)}`;
  const expect = async (rule: string, wanted: number, password: string): Promise<void> => {
    const { resultCode, found } = await bindAndSearch(port, dn, password, DEMO_BASE);
    if (resultCode !== wanted) {
      throw new Failure(1, `${rule}: result code ${resultCode} instead of ${wanted}`);
    }
    const seen = resultCode === 0 ? `success, and ${found} entries` : `result code ${resultCode}`;
    tick(io, `${rule}: ${seen}`);
  };
  await expect("dave's application binds with password,code", 0, field);
  await expect("the same code a second time", 49, field);
}

function printCommands(ports: Ports, secret: string, tokens: Tokens, io: Io): void {
  const line = (name: string, password: string): string =>
    `printf 'User-Name="${name}"\\nUser-Password="${password}"\\nMessage-Authenticator=0x00\\n' \\\n` +
    `  | radclient -x -r 1 127.0.0.1:${ports.radius} auth ${secret}\n`;
  io.stdout.write("\nWith radclient, to paste:\n\n");
  const next = currentCode(tokens, "alice", io, 1);
  io.stdout.write(`${line("alice", `alice-password,${next}`)}\n${line("bob", "bob-password")}\n`);
  io.stdout.write("bob is asked for his code: add State=0x… from the challenge to the answer.\n");
  const dave = `-D "${demoPersonDn("dave")}" -w "dave-password,${currentCode(tokens, "dave", io, 1)}"`;
  io.stdout.write(
    `\nWith ldapsearch:\n\nldapsearch -x -H ldap://127.0.0.1:${ports.ldap} ${dave} \\\n`,
  );
  io.stdout.write(`  -b "${DEMO_BASE}" "(uid=alice)"\n`);
  io.stdout
    .write(`\nThe portal, where erin (erin-password) sets up an app; the browser will say that it
doesn't know the certificate, which was made for this demo:\n\n  https://127.0.0.1:${ports.portal}\n`);
}

// The codes used in the show are spent: until the next period the one after it is printed.
function keepCodesFresh(tokens: Tokens, io: Io, stop: AbortSignal): void {
  let step = stepAt(io.clock.now(), 30);
  io.stdout.write("\nCodes from now on (Ctrl-C ends the demo):\n");
  const timer = setInterval(() => {
    const now = stepAt(io.clock.now(), 30);
    if (now === step) return;
    step = now;
    const codes = [...tokens.keys()].map((name) => `${name} ${currentCode(tokens, name, io)}`);
    io.stdout.write(`  ${codes.join("   ")}   (30 s)\n`);
  }, 500);
  stop.addEventListener("abort", () => clearInterval(timer), { once: true });
}

function currentCode(tokens: Tokens, name: string, io: Io, ahead = 0): string {
  const secret = tokens.get(name);
  if (secret === undefined) throw new Error(`${name} has no token`);
  const step = stepAt(io.clock.now(), 30) + ahead;
  return generateCode({ algorithm: "sha1", digits: 6 }, secret, step);
}

function tick(io: Io, text: string): void {
  io.stdout.write(`${paint(io.stdout, "green", "✓")} ${text}\n`);
}
