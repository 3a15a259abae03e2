// A measured server: its process, and what the system says it used (Linux; elsewhere unknown).

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface Usage {
  /** Of all threads since the start. */
  readonly cpuMs: number;
  readonly residentMb: number;
}

const TICKS_PER_SECOND = 100;

export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): fields 14 and 15; the name in parentheses may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, residentMb: Number(kib) / 1024 };
  } catch {
    return undefined;
  }
}

/** Starts a program that must not outlive the benchmark. */
export function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  process.once("exit", () => void child.kill("SIGKILL"));
  return child;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

/** The first of these programs that is installed. */
export function findProgram(names: readonly string[]): string | undefined {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`;
  for (const name of names) {
    const found = spawnSync("sh", ["-c", `command -v ${name}`], {
      encoding: "utf8",
      env: { ...process.env, PATH: path },
    });
    if (found.status === 0) return found.stdout.trim();
  }
  return undefined;
}
