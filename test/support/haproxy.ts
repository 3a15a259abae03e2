// A private haproxy for tests: loopback, a free port, a server named "gatehouse" behind it that is
// checked. Stopped by `stop`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";

import { freePort } from "./ports.ts";

export interface Haproxy {
  readonly port: number;
  /** What it says of the server, "UP" or "DOWN", and of its last check: "L7OK", … */
  health(): Promise<{ readonly status: string; readonly check: string }>;
  stop(): Promise<void>;
}

/** Resolves when it has found the server healthy. `section`: what it does at that port. */
export async function startHaproxy(section: (port: number) => string): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-haproxy-"));
  const port = await freePort();
  const statsPath = join(folder, "stats");
  const configPath = join(folder, "haproxy.cfg");
  const lines = ["global", `  stats socket ${statsPath}`, section(port)];
  writeFileSync(configPath, `${lines.join("\n")}\n`);
  const child = spawn("/usr/sbin/haproxy", ["-db", "-q", "-f", configPath]);
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  while (!(await lastCheck(statsPath)).check.endsWith("OK")) {
    if (child.exitCode !== null) throw new Error(`haproxy ended at once:\n${output}`);
    await wait(20);
  }
  return {
    port,
    health: () => lastCheck(statsPath),
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
      process.off("exit", killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function lastCheck(statsPath: string): Promise<{ status: string; check: string }> {
  const socket = connect(statsPath);
  try {
    await once(socket, "connect");
  } catch {
    return { status: "", check: "" };
  }
  socket.end("show stat\n");
  const rows = (await text(socket)).split("\n").map((line) => line.split(","));
  const [names = []] = rows;
  const row = rows.find(([, name]) => name === "gatehouse") ?? [];
  const value = (name: string): string => row[names.indexOf(name)] ?? "";
  return { status: value("status"), check: value("check_status") };
}
