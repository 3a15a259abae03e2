// A folder with a configuration that is right, for tests that make one thing in it wrong.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  type Loaded,
  loadConfig,
  type LoadOptions,
  type NotLoaded,
} from "../../src/config/load.ts";
import { describeProblem } from "../../src/config/problem.ts";
import { fakeClock } from "./clock.ts";

export const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");

/** Right and complete, nothing more than what is needed. */
export const DIRECTORY = `  - name: corp
    urls: ["ldaps://ldap.example.org"]
    bind_dn: "cn=gatehouse,dc=example,dc=org"
    bind_password: { file: bind }
    base: "dc=example,dc=org"
`;
export const CLIENT = `    - name: vpn
      addresses: [192.0.2.0/24]
      secret: { file: vpn }
`;

export interface Parts {
  readonly top?: string;
  readonly masterKey?: string;
  readonly directories?: string;
  readonly radius?: string;
  readonly clients?: string;
}

export function yaml(parts: Parts = {}): string {
  return `master_key: ${parts.masterKey ?? "{ file: master.key }"}
directories:
${parts.directories ?? DIRECTORY}radius:
${parts.radius ?? ""}  clients:
${parts.clients ?? CLIENT}${parts.top ?? ""}`;
}

export interface Folder {
  readonly path: string;
  write(name: string, content: string | Uint8Array, mode?: number): string;
  /** Writes gatehouse.yaml and loads it. */
  load(text: string | Uint8Array, options?: LoadOptions): Loaded | NotLoaded;
  remove(): void;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "gatehouse-config-"));
  const write = (name: string, content: string | Uint8Array, mode = 0o600) => {
    const file = join(path, name);
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  };
  write("master.key", `${MASTER_KEY}\n`);
  write("bind", "directory password\n");
  write("vpn", "a shared secret of some length\n");
  write("wifi", "another shared secret of length\n");
  return {
    path,
    write,
    load: (text, options = {}) =>
      loadConfig(write("gatehouse.yaml", text), { env: {}, clock: fakeClock(), ...options }),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** "line:column path: message" of all problems, or of all warnings where there is none. */
export function told(loaded: Loaded | NotLoaded): string[] {
  const problems = "problems" in loaded ? loaded.problems : loaded.warnings;
  return problems.map((problem) => describeProblem({ ...problem, file: "" }).slice(1));
}
