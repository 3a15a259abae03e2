// The API on the administrators' listener. Every request goes the same way: limit, who asks, where from,
// may they, does it fit. Invariant: what no line below allows is refused, and an error of ours says so
// without a word of what is inside.

import rateLimit from "@fastify/rate-limit";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { DependencyDown } from "../../../core/ports.ts";
import { addressBytes, networkKey, plainAddress } from "../../../lib/address.ts";
import { uuidv7 } from "../../../lib/random.ts";
import { parseStrictJson } from "../../../lib/strict-json.ts";
import type { Site } from "../routes.ts";
import type { ApiContext, Caller, Principal } from "./context.ts";
import { describeApi } from "./openapi.ts";
import { checkOrigin, createGatekeeper } from "./principal.ts";
import { ApiError, type Answer, type Route } from "./route.ts";
import { ROUTES } from "./table.ts";

const JSON_TYPE = "application/json; charset=utf-8";
/** A minute and address: enough for a script that pages through half a million people. */
const REQUESTS_MAX = 6_000;
/** Where passwords, codes and tokens are tried. */
const GUESSES_MAX = 30;
const ADDRESSES_MAX = 10_000;

export function apiSite(context: ApiContext): Site {
  return (app) => {
    void app.register(async (api) => {
      await api.register(rateLimit, {
        max: REQUESTS_MAX,
        timeWindow: "1 minute",
        cache: ADDRESSES_MAX,
        keyGenerator: networkOf,
        errorResponseBuilder: (_request, { after }) =>
          new ApiError(429, `too many requests from this address: try again in ${after}`),
      });
      readStrictly(api);
      api.addHook("onRequest", async (_request, reply) => void reply.type(JSON_TYPE));
      api.setErrorHandler((error: FastifyError, request, reply) =>
        refuse(context, error, request, reply),
      );
      const gatekeeper = createGatekeeper(context);
      for (const one of ROUTES) register(api, context, gatekeeper, one);
      const description = JSON.stringify(describeApi(ROUTES));
      api.get("/api/openapi.json", async () => description);
    });
  };
}

/** JSON and nothing else, read by our own reader. */
function readStrictly(api: FastifyInstance): void {
  api.removeAllContentTypeParsers();
  const parse = async (_request: FastifyRequest, bytes: Buffer): Promise<unknown> => {
    try {
      return bytes.length === 0 ? undefined : parseStrictJson(bytes);
    } catch (error) {
      throw new ApiError(400, `body: ${error instanceof Error ? error.message : "not JSON"}`);
    }
  };
  api.addContentTypeParser<Buffer>("application/json", { parseAs: "buffer" }, parse);
}

function register(
  api: FastifyInstance,
  context: ApiContext,
  { identify }: ReturnType<typeof createGatekeeper>,
  one: Route,
): void {
  api.route({
    method: one.method,
    url: one.path,
    config: {
      ...(one.takesBody ? { takesBody: true } : {}),
      ...(one.access === "anyone" ? { rateLimit: { max: GUESSES_MAX } } : {}),
    },
    // After the limit, so that guesses count; before a body is read: who may not ask sends nothing.
    preParsing: async (request) => {
      const caller = callerOf(context, request);
      const principal =
        one.access === "anyone" ? undefined : await identify(request.headers, caller);
      admit(context, one, request, principal);
      principals.set(request, principal);
    },
    handler: async (request, reply) => {
      const principal = principals.get(request);
      const { params, query, body } = request;
      const answer = await one.run(context, {
        ...callerOf(context, request),
        principal,
        params,
        query,
        body,
      });
      return send(reply, answer);
    },
  });
}

const principals = new WeakMap<FastifyRequest, Principal | undefined>();

/** Throws ApiError unless this route is open to whoever asks. */
function admit(
  context: ApiContext,
  { access, method, isFresh }: Route,
  { headers }: FastifyRequest,
  principal: Principal | undefined,
): void {
  if (access !== "anyone" && principal === undefined) {
    throw new ApiError(401, "log in with POST /api/sessions, or send an API key as x-api-key");
  }
  if (method !== "GET") checkOrigin(context, headers, principal);
  if (access === "anyone" || access === "signed-in") return;
  if (principal?.permissions.has(access) !== true) {
    throw new ApiError(403, `this needs the permission ${access}`);
  }
  if (!isFresh) return;
  const isRecent = principal.by === "session" && context.sessions.isFresh(principal.session);
  if (!isRecent)
    throw new ApiError(403, "this needs a login of the last ten minutes: log in again");
}

function send(reply: FastifyReply, { status = 200, headers = {}, body }: Answer<unknown>): string {
  void reply.code(status).headers({ ...headers });
  return JSON.stringify(body);
}

const requestIds = new WeakMap<FastifyRequest, string>();

function callerOf({ clock }: ApiContext, request: FastifyRequest): Caller {
  const requestId = requestIds.get(request) ?? uuidv7(clock.now());
  requestIds.set(request, requestId);
  return { clientIp: clientIpOf(request), requestId, principal: undefined };
}

/** The socket's word: headers are whatever somebody wrote into them. */
function clientIpOf({ socket }: FastifyRequest): string {
  return plainAddress(socket.remoteAddress ?? "");
}

/** Who has one IPv6 address has 2^64 of them (RFC 4291 §2.5.1). */
function networkOf(request: FastifyRequest): string {
  const bytes = addressBytes(clientIpOf(request));
  return bytes?.length === 16 ? networkKey(bytes, 64) : clientIpOf(request);
}

function refuse(
  context: ApiContext,
  error: FastifyError | ApiError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, message, headers } = describe(error);
  const { requestId } = callerOf(context, request);
  // An outage has its own lines.
  if (status === 500) context.onFault(error);
  // What is left of a body that wasn't read would be taken for the next request.
  if (request.body === undefined && request.method !== "GET") {
    void reply.header("connection", "close");
  }
  return reply
    .code(status)
    .headers({ ...headers })
    .type(JSON_TYPE)
    .send(JSON.stringify({ message, request_id: requestId }));
}

function describe(
  error: FastifyError | ApiError | Error,
): Pick<ApiError, "status" | "message" | "headers"> {
  if (error instanceof ApiError) return error;
  const later = { "retry-after": "5" };
  if (error instanceof DependencyDown) {
    const message = `${error.dependency} can't answer now: nothing was changed, try again later`;
    return { status: 503, message, headers: later };
  }
  const status = "statusCode" in error ? (error.statusCode ?? 500) : 500;
  if (status >= 500) return { status: 500, message: "internal error", headers: {} };
  return { status, message: FRAMEWORK[status] ?? "bad request", headers: {} };
}

/** What fastify itself refuses. */
const FRAMEWORK: Readonly<Record<number, string>> = {
  413: "the body is larger than 64 KiB",
  415: "send JSON, as content-type: application/json",
};
