// OpenSSL's own test client, for what Node's doesn't do: data before the handshake is done (0-RTT).

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";

/** Connects with the session of a connection before, and sends the data early; what became of it. */
export async function sendEarly(port: number, data: Buffer): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-early-"));
  const [session, early] = [join(folder, "session"), join(folder, "data")];
  writeFileSync(early, data);
  try {
    const first = start(port, ["-sess_out", session]);
    // It says everything at its end, and keeps the session as soon as there is one.
    while (!existsSync(session)) await wait(10);
    await first.end();
    const output = await start(port, ["-sess_in", session, "-early_data", early]).end();
    return /Early data was [\w ]+/.exec(output)?.[0] ?? output;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function start(port: number, args: readonly string[]): { end(): Promise<string> } {
  const place = ["s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3"];
  const child = spawn("openssl", [...place, ...args], { stdio: ["pipe", "pipe", "ignore"] });
  const said = text(child.stdout);
  return {
    end() {
      child.stdin.end();
      return said;
    },
  };
}
