// The administrators' listener: HTTPS, or plain HTTP on this host itself. Invariants: one address can't
// take all connections, a peer that doesn't finish what it began is cut off, and another certificate
// takes effect without an open connection noticing.

import { constants } from "node:crypto";
import { createServer as createPlainServer, type Server } from "node:http";
import { createServer, Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";

import type { Clock } from "../../lib/clock.ts";
import { watchKeyFloods } from "../../lib/key-flood.ts";
import { addressText, listenProblem, type ListenAddress } from "../../lib/listen.ts";
import type { Log } from "../../lib/log.ts";
import type { Metric } from "../../lib/metric.ts";
import type { Secret } from "../../lib/secret.ts";
import { createSeldom } from "../../lib/seldom.ts";
import { createExposition } from "./exposition.ts";
import type { Missing } from "./health.ts";
import { listNetworks, type Network } from "./metrics.ts";
import { createRoutes, type RoutesOptions, type Site } from "./routes.ts";

interface AdminSettings {
  readonly listen: ListenAddress;
  /** PEM; undefined: in clear. */
  readonly tls: { readonly certificate: string; readonly key: Secret } | undefined;
  readonly metricsFrom: readonly Network[];
}

export interface AdminServerOptions {
  readonly settings: AdminSettings;
  readonly metrics: readonly Metric[];
  readonly sites: readonly Site[];
  /** What is missing before anybody can log in. */
  readonly missing: () => readonly Missing[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface AdminServer {
  /** "https://host:port". */
  readonly url: string;
  /** Certificate and access; the address stays, and so does whether it speaks TLS. */
  reload(settings: AdminSettings): void;
  close(): Promise<void>;
}

const HEADER_BYTES_MAX = 8_192;
/** Octets that begin a request have the rest of its headers, then of all, behind them that soon. */
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
/** How late the two above may be noticed. */
const CHECK_MS = 1_000;
const HANDSHAKE_MS = 5_000;
/** Longer than the minute between two visits of whoever collects metrics. */
const KEEP_ALIVE_MS = 75_000;
const CONNECTIONS_MAX = 256;
const CONNECTIONS_PER_ADDRESS_MAX = 128;

/** Fails with a message for the operator when the address can't be had; nothing stays open. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { settings, log } = options;
  const { listen, tls } = settings;
  let mayRead = listNetworks(settings.metricsFrom);
  const app = createRoutes({ ...routesOptions(options), mayRead: () => mayRead }, (handler) => {
    const server = makeServer(tls, handler);
    limitConnections(server);
    return server;
  });
  const { host, port, family } = listen;
  try {
    await app.listen({ host, port, ipv6Only: family === 6, exclusive: true });
  } catch (error) {
    throw new Error(listenProblem("admin.listen", "tcp", listen, error), { cause: error });
  }
  app.server.on("error", (error) => log.error({ err: error }, "the admin listener fails"));
  const bound = app.server.address();
  const place = addressText({
    ...listen,
    port: typeof bound === "object" && bound !== null ? bound.port : port,
  });
  return {
    url: `${tls === undefined ? "http" : "https"}://${place}`,
    reload({ tls: next, metricsFrom }) {
      mayRead = listNetworks(metricsFrom);
      const { server } = app;
      if (next !== undefined && server instanceof SecureServer) {
        server.setSecureContext(secureOptions(next));
      }
    },
    close: () => app.close(),
  };
}

function routesOptions({
  metrics,
  sites,
  missing,
  clock,
  log,
}: AdminServerOptions): Omit<RoutesOptions, "mayRead"> {
  const ofRefusals = createSeldom(clock);
  const ofConnections = createSeldom(clock);
  return {
    exposition: createExposition(metrics),
    sites,
    missing,
    onRefused: (source) =>
      ofRefusals((withheld) => {
        const message = "somebody may not read the metrics; admin.metrics_from decides about this";
        log.warn({ source, withheld }, `${message} (at most one line a minute)`);
      }),
    onFault: (error) => log.error({ err: error }, "a request to the admin listener failed"),
    onBadConnection: (error) =>
      ofConnections((withheld) => {
        const reason = "code" in error ? error.code : error.message;
        log.warn({ reason, withheld }, "bad connections to the admin listener");
      }),
  };
}

type Handler = Parameters<typeof createPlainServer>[1];

function makeServer(tls: AdminSettings["tls"], handler: Handler): Server {
  const limits = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  if (tls === undefined) return createPlainServer(limits, handler);
  const secure = { ...secureOptions(tls), handshakeTimeout: HANDSHAKE_MS };
  const server = createServer({ ...limits, ...secure }, handler);
  watchKeyFloods(server, (socket) => {
    server.emit("clientError", new Error("TLS records in which nothing is"), socket);
  });
  return server;
}

function secureOptions({
  certificate,
  key,
}: NonNullable<AdminSettings["tls"]>): SecureContextOptions {
  return {
    cert: certificate,
    key: key.reveal(),
    minVersion: "TLSv1.2",
    honorCipherOrder: true,
    // TLS 1.2 lets a client ask for handshake after handshake (RFC 5246 §7.4.1.1); nobody needs it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
}

function limitConnections(server: Server): void {
  const open = new Map<string, number>();
  server.maxConnections = CONNECTIONS_MAX;
  server.on("connection", (socket: Socket) => {
    const { remoteAddress = "" } = socket;
    const count = (open.get(remoteAddress) ?? 0) + 1;
    if (count > CONNECTIONS_PER_ADDRESS_MAX) {
      socket.destroy();
      return;
    }
    open.set(remoteAddress, count);
    socket.once("close", () => {
      const left = (open.get(remoteAddress) ?? 1) - 1;
      if (left === 0) open.delete(remoteAddress);
      else open.set(remoteAddress, left);
    });
  });
}
