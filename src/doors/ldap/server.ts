// The LDAP door: its listeners, their certificates, and everybody who is connected.
// Invariants: all listeners or none at start; no error of a socket or a handshake ends the process;
// what is under way at the end is finished or told that it won't be.

import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { TLSSocket } from "node:tls";

import type { PersonName } from "../../core/administration.ts";
import type { Authenticator } from "../../core/attempt.ts";
import type { HelpText } from "../../core/verdict.ts";
import { createDelayed } from "../../lib/delayed.ts";
import { addressText, listenProblem, type ListenAddress } from "../../lib/listen.ts";
import { createQueue, type Queue, type QueueLimits } from "../../lib/queue.ts";
import { TurnEnd } from "../../lib/turn-end.ts";
import { createArrivals, type Arrivals } from "./accept.ts";
import { createBoundConnections } from "./bound.ts";
import type { DoorContext } from "./context.ts";
import { createPlaces, LIMITS, type Limits } from "./limits.ts";
import {
  createListener,
  createPlace,
  type Listener,
  type ListenerPlace,
  type ListenerSettings,
} from "./listener.ts";
import { startRecheck } from "./recheck.ts";
import { createTls, type Tls } from "./tls.ts";
import {
  createTroubles,
  type StartTlsEnd,
  type Troubles,
  type TroublesOptions,
} from "./troubles.ts";
import type { UpstreamDirectory } from "./upstream.ts";

interface LdapSettings {
  readonly listeners: readonly ListenerSettings[];
  /** By name. */
  readonly directories: ReadonlyMap<string, UpstreamDirectory>;
}

export interface LdapDoorOptions extends LdapSettings, TroublesOptions {
  readonly authenticator: Authenticator;
  readonly helpText: HelpText;
  readonly limits?: Partial<Limits>;
  readonly queue?: Partial<QueueLimits>;
  /** How often those who are bound are looked up again. */
  readonly recheckMs?: number;
}

export interface LdapDoor {
  /** Listened on now, "host:port". */
  readonly addresses: readonly string[];
  connections(): { readonly bound: number; readonly unbound: number };
  readonly refusals: Troubles["refusals"];
  readonly troubles: Troubles["troubles"];
  readonly queue: Pick<Queue, "running" | "waiting">;
  /** Refusals that wait for their moment. */
  readonly delayed: number;
  /** From now on these. Returned are those that aren't listened on: they wait for a restart. */
  reload(settings: LdapSettings): readonly ListenerSettings[];
  /** Ends every connection on which that person is bound. */
  revoke(person: PersonName): void;
  /** Takes nothing new, lets what runs finish for at most `drainMs`, tells everybody, closes. */
  close(options: { readonly drainMs: number }): Promise<void>;
}

/** While it closes: how often is looked for clients that are done. */
const TURN_MS = 50;
/** For a notice to arrive. */
const LAST_WORDS_MS = 300;
const SWEEP_MS = 500;
const REPORT_MS = 10_000;
/** Refusals of a second or two; about 300 bytes each. */
const DELAYED_MAX = 50_000;
/** Enough to keep the directory's connections busy. An application waits longer than a NAS. */
const QUEUE: QueueLimits = { runningMax: 512, waitingMax: 8_192, waitMsMax: 8_000 };
/** For a dead application's connections to be noticed. */
const KEEP_ALIVE_MS = 120_000;

interface Open {
  /** As configured. */
  readonly listen: ListenAddress;
  /** As it was found. */
  readonly address: string;
  readonly server: Server;
  readonly place: ListenerPlace;
  tls: Tls | undefined;
}

/** Fails with a message for the operator when an address can't be had; nothing stays open. */
export async function startLdapDoor(options: LdapDoorOptions): Promise<LdapDoor> {
  const { clock } = options;
  const opened = new Map<ListenerPlace, Open>();
  let onGone = (): void => undefined;
  const context = createContext(options, opened);
  const arrivals = createArrivals(context, () => onGone());
  try {
    for (const settings of options.listeners) {
      const open = await openListener(context, arrivals, settings, options.directories);
      opened.set(open.place, open);
    }
  } catch (error) {
    for (const { server } of opened.values()) server.close();
    throw error;
  }
  const sweepTimer = setInterval(() => arrivals.sweep(clock.monotonic()), SWEEP_MS).unref();
  const { bound } = context;
  const stopRecheck = startRecheck({
    bound,
    log: options.log,
    ...(options.recheckMs === undefined ? {} : { everyMs: options.recheckMs }),
  });
  const reportTimer = setInterval(() => void context.troubles.report(), REPORT_MS).unref();

  return {
    get addresses() {
      return [...opened.values()].map(({ address }) => address);
    },
    connections() {
      let bound = 0;
      for (const client of arrivals.clients) bound += Number(client.isBound);
      return { bound, unbound: arrivals.clients.size - bound };
    },
    refusals: context.troubles.refusals,
    troubles: context.troubles.troubles,
    queue: context.queue,
    get delayed() {
      return context.delayed.size;
    },
    reload: (settings) => reload(context, arrivals, opened, settings),
    revoke: (person) => void bound.revoke(person),
    async close({ drainMs }) {
      clearInterval(reportTimer);
      stopRecheck();
      for (const { server } of opened.values()) server.close();
      arrivals.destroyPending();
      const { promise, resolve } = Promise.withResolvers<void>();
      onGone = () => arrivals.clients.size === 0 && resolve();
      const quietTimer = setInterval(() => endQuiet(arrivals), TURN_MS);
      const lastTimer = setTimeout(() => endAll(arrivals), drainMs);
      const goneTimer = setTimeout(() => destroyAll(arrivals), drainMs + LAST_WORDS_MS);
      endQuiet(arrivals);
      onGone();
      await promise;
      for (const timer of [sweepTimer, quietTimer, lastTimer, goneTimer]) clearTimeout(timer);
      context.delayed.stop();
      await context.troubles.report(true);
    },
  };
}

function createContext(
  options: LdapDoorOptions,
  opened: ReadonlyMap<ListenerPlace, Open>,
): DoorContext {
  const { clock, log, authenticator, helpText } = options;
  const limits = { ...LIMITS, ...options.limits };
  const troubles = createTroubles(options);
  let connections = 0;
  return {
    authenticator,
    helpText,
    clock,
    log,
    limits,
    troubles,
    queue: createQueue(clock, { ...QUEUE, ...options.queue }),
    places: createPlaces(limits),
    bound: createBoundConnections(),
    turnEnd: new TurnEnd(),
    delayed: createDelayed(clock, DELAYED_MAX, () => undefined),
    nextConnectionId() {
      connections += 1;
      return String(connections);
    },
    secure(place, socket, address, then) {
      const tls = opened.get(place)?.tls;
      if (tls === undefined) {
        socket.destroy();
        return then(undefined);
      }
      const where = { listener: place.current.settings.name, address };
      const isOnRequest = place.rules.tls === "start_tls";
      const failed = (words: string): void => troubles.connection("tls-failed", where, words);
      const settled = (secured: TLSSocket | string | undefined): void => {
        if (isOnRequest) troubles.startTls(endOf(secured), where);
        if (typeof secured === "object") return then(secured);
        // A balancer or a monitor that only looks whether somebody answers is no trouble.
        if (secured !== undefined) failed(secured);
        then(undefined);
      };
      tls.begin(socket, settled, () => failed("records in which nothing is"));
    },
  };
}

function endOf(secured: TLSSocket | string | undefined): StartTlsEnd {
  if (typeof secured !== "object") return { isSecure: false, reason: secured ?? "closed" };
  const version = secured.getProtocol() ?? "unknown";
  return { isSecure: true, version, cipher: secured.getCipher().name };
}

async function openListener(
  context: DoorContext,
  arrivals: Arrivals,
  settings: ListenerSettings,
  directories: LdapSettings["directories"],
): Promise<Open> {
  const place = createPlace(listenerOf(settings, directories));
  const tls = tlsOf(settings, context.limits);
  const server = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  const { host, port, family } = settings.listen;
  try {
    const listening = once(server, "listening");
    server.listen({ host, port, ipv6Only: family === 6 });
    await listening;
  } catch (error) {
    throw new Error(listenProblem("ldap.listeners[].listen", "tcp", settings.listen, error), {
      cause: error,
    });
  }
  // Out of descriptors, mostly: those who are connected aren't affected.
  server.on("error", (error) =>
    context.log.error({ err: error, listener: settings.name }, "a connection can't be accepted"),
  );
  server.on("connection", (socket) => arrivals.accept(socket, place));
  place.current.directory.relays.prepare();
  return { listen: settings.listen, address: boundAddress(server, settings), server, place, tls };
}

function boundAddress(server: Server, { listen }: ListenerSettings): string {
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : listen.port;
  return addressText({ ...listen, port });
}

function listenerOf(
  settings: ListenerSettings,
  directories: LdapSettings["directories"],
): Listener {
  const directory = directories.get(settings.directory);
  if (directory === undefined) throw new Error(`there is no directory ${settings.directory}`);
  return createListener(settings, directory);
}

function tlsOf({ tls }: ListenerSettings, { handshakeMs }: Limits): Tls | undefined {
  return tls === undefined ? undefined : createTls(tls, handshakeMs);
}

/** Who is connected goes on under the new rules; a place that isn't configured any more closes. */
function reload(
  context: DoorContext,
  arrivals: Arrivals,
  opened: Map<ListenerPlace, Open>,
  { listeners, directories }: LdapSettings,
): readonly ListenerSettings[] {
  for (const [place, open] of opened) {
    const here = listeners.filter((settings) => isAt(open, settings));
    // Several can only be at the port 0, which stands for any: there they go by their names.
    const { name } = place.current.settings;
    const settings = here.find((one) => one.name === name) ?? here[0];
    if (settings === undefined) {
      opened.delete(place);
      open.server.close();
      for (const client of arrivals.clients) if (client.place === place) client.end("stopping");
    } else {
      open.tls = tlsOf(settings, context.limits);
      place.current = listenerOf(settings, directories);
      place.current.directory.relays.prepare();
    }
  }
  return listeners.filter((settings) => ![...opened.values()].some((open) => isAt(open, settings)));
}

function isAt(open: Open, { listen }: ListenerSettings): boolean {
  return addressText(open.listen) === addressText(listen);
}

function endQuiet({ clients }: Arrivals): void {
  for (const client of clients) if (client.isQuiet) client.end("stopping");
}

function endAll({ clients }: Arrivals): void {
  for (const client of clients) client.end("stopping");
}

function destroyAll({ clients }: Arrivals): void {
  for (const client of clients) client.destroy();
}
