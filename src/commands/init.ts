// `gatehouse init`: a folder with everything a first start needs, ready to be edited.
// Invariants: no existing file is ever replaced; keys and secrets are readable by their owner only.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { randomBytes } from "../lib/random.ts";
import type { Io } from "./check.ts";
import { CONFIGURATION, IGNORED, PLACEHOLDER } from "./init-template.ts";

const MASTER_KEY_BYTES = 32;
/** 32 characters of base64url: 192 bits, and nothing a NAS's form could choke on. */
const RADIUS_SECRET_BYTES = 24;
const CERTIFICATES = ["ca", "server", "client"].flatMap((name) => [`${name}.pem`, `${name}.key`]);

const USAGE = `usage: gatehouse init DIR

Writes a configuration, a master key, a RADIUS secret and development certificates into DIR.
A file that exists is never replaced.

example: gatehouse init /etc/gatehouse
exit code: 0 done, 1 failed, 2 usage
`;

/** Resolves to the exit code: 0 done, 1 something is in the way, 2 usage. */
export async function init(argv: readonly string[], io: Io): Promise<number> {
  const folder = readFolder(argv);
  if (folder === undefined) {
    io.stderr.write(USAGE);
    return 2;
  }
  if (folder === "help") {
    io.stdout.write(USAGE);
    return 0;
  }
  try {
    return await fill(folder, io);
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown error";
    io.stderr.write(`gatehouse init: ${why}; choose a folder this user can write to\n`);
    return 1;
  }
}

/** The folder as an absolute path, "help", or undefined if the arguments are wrong. */
function readFolder(argv: readonly string[]): string | undefined {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" } },
    });
    if (values.help === true) return "help";
    const [folder, ...more] = positionals;
    return folder === undefined || more.length > 0 ? undefined : resolve(folder);
  } catch {
    return undefined;
  }
}

async function fill(folder: string, io: Io): Promise<number> {
  const files = new Map([
    ["gatehouse.yaml", CONFIGURATION],
    [".gitignore", IGNORED],
    ["data/master.key", `${randomBytes(MASTER_KEY_BYTES).toString("base64")}\n`],
    ["secrets/vpn", `${randomBytes(RADIUS_SECRET_BYTES).toString("base64url")}\n`],
    ["secrets/bind", `${PLACEHOLDER}\n`],
  ]);
  const certificates = CERTIFICATES.map((name) => `certs/${name}`);
  const taken = [...files.keys(), ...certificates].filter((name) => existsSync(join(folder, name)));
  if (taken.length > 0) {
    const list = taken.join(", ");
    io.stderr.write(`gatehouse init: ${folder} already has ${list}; choose another folder\n`);
    return 1;
  }
  for (const [name, text] of files) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  }
  // Loaded only here: no other command needs the certificate library.
  const { generateCertificates } = await import("../../certs/certificates.ts");
  await generateCertificates(join(folder, "certs"));
  io.stdout.write(nextSteps(folder, [...files.keys(), ...certificates]));
  return 0;
}

function nextSteps(folder: string, written: readonly string[]): string {
  const file = join(folder, "gatehouse.yaml");
  return `Written to ${folder}:
${written.map((name) => `  ${name}`).join("\n")}

Next:
  1. Edit ${file}: your directory and your VPN's address.
  2. Put the service account's password into ${join(folder, "secrets/bind")}.
  3. Copy the RADIUS secret from ${join(folder, "secrets/vpn")} to the VPN.
  4. gatehouse check --config ${file}
  5. gatehouse run --config ${file}

Keep a copy of data/master.key somewhere safe: without it no token can be read.
The certificates are for development only.
`;
}
