// The user portal: its pages and forms on the administrators' listener. Invariant: nothing is changed
// by a GET, and no POST gets anywhere without an own origin, a form of ours and, but for the sign-in, a
// session of somebody who may still be here.

import { setTimeout as wait } from "node:timers/promises";

import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { PersonName } from "../../../core/administration.ts";
import { DependencyDown } from "../../../core/ports.ts";
import { deriveKey } from "../../../lib/derive.ts";
import { SCRIPT, STYLE, type Asset } from "../../../web/assets.ts";
import { messagePage } from "../../../web/portal/message.ts";
import type { Site } from "../routes.ts";
import { showAccount } from "./account.ts";
import {
  type Answer,
  type Context,
  frameOf,
  goTo,
  personEvent,
  type PortalOptions,
  show,
  type SignedIn,
  type Visit,
} from "./context.ts";
import { beginEnrolment, finishEnrolment, showApps, showCode, showKey } from "./enrolment.ts";
import { FORM_BYTES_MAX, readForm } from "./form.ts";
import { COOKIE, isFromElsewhere, isOwnOrigin, verifyFormToken } from "./guard.ts";
import {
  allowReplacement,
  askForRecoveryCodes,
  askForReplacement,
  makeRecoveryCodes,
} from "./proof.ts";
import { placeOf } from "./login.ts";
import { endOf } from "./recheck.ts";
import { createSessions, newId } from "./sessions.ts";
import { goOut, refuseForm, showSignIn, signIn, signOut, signOutEverywhere } from "./sign-in.ts";

export interface Portal {
  readonly site: Site;
  /** An administrator took something from somebody: their sessions end. */
  revoke(person: PersonName): void;
  close(): void;
}

const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "content-type": "text/html; charset=utf-8",
  "cross-origin-opener-policy": "same-origin",
  // With no-referrer browsers would name no origin with a form (Fetch §3.2).
  "referrer-policy": "same-origin",
  "strict-transport-security": "max-age=31536000",
} as const;

/** A minute and address: an office where all enrol this morning fits in, a guesser's program doesn't. */
const SIGN_INS_MAX = 100;
const ADDRESSES_MAX = 10_000;
const SWEEP_MS = 60_000;

export function createPortal(options: PortalOptions): Portal {
  const { clock, log, attempts } = options;
  const sessions = createSessions(clock, ({ identity }, reason) => {
    const event = personEvent(clock.now(), "user_logout", identity, { details: { reason } });
    attempts.record(event).catch((error: unknown) => log.error({ err: error }, "event lost"));
  });
  const context: Context = {
    ...options,
    pause: options.pause ?? wait,
    formKey: deriveKey(options.masterKey, "portal form"),
    sessions,
  };
  const sweeper = setInterval(() => sessions.sweep(), SWEEP_MS).unref();
  return {
    // A scope of its own: parsers, hooks and errors of the portal are nobody else's.
    site: (app) =>
      void app.register(async (scope) => {
        await limitSignIns(scope, context);
        addRoutes(scope, context);
      }),
    revoke: (person) => sessions.revoke(person),
    close: () => clearInterval(sweeper),
  };
}

/** Before anything of a form is read. What stands in front on this host has to do it itself. */
async function limitSignIns(scope: FastifyInstance, { isProxied }: Context): Promise<void> {
  const isSaid = { "x-ratelimit-limit": false, "x-ratelimit-remaining": false };
  await scope.register(rateLimit, {
    max: SIGN_INS_MAX,
    timeWindow: "1 minute",
    cache: ADDRESSES_MAX,
    allowList: (request) => isProxied || !isSignIn(request),
    keyGenerator: placeOf,
    addHeaders: { ...isSaid, "x-ratelimit-reset": false },
    addHeadersOnExceeding: { ...isSaid, "x-ratelimit-reset": false },
  });
}

function isSignIn({ method, routeOptions }: FastifyRequest): boolean {
  return method === "POST" && routeOptions.url === "/sign-in";
}

function addRoutes(scope: FastifyInstance, context: Context): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: FORM_BYTES_MAX },
    (_request, body, done) => done(null, body),
  );
  scope.addHook("onRequest", async (_request, reply) => {
    reply.headers(HEADERS);
  });
  scope.setErrorHandler(async (error, request, reply) =>
    send(reply, await answerError(context, error, request)),
  );
  for (const asset of [STYLE, SCRIPT]) serve(scope, asset);
  const routes = { scope, context };
  open(routes, "/", () => goTo("/account"));
  open(routes, "/sign-in", showSignIn);
  take(routes, "/sign-in", takeSignIn);
  page(routes, "/account", showAccount);
  page(routes, "/enrol", showApps);
  page(routes, "/enrol/scan", showKey);
  page(routes, "/enrol/code", showCode);
  page(routes, "/replace", askForReplacement);
  page(routes, "/recovery-codes", askForRecoveryCodes);
  form(routes, "/sign-out", [], signOut);
  form(routes, "/sign-out-everywhere", [], signOutEverywhere);
  form(routes, "/enrol", [], beginEnrolment);
  form(routes, "/enrol/code", ["code"], finishEnrolment);
  form(routes, "/replace", ["password", "code"], allowReplacement);
  form(routes, "/recovery-codes", ["password", "code"], makeRecoveryCodes);
}

interface Routes {
  readonly scope: FastifyInstance;
  readonly context: Context;
}

type Eventually<T> = T | Promise<T>;

/** A page for everybody. */
function open(
  { scope, context }: Routes,
  path: string,
  handler: (visit: Visit) => Eventually<Answer>,
): void {
  scope.get(path, async (request, reply) => {
    const visit = visitOf(context, request);
    send(reply, isFromElsewhere(request.headers) ? arrive(visit, path) : await handler(visit));
    return reply;
  });
}

/** The same request once more, from a page of ours: then the browser brings what cookie it has. */
function arrive({ frame }: Visit, path: string): Answer {
  return show(messagePage(frame, "arriving"), 200, { refresh: `0; url=${path}` });
}

/** A page for those who are signed in. */
function page(
  routes: Routes,
  path: string,
  handler: (visit: SignedIn) => Eventually<Answer>,
): void {
  open(routes, path, async (visit) => {
    const inside = await signedIn(visit);
    return inside === undefined ? goOut() : handler(inside);
  });
}

function take(
  { scope, context }: Routes,
  path: string,
  handler: (visit: Visit) => Eventually<Answer>,
): void {
  scope.post(path, { config: { takesBody: true } }, async (request, reply) =>
    send(reply, await handler(visitOf(context, request))),
  );
}

/** A form of those who are signed in. */
function form<K extends string>(
  routes: Routes,
  path: string,
  names: readonly K[],
  handler: (visit: SignedIn, fields: Readonly<Record<K, string>>) => Eventually<Answer>,
): void {
  take(routes, path, async (visit) => {
    const fields = readFields(visit, names);
    if (fields === "foreign") return show(messagePage(visit.frame, "outdated"), 403);
    if (fields === "malformed") return show(messagePage(visit.frame, "malformed"), 400);
    const inside = await signedIn(visit);
    return inside === undefined ? goOut() : handler(inside, fields);
  });
}

async function takeSignIn(visit: Visit): Promise<Answer> {
  const fields = readFields(visit, ["username", "password", "code"]);
  if (fields === "foreign") return show(messagePage(visit.frame, "outdated"), 403);
  return fields === "malformed" ? refuseForm(visit, 400) : signIn(visit, fields);
}

function readFields<K extends string>(
  { context, request, id }: Visit,
  names: readonly K[],
): Readonly<Record<K | "token", string>> | "foreign" | "malformed" {
  if (!isOwnOrigin(request.headers, context.publicUrl)) return "foreign";
  const fields = readForm<K | "token">(request.body, ["token", ...names]);
  if (fields === undefined) return "malformed";
  return verifyFormToken(context.formKey, id, fields.token) ? fields : "foreign";
}

function visitOf(context: Context, request: FastifyRequest): Visit {
  const id = COOKIE.read(request.headers) ?? newId();
  return {
    context,
    request,
    id,
    frame: frameOf(context, id),
    receivedAt: context.clock.monotonic(),
  };
}

async function signedIn(visit: Visit): Promise<SignedIn | undefined> {
  const { sessions } = visit.context;
  const session = sessions.find(visit.id);
  if (session === undefined) return undefined;
  const inside = { ...visit, session };
  const end = await endOf(inside);
  if (end === undefined) return inside;
  sessions.end(visit.id, end);
  return undefined;
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

function serve(scope: FastifyInstance, { path, contentType, content }: Asset): void {
  const headers = {
    "content-type": contentType,
    "cache-control": "public, max-age=31536000, immutable",
  };
  scope.get(path, async (_request, reply) => reply.headers(headers).send(content));
}

/** What a browser sent wrong, an outage, or a fault of ours: each its own page, none a stack. */
async function answerError(
  context: Context,
  error: unknown,
  request: FastifyRequest,
): Promise<Answer> {
  const visit = visitOf(context, request);
  if (error instanceof DependencyDown) return show(messagePage(visit.frame, "unavailable"), 503);
  const status = statusOf(error);
  if (status >= 500) {
    context.log.error({ err: error, request_id: request.id }, "a request to the portal failed");
    return show(messagePage(visit.frame, "fault", request.id), 500);
  }
  if (status === 429) return show(messagePage(visit.frame, "tooMany"), status);
  if (isSignIn(request)) return refuseForm(visit, status);
  return show(messagePage(visit.frame, "malformed"), status);
}

function statusOf(error: unknown): number {
  const isTold = typeof error === "object" && error !== null && "statusCode" in error;
  return isTold && typeof error.statusCode === "number" ? error.statusCode : 500;
}
