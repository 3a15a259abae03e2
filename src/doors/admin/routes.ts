// What every request to this listener goes through before it reaches a resource, and what is said when
// it reaches none. Invariant: an error tells its status and nothing of what is inside.

import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import { healthRoutes, type Missing } from "./health.ts";
import { metricsRoutes, type MetricsOptions } from "./metrics.ts";

/** Registers the routes of one part of what this listener offers. */
export type Site = (app: FastifyInstance) => void;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Octets behind a request's headers are refused elsewhere. */
    readonly takesBody?: true;
  }
}

export interface RoutesOptions extends MetricsOptions {
  readonly sites: readonly Site[];
  readonly missing: () => readonly Missing[];
  /** A fault of our own: its request got status 500. */
  readonly onFault: (error: unknown) => void;
  /** Octets that are no request, or no TLS; a request that doesn't end. */
  readonly onBadConnection: (error: Error) => void;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

// What a site doesn't say otherwise: nothing is meant to be shown, framed or kept by a browser.
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "content-type": "text/plain; charset=utf-8",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

const READING: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** More than any form or document that is taken here. */
const BODY_BYTES_MAX = 65_536;

/** `makeServer` sets the limits of sockets and headers. Ready once `ready()` resolves. */
export function createRoutes(
  options: RoutesOptions,
  makeServer: (handler: Handler) => Server,
): FastifyInstance {
  const app = fastify({
    serverFactory: makeServer,
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, options),
    frameworkErrors: (_error, _request, reply) => void refuse(reply, 400),
    forceCloseConnections: true,
    bodyLimit: BODY_BYTES_MAX,
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    const { takesBody } = request.routeOptions.config;
    if (takesBody !== true && hasBody(request)) {
      return refuse(reply.header("connection", "close"), 413);
    }
    if (!request.is404 || READING.has(request.method)) return undefined;
    return refuseMethod(app, request, reply);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404));
  app.setErrorHandler((error, _request, reply) => {
    options.onFault(error);
    return refuse(reply, 500);
  });
  healthRoutes(app, options.missing);
  metricsRoutes(app, options);
  for (const site of options.sites) site(app);
  return app;
}

// What isn't read can't be an attack.
function hasBody({ headers }: FastifyRequest): boolean {
  const { "content-length": length = "0", "transfer-encoding": encoding } = headers;
  return length !== "0" || encoding !== undefined;
}

function refuseMethod(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const [path = ""] = request.url.split("?");
  if (!app.hasRoute({ method: "GET", url: path })) return refuse(reply, 404);
  return refuse(reply.header("allow", "GET, HEAD"), 405);
}

function refuse(reply: FastifyReply, status: number): FastifyReply {
  return reply
    .code(status)
    .headers(HEADERS)
    .send(`${STATUS_CODES[status]?.toLowerCase() ?? "error"}\n`);
}

const CONNECTION_STATUS: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

function refuseConnection(
  error: Error & { readonly code?: string },
  socket: Socket,
  { onBadConnection }: RoutesOptions,
): void {
  // A peer that goes away is nothing to report.
  if (error.code !== "ECONNRESET") onBadConnection(error);
  if (socket.writable) {
    const status = CONNECTION_STATUS[error.code ?? ""] ?? 400;
    const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`;
    socket.write(`${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  socket.destroy();
}
