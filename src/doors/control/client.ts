// Asks a running gateway over its control socket.
// Invariant: what comes back has been checked, so that commands never see a half-known shape.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { createLineSplitter } from "../../lib/lines.ts";
import type { Operation } from "./operations.ts";
import {
  CONNECTION_ID,
  decodeFrame,
  encodeLine,
  LINE_BYTES_MAX,
  OperationError,
  PROTOCOL_VERSION,
  type Frame,
} from "./protocol.ts";

/** What may come before the result. */
interface Watch<Item> {
  onProgress?(progress: { readonly done: number; readonly total: number }): void;
  /** Awaited before the next one is read, so that a slow reader slows the gateway down. */
  onItem?(item: Item): void | Promise<void>;
}

/** Operations of a gateway or of an opened store: a command can't tell the difference. */
export interface Operations {
  /** Throws OperationError. */
  run<Name extends string, Arguments, Item, Result>(
    operation: Operation<Name, Arguments, Item, Result>,
    args: Arguments,
    watch?: Watch<Item>,
  ): Promise<Result>;
  close(): Promise<void>;
}

interface Waiting {
  frame(frame: Frame): Promise<void>;
  fail(error: unknown): void;
}

/** Undefined when nobody listens at the path. Throws OperationError when it may not be used. */
export async function connectControl(
  path: string,
  operator: string,
): Promise<Operations | undefined> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
  } catch (error) {
    return noGateway(path, error);
  }
  const waiting = new Map<number, Waiting>();
  // A broken connection ends the loop that reads; every caller is told there.
  socket.on("error", () => undefined);
  void readFrames(socket, waiting);
  let lastId = CONNECTION_ID;
  return {
    async run(operation, args, watch = {}) {
      const id = ++lastId;
      if (!socket.writable) throw connectionLost();
      const done = new Promise<unknown>((resolve, reject) => {
        waiting.set(id, {
          frame: async (frame) => {
            if ("item" in frame) await watch.onItem?.(operation.item.parse(frame.item));
            else if ("progress" in frame) watch.onProgress?.(frame.progress);
            else if ("result" in frame) resolve(frame.result);
            else reject(errorOf(frame.error));
          },
          fail: reject,
        });
      });
      const request = { version: PROTOCOL_VERSION, id, operation: operation.name, operator };
      try {
        socket.write(encodeLine({ ...request, arguments: args }));
        return operation.result.parse(await done);
      } finally {
        waiting.delete(id);
      }
    },
    async close() {
      if (!socket.destroyed)
        await new Promise((resolve) => socket.destroy().once("close", resolve));
    },
  };
}

function noGateway(path: string, error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
  throw new OperationError(
    "refused",
    `the control socket ${path} can't be used: ${String(code)}`,
    "run the command as the user the gateway runs as, or as root",
  );
}

async function readFrames(socket: Socket, waiting: Map<number, Waiting>): Promise<void> {
  const lines = createLineSplitter(LINE_BYTES_MAX);
  let failure = connectionLost();
  try {
    for await (const chunk of socket) {
      if (!Buffer.isBuffer(chunk)) continue;
      for (const line of lines.push(chunk)) {
        if (line.kind === "too-long") throw new OperationError("protocol", "an answer is too long");
        const frame = decodeFrame(line.text);
        if (frame.id === CONNECTION_ID && "error" in frame) throw errorOf(frame.error);
        const caller = waiting.get(frame.id);
        await caller?.frame(frame).catch(caller.fail);
      }
    }
  } catch (error) {
    if (error instanceof OperationError) failure = error;
  }
  socket.destroy();
  for (const { fail } of waiting.values()) fail(failure);
}

function errorOf(error: Extract<Frame, { error: unknown }>["error"]): OperationError {
  return new OperationError(error.code, error.message, error.hint);
}

function connectionLost(): OperationError {
  return new OperationError(
    "unavailable",
    "the gateway closed the connection before it had answered",
    "whether the change was made shows in: gatehouse events",
  );
}
