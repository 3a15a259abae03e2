// OpenSSL's own test server: it speaks no LDAP, and does in TLS what it is told by a line.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

import { freePort, untilListening } from "./ports.ts";

export interface OpensslServer {
  readonly port: number;
  /** One of its commands, such as "r": renegotiate. */
  tell(command: string): void;
  /** When it has said that. */
  said(pattern: RegExp): Promise<void>;
}

/** `key` and `cert` as PEM; `args` are its options. */
export async function startOpensslServer(
  t: Test,
  identity: { readonly key: string; readonly cert: string },
  args: readonly string[],
): Promise<OpensslServer> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-openssl-"));
  const [key, cert, log] = ["key.pem", "cert.pem", "log"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, identity.key, { mode: 0o600 });
  writeFileSync(cert, identity.cert);
  writeFileSync(log, "");
  const port = await freePort();
  const place = ["-accept", `127.0.0.1:${port}`, "-key", key, "-cert", cert];
  const child = spawn("openssl", ["s_server", ...place, ...args]);
  let output = "";
  let onOutput = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString("latin1");
      onOutput();
    });
  }
  t.teardown(async () => {
    const exit = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await exit;
    rmSync(folder, { recursive: true });
  });
  await untilListening(port, child, log);
  return {
    port,
    tell: (command) => void child.stdin.write(`${command}\n`),
    async said(pattern) {
      while (!pattern.test(output)) {
        await new Promise<void>((resolve) => {
          onOutput = resolve;
        });
      }
    },
  };
}
