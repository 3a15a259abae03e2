// Runs the command line inside the test: its own streams, a standing clock, a real control socket.

import { once } from "node:events";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Test } from "tap";

import type { App, Io } from "../../src/commands/context.ts";
import { dispatch } from "../../src/commands/dispatch.ts";
import { listenControl } from "../../src/doors/control/server.ts";
import { SILENT, testContext, testFolder, type TestContext } from "./control.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLine {
  readonly context: TestContext;
  readonly folder: string;
  /** How often the store was opened because no gateway ran. */
  assembled(): number;
  /** `stdin`: what is piped in. */
  run(argv: readonly string[], stdin?: string): Promise<Ran>;
}

/** A command line with a gateway behind it, or with a store only. */
export async function commandLine(
  t: Test,
  options: { gateway: boolean; directories?: readonly string[]; mistakes?: Error },
): Promise<CommandLine> {
  const context = await testContext(t, options.directories);
  const folder = testFolder(t);
  const path = join(folder, "gatehouse.sock");
  let assembled = 0;
  if (options.gateway) {
    const server = await listenControl(path, context, SILENT);
    t.teardown(() => server.close());
  }
  const app: App = {
    controlSocket: async () => ({ path, mistakes: options.mistakes }),
    async assemble() {
      assembled += 1;
      return { context: { ...context, gateway: undefined }, close: async () => undefined };
    },
    startGateway: () => Promise.reject(new Error("not in this test")),
    examine: () => Promise.reject(new Error("not in this test")),
    restore: async () => ({ events: 12 }),
  };
  return {
    context,
    folder,
    assembled: () => assembled,
    run: (argv, stdin = "") => runWith(argv, stdin, context, async () => app),
  };
}

async function runWith(
  argv: readonly string[],
  stdin: string,
  context: TestContext,
  app: () => Promise<App>,
): Promise<Ran> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const io: Io = {
    stdin: Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]),
    stdout,
    stderr,
    clock: context.clock,
    operator: "root",
    version: "0.1.0",
  };
  const texts = Promise.all([text(stdout), text(stderr)]);
  const code = await dispatch(argv, io, app);
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { code, stdout: out, stderr: err };
}

/** Waits until a child process has ended: its code and what it said. */
export async function ended(child: import("node:child_process").ChildProcess): Promise<Ran> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the child has no pipes");
  const texts = Promise.all([text(stdout), text(stderr)]);
  const [code] = await once(child, "exit");
  const [out, err] = await texts;
  return { code: typeof code === "number" ? code : -1, stdout: out, stderr: err };
}
