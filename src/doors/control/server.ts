// The control socket: operators' commands from the same machine, beside the store.
// Invariants: mode 0600 from its first moment, a living gateway's socket is never replaced, and one
// connection can't hold more than a bounded number of lines and requests.

import { once } from "node:events";
import { lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

import { createLineSplitter, type Line } from "../../lib/lines.ts";
import type { Log } from "../../lib/log.ts";
import type { Call, ControlContext } from "./context.ts";
import { runOperation } from "./handlers.ts";
import {
  CONNECTION_ID,
  decodeRequest,
  encodeLine,
  errorFrame,
  LINE_BYTES_MAX,
  OperationError,
  type Frame,
  type Request,
} from "./protocol.ts";

// Operators and scripts of one machine, not a public door.
const CONNECTIONS_MAX = 32;
// A command has one request under way; an import has two.
const REQUESTS_MAX = 8;
// Long enough for an import that is typed by another program, short enough to forget a dead one.
const IDLE_MS = 10 * 60_000;
// Time to read why one is cut off.
const FAREWELL_MS = 2_000;
// sockaddr_un.sun_path holds 108 bytes with its closing zero (unix(7)).
const PATH_BYTES_MAX = 107;

export interface ControlServer {
  readonly path: string;
  /** Ends what follows, waits for changes under way, removes the socket. */
  close(): Promise<void>;
}

/** Throws OperationError when another gateway answers there or the path can't be used. */
export async function listenControl(
  path: string,
  context: ControlContext,
  log: Log,
): Promise<ControlServer> {
  await clearPath(path);
  const connections = new Map<Socket, AbortController>();
  const running = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const gone = new AbortController();
    connections.set(socket, gone);
    socket.once("close", () => {
      connections.delete(socket);
      gone.abort();
    });
    serve(socket, gone.signal, context, log, running);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listenPrivately(server, path);
  server.on("error", (error) => log.error({ err: error }, "the control socket accepts nobody"));
  return {
    path,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const gone of connections.values()) gone.abort();
      await Promise.allSettled(running);
      for (const socket of connections.keys()) socket.destroy();
      await closed;
    },
  };
}

function serve(
  socket: Socket,
  gone: AbortSignal,
  context: ControlContext,
  log: Log,
  running: Set<Promise<void>>,
): void {
  const lines = createLineSplitter(LINE_BYTES_MAX);
  let underWay = 0;
  // A client that vanishes is nothing to report: "close" follows.
  socket.on("error", () => undefined);
  socket.setTimeout(IDLE_MS, () => underWay === 0 && socket.destroy());

  const onLine = (line: Line): void => {
    const request = readRequest(line);
    if (request instanceof OperationError) return refuse(socket, request);
    if (underWay >= REQUESTS_MAX) {
      const error = new OperationError("protocol", `more than ${REQUESTS_MAX} requests at once`);
      return refuse(socket, error, request.id);
    }
    underWay += 1;
    const done = answer(socket, request, gone, context, log).finally(() => {
      underWay -= 1;
      running.delete(done);
      if (underWay === 0 && socket.readableEnded) socket.end();
    });
    running.add(done);
  };
  socket.on("data", (chunk: Buffer) => {
    for (const line of lines.push(chunk)) if (!socket.writableEnded) onLine(line);
  });
  // Half open: a client that has asked everything may close its side and still get its answers.
  socket.on("end", () => underWay === 0 && socket.end());
}

function readRequest(line: Line): Request | OperationError {
  if (line.kind === "too-long") {
    return new OperationError("protocol", `a line is longer than ${LINE_BYTES_MAX} bytes`);
  }
  try {
    return decodeRequest(line.text);
  } catch (error) {
    if (error instanceof OperationError) return error;
    throw error;
  }
}

// Who can't speak the protocol, or won't keep its limits, is told once and cut off.
function refuse(socket: Socket, error: OperationError, id = CONNECTION_ID): void {
  if (socket.destroyed) return;
  socket.end(encodeLine(errorFrame(id, error)));
  // Not at once: closing over unread bytes would take the error away from the client (unix(7)).
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
}

async function answer(
  socket: Socket,
  request: Request,
  signal: AbortSignal,
  context: ControlContext,
  log: Log,
): Promise<void> {
  const { id, operation, operator } = request;
  const send = (frame: Frame): Promise<void> => write(socket, frame, signal);
  const call: Call<unknown> = {
    operator,
    signal,
    progress: (done, total) => void send({ id, progress: { done, total } }).catch(() => undefined),
    item: (item) => send({ id, item }),
  };
  try {
    const result = await runOperation(context, operation, request.arguments, call);
    await send({ id, result });
  } catch (error) {
    // The client went in the middle: there is nobody to tell.
    if (signal.aborted && !(error instanceof OperationError)) return;
    const told = error instanceof OperationError ? error : internalError(error, operation, log);
    await send(errorFrame(id, told)).catch(() => undefined);
  }
}

function internalError(error: unknown, operation: string, log: Log): OperationError {
  log.error({ err: error, operation }, "an operation of the control socket failed");
  return new OperationError(
    "internal",
    "the gateway failed to do this",
    "its log says why; whether something changed shows in: gatehouse events",
  );
}

async function write(socket: Socket, frame: Frame, signal: AbortSignal): Promise<void> {
  if (!socket.writable || socket.write(encodeLine(frame))) return;
  // Rejects when the client has gone, so that nobody waits for a reader that will never come.
  await once(socket, "drain", { signal });
}

/** Removes what a killed gateway left behind; anything else in the way is an error. */
async function clearPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    const hint = "keep the store in a folder with a shorter name";
    throw new OperationError("usage", `${path}: too long a name for a socket`, hint);
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    const hint = "move it away: the control socket belongs there";
    throw new OperationError("refused", `${path} exists and is not a socket`, hint);
  }
  if (await answers(path)) {
    const hint = "stop it first: one gateway at a time may use a store";
    throw new OperationError("refused", `a gateway is running already at ${path}`, hint);
  }
  unlinkSync(path);
}

/** True when somebody listens at the path. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true));
    // Refused or missing: nobody is there. Not permitted: somebody else's, so not ours to replace.
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
    socket.once("connect", () => socket.destroy());
  });
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  const listening = once(server, "listening");
  // The file comes into being inside listen(), so that it never has another mode than 0600.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await listening;
}
