// A private haproxy for tests: TCP on loopback, a free port, PROXY protocol version 2 to one server
// behind it, which it asks every now and then whether it is there. Stopped by `stop`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";

import { freePort } from "./ports.ts";

/** Words of the `server` line, and what a check that went well is called. */
const CHECKS = {
  /** A connection, and nothing more. */
  connect: ["check-send-proxy", "L4OK"],
  /** A Bind of nobody, which the door answers with success. */
  bind: ["", "L7OK"],
  "bind over TLS": ["check-ssl verify none", "L7OK"],
} as const;

export interface HaproxyOptions {
  /** Port of the server on loopback. */
  readonly server: number;
  /** How it finds out whether the server is there. */
  readonly check: keyof typeof CHECKS;
}

export interface Haproxy {
  readonly port: number;
  /** What it says of the server, "UP" or "DOWN", and of its last check. */
  health(): Promise<{ readonly status: string; readonly check: string }>;
  stop(): Promise<void>;
}

/** Resolves when it has found the server healthy. */
export async function startHaproxy({ server, check }: HaproxyOptions): Promise<Haproxy> {
  const [words, well] = CHECKS[check];
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-haproxy-"));
  const port = await freePort();
  const statsPath = join(folder, "stats");
  const configPath = join(folder, "haproxy.cfg");
  const lines = [
    "global",
    `  stats socket ${statsPath}`,
    "defaults",
    "  mode tcp",
    "  timeout connect 5s",
    "  timeout client 60s",
    "  timeout server 60s",
    "listen ldap",
    `  bind 127.0.0.1:${port}`,
    `  bind [::1]:${port}`,
    ...(check === "connect" ? [] : ["  option ldap-check"]),
    `  server gatehouse 127.0.0.1:${server} send-proxy-v2 check inter 100ms ${words}`,
  ];
  writeFileSync(configPath, `${lines.join("\n")}\n`);
  const child = spawn("/usr/sbin/haproxy", ["-db", "-q", "-f", configPath]);
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  while ((await lastCheck(statsPath)).check !== well) {
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
