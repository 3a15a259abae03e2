// The sockets of the RADIUS door: receives datagrams, sends the door's answers when they are due,
// and follows the host's addresses where a wildcard is listened on.
// Invariants: all sockets or none at start; no socket error ends the process.

import type { RemoteInfo } from "node:dgram";

import type { Clock } from "../../lib/clock.ts";
import { createDelayed, type Delayed } from "../../lib/delayed.ts";
import { addressText, listenProblem, systemCode, type ListenAddress } from "../../lib/listen.ts";
import type { Log } from "../../lib/log.ts";
import type { RadiusDoor } from "./handle.ts";
import {
  bindSocket,
  type BoundSocket,
  concreteAddresses,
  type Interfaces,
  isWildcard,
} from "./sockets.ts";

export interface RadiusServerOptions {
  readonly listen: readonly ListenAddress[];
  readonly door: Pick<RadiusDoor, "handle" | "report">;
  readonly clock: Clock;
  readonly log: Log;
  /** The host's addresses; the system's unless a test says otherwise. */
  readonly interfaces?: () => Interfaces;
  readonly rescanMs?: number;
}

export interface RadiusServer {
  /** Bound now, "host:port". */
  readonly addresses: readonly string[];
  /** Refusals that wait for their moment. */
  readonly delayed: number;
  /** Takes nothing new, lets what runs finish for at most `drainMs`, closes. */
  close(options: { readonly drainMs: number }): Promise<void>;
}

const KEY = "radius.listen";
const RESCAN_MS = 10_000;
// Refusals of a second or two; about 200 bytes each.
const DELAYED_MAX = 50_000;

interface Server {
  readonly options: RadiusServerOptions;
  /** As configured; port 0 replaced by the port that was found. */
  listen: readonly ListenAddress[];
  /** By address text. */
  readonly sockets: Map<string, BoundSocket>;
  /** Addresses that couldn't be bound: said once each. */
  readonly failed: Set<string>;
  readonly delayed: Delayed;
  running: number;
  isDraining: boolean;
  isLooking: boolean;
  hasWarnedOfBuffer: boolean;
  onIdle: () => void;
}

/** Fails with a message for the operator when an address can't be had; nothing stays open. */
export async function startRadiusServer(options: RadiusServerOptions): Promise<RadiusServer> {
  const server: Server = {
    options,
    listen: [],
    sockets: new Map(),
    failed: new Set(),
    delayed: createDelayed(options.clock, DELAYED_MAX, () => tellIfIdle(server)),
    running: 0,
    isDraining: false,
    isLooking: false,
    hasWarnedOfBuffer: false,
    onIdle: () => undefined,
  };
  try {
    for (const listen of options.listen) {
      server.listen = [...server.listen, await openAll(server, listen)];
    }
    if (server.sockets.size === 0) throw new Error("radius.listen: no address of this host fits");
  } catch (error) {
    closeAll(server);
    throw error;
  }
  const timer = setInterval(() => void lookOnce(server), options.rescanMs ?? RESCAN_MS).unref();
  return {
    get addresses() {
      return [...server.sockets.keys()];
    },
    get delayed() {
      return server.delayed.size;
    },
    async close({ drainMs }) {
      clearInterval(timer);
      await drain(server, drainMs);
      closeAll(server);
      await options.door.report(true);
    },
  };
}

/** Opens every address behind one configured one, all on the same port. */
async function openAll(server: Server, listen: ListenAddress): Promise<ListenAddress> {
  let { port } = listen;
  for (const address of concreteAddresses(listen, server.options.interfaces?.())) {
    const wanted = { ...address, port };
    if (server.sockets.has(addressText(wanted))) continue;
    try {
      ({ port } = await open(server, wanted));
    } catch (error) {
      // One of many addresses may vanish, or not be usable yet, between looking and binding.
      if (isWildcard(listen) && systemCode(error) === "EADDRNOTAVAIL") {
        warnOfFailure(server, wanted, error);
      } else {
        throw new Error(listenProblem(KEY, "udp", wanted, error), { cause: error });
      }
    }
  }
  return { ...listen, port };
}

async function open(server: Server, wanted: ListenAddress): Promise<ListenAddress> {
  const bound = await bindSocket(wanted);
  const { socket, address, smallBuffer } = bound;
  if (server.isDraining) {
    socket.close();
    return address;
  }
  const text = addressText(address);
  server.sockets.set(text, bound);
  server.failed.delete(text);
  const { log } = server.options;
  socket.on("message", (datagram, sender) => void receive(server, bound, text, datagram, sender));
  socket.on("error", (error) =>
    log.warn({ err: error, address: text }, "RADIUS socket error; a reply may be lost"),
  );
  if (smallBuffer !== undefined && !server.hasWarnedOfBuffer) {
    server.hasWarnedOfBuffer = true;
    const advice = `bursts may be lost; sysctl -w net.core.rmem_max=${smallBuffer.asked}`;
    log.warn({ ...smallBuffer }, `the system gives RADIUS a small receive buffer: ${advice}`);
  }
  return address;
}

async function receive(
  server: Server,
  bound: BoundSocket,
  socket: string,
  datagram: Buffer,
  { address, port }: RemoteInfo,
): Promise<void> {
  // RFC 768 allows the source port 0, but nothing can be sent there: Node throws.
  if (server.isDraining || port === 0) return;
  const { door, clock, log } = server.options;
  server.running += 1;
  const answer = await door.handle(datagram, { address, port, socket });
  server.running -= 1;
  if ("bytes" in answer) {
    const send = (): void => sendFrom(server, bound, answer.bytes, { address, port });
    if (answer.sendAt <= clock.monotonic()) send();
    else if (!server.delayed.add(answer.sendAt, send)) {
      log.warn({}, "too many refusals wait for their moment; one was dropped");
    }
  }
  tellIfIdle(server);
}

function sendFrom(
  server: Server,
  { socket, address }: BoundSocket,
  bytes: Buffer,
  to: { readonly address: string; readonly port: number },
): void {
  const text = addressText(address);
  // The address may have left the host while the login ran. What fails is the socket's "error".
  if (server.sockets.get(text)?.socket === socket) socket.send(bytes, to.port, to.address);
}

async function lookOnce(server: Server): Promise<void> {
  if (server.isLooking) return;
  server.isLooking = true;
  try {
    await look(server);
  } catch (error) {
    server.options.log.error({ err: error }, "the host's addresses could not be looked up");
  } finally {
    server.isLooking = false;
  }
}

/** Opens and closes sockets as wildcard addresses come and go; reports what was counted. */
async function look(server: Server): Promise<void> {
  const { log, interfaces, door } = server.options;
  const wanted = new Map<string, ListenAddress>();
  for (const listen of server.listen) {
    for (const address of concreteAddresses(listen, interfaces?.())) {
      wanted.set(addressText(address), address);
    }
  }
  for (const text of server.failed) if (!wanted.has(text)) server.failed.delete(text);
  for (const [text, { socket }] of server.sockets) {
    if (wanted.has(text)) continue;
    server.sockets.delete(text);
    socket.close();
    log.info({ address: text }, "RADIUS no longer listens: the address is gone");
  }
  for (const [text, address] of wanted) {
    if (server.sockets.has(text) || server.isDraining) continue;
    try {
      await open(server, address);
      log.info({ address: text }, "RADIUS listens on a new address");
    } catch (error) {
      warnOfFailure(server, address, error);
    }
  }
  await door.report();
}

function warnOfFailure(server: Server, address: ListenAddress, error: unknown): void {
  const text = addressText(address);
  if (server.failed.has(text)) return;
  server.failed.add(text);
  server.options.log.warn({ address: text }, listenProblem(KEY, "udp", address, error));
}

function isIdle({ running, delayed }: Server): boolean {
  return running === 0 && delayed.size === 0;
}

function tellIfIdle(server: Server): void {
  if (server.isDraining && isIdle(server)) server.onIdle();
}

async function drain(server: Server, drainMs: number): Promise<void> {
  server.isDraining = true;
  if (isIdle(server)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.onIdle = resolve;
  const timer = setTimeout(resolve, drainMs);
  await promise;
  clearTimeout(timer);
}

function closeAll(server: Server): void {
  server.delayed.stop();
  for (const { socket } of server.sockets.values()) socket.close();
  server.sockets.clear();
}
