// What the operating system tells a running gateway, and what becomes of the process.

import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";

const PROGRAM = fileURLToPath(new URL("../support/run-child.ts", import.meta.url));

type Child = ChildProcessByStdio<null, Readable, null>;

async function start(t: Test, ...args: string[]): Promise<Child> {
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: [...stdio] });
  t.teardown(() => child.kill("SIGKILL"));
  await says(child, "ready");
  return child;
}

async function says(child: Child, line: string): Promise<void> {
  const [chunk] = await once(child.stdout, "data");
  if (String(chunk).trim() !== line) throw new Error(`it said ${String(chunk)}`);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`${signal} drains and exits with 0`, async (t) => {
    const child = await start(t);
    child.kill(signal);
    t.same(await once(child, "exit"), [0, null]);
  });
}

t.test("a second signal ends a gateway that doesn't finish draining", async (t) => {
  const child = await start(t, "slow");
  child.kill("SIGTERM");
  await says(child, "draining");
  child.kill("SIGTERM");
  t.same(await once(child, "exit"), [1, null]);
});

t.test("SIGHUP reads the configuration again and stops nothing", async (t) => {
  const child = await start(t);
  for (let turn = 0; turn < 2; turn++) {
    child.kill("SIGHUP");
    await says(child, "reloaded");
  }
  child.kill("SIGTERM");
  t.same(await once(child, "exit"), [0, null]);
});
