// What every command is given: streams, clock, the program behind it. No command reaches for the
// process itself, so that each can be run in a test.

import { connectControl, type Operations } from "../doors/control/client.ts";
import type { ControlContext } from "../doors/control/context.ts";
import { localOperations } from "../doors/control/local.ts";
import { OperationError } from "../doors/control/protocol.ts";
import type { Tell } from "../core/finding.ts";
import type { Clock } from "../lib/clock.ts";

/** A stream that may be a terminal. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface Io {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /** The operating system's user, for the audit trail. */
  readonly operator: string;
  readonly version: string;
}

/** How a running gateway is told what the operating system says. */
interface GatewaySignals {
  /** Aborted: drain and stop. */
  readonly stop: AbortSignal;
  onReload(listener: () => void): void;
}

interface ControlSocket {
  readonly path: string;
  /** Why the configuration can't be used, by whoever needs it. */
  readonly mistakes: Error | undefined;
}

/**
 * The program, as commands need it: app.ts. Each throws Failure: 2 for a wrong configuration (every
 * mistake in the message), 1 for a store that can't be opened.
 */
export interface App {
  /**
   * The control socket that belongs to this configuration: beside its store. Never rejects: a gateway
   * goes on with the configuration it has while the file is being mended.
   */
  controlSocket(configPath: string): Promise<ControlSocket>;
  /** Opens store and directories in this process; only while no gateway runs. */
  assemble(configPath: string): Promise<{ context: ControlContext; close(): Promise<void> }>;
  /**
   * Prints `ready` once every listener is up; `stopped` resolves to the exit code. `stop` may be
   * aborted before this resolves.
   */
  startGateway(
    configPath: string,
    signals: GatewaySignals,
  ): Promise<{ readonly stopped: Promise<number> }>;
  /** Looks at everything the gateway will need, as it is now, and tells what it finds. */
  examine(configPath: string, tell: Tell): Promise<void>;
  /**
   * Puts a backup in the store's place and marks it restored: code steps up to now are dead.
   * Refuses while a gateway has the store open, and never replaces a store that exists.
   */
  restore(configPath: string, backupPath: string): Promise<{ readonly events: number }>;
}

/** A gateway that answers does the work; without one the store is opened here. */
export async function openOperations(app: App, configPath: string, io: Io): Promise<Operations> {
  const { remote } = await findGateway(app, configPath, io);
  if (remote !== undefined) return remote;
  const { context, close } = await app.assemble(configPath);
  return localOperations(context, io.operator, close);
}

/** Throws OperationError when no gateway answers. */
export async function connectGateway(app: App, configPath: string, io: Io): Promise<Operations> {
  const { remote, path } = await findGateway(app, configPath, io);
  if (remote !== undefined) return remote;
  const hint = `start it: gatehouse run --config ${configPath}`;
  throw new OperationError("unavailable", `no gateway answers at ${path}`, hint);
}

// With a file that has mistakes, a gateway that answers is the right one all the same.
async function findGateway(
  app: App,
  configPath: string,
  { operator, stderr }: Io,
): Promise<{ readonly remote: Operations | undefined; readonly path: string }> {
  const { path, mistakes } = await app.controlSocket(configPath);
  const remote = await connectControl(path, operator);
  if (mistakes === undefined) return { remote, path };
  if (remote === undefined) throw mistakes;
  const check = `gatehouse check --config ${configPath}`;
  stderr.write(`the configuration has mistakes; the gateway goes on with an older one: ${check}\n`);
  return { remote, path };
}
