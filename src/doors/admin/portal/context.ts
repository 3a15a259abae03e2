// What the portal works with, and one visit to it: who asks, from where, with what right.

import { isIPv6 } from "node:net";

import type { FastifyRequest } from "fastify";

import type { Administration, Person, PersonName } from "../../../core/administration.ts";
import type { Authenticator } from "../../../core/attempt.ts";
import type { EventDraft, EventType } from "../../../core/audit.ts";
import type { Attempts, Directory, Identity } from "../../../core/ports.ts";
import type { CodeWindow } from "../../../core/totp.ts";
import { plainAddress } from "../../../lib/address.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Log } from "../../../lib/log.ts";
import { uuidv7 } from "../../../lib/random.ts";
import type { Secret } from "../../../lib/secret.ts";
import type { Html } from "../../../web/html.ts";
import type { Frame } from "../../../web/portal/layout.ts";
import { en } from "../../../web/texts/en.ts";
import { listNetworks, type Network } from "../metrics.ts";
import { formToken } from "./guard.ts";
import type { Session, Sessions } from "./sessions.ts";

export interface PortalOptions {
  /** Origin, as browsers name it. */
  readonly publicUrl: string;
  /** Something on this host stands in front: everybody's address is that one's. */
  readonly isProxied: boolean;
  readonly masterKey: Secret;
  readonly authenticator: Authenticator;
  readonly administration: Pick<
    Administration,
    "enroll" | "events" | "findPerson" | "recoveryKey" | "replaceRecovery"
  >;
  readonly attempts: Pick<Attempts, "isLocked" | "record">;
  /** By name; for undefined, all of them together. */
  readonly directory: (name: string | undefined) => Directory | undefined;
  readonly issuer: () => string;
  readonly window: () => CodeWindow;
  readonly allowFrom: () => readonly Network[];
  readonly clock: Clock;
  readonly log: Log;
  /** Ends after that many ms; tests don't wait. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

export interface Context extends PortalOptions {
  readonly pause: (ms: number) => Promise<unknown>;
  readonly formKey: Secret;
  readonly sessions: Sessions;
}

export interface Visit {
  readonly context: Context;
  readonly request: FastifyRequest;
  /** What the cookie says, or will say. */
  readonly id: string;
  readonly frame: Frame;
  /** Monotonic ms. */
  readonly receivedAt: number;
}

/** A visit of somebody who is signed in. */
export interface SignedIn extends Visit {
  readonly session: Session;
}

export function frameOf(context: Context, id: string): Frame {
  return { texts: en, organisation: context.issuer(), formToken: formToken(context.formKey, id) };
}

/** What is sent back: a page, or the way to one. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function show(content: Html, status = 200, headers: Answer["headers"] = {}): Answer {
  return { status, headers, body: content.toString() };
}

/** RFC 9110 §15.4.4: what is there now is fetched by a GET. */
export function goTo(location: string, headers: Answer["headers"] = {}): Answer {
  return { status: 303, headers: { ...headers, location }, body: "" };
}

/** The address of the connection, never what a header says of it. */
export function addressOf({ socket }: FastifyRequest): string {
  return plainAddress(socket.remoteAddress ?? "");
}

/** The person's own address; what stands in front on this host is nobody's. */
export function endUserOf({ context, request }: Visit): string | undefined {
  return context.isProxied ? undefined : addressOf(request);
}

export function mayEnrolFrom({ context, request }: Visit): boolean {
  const address = addressOf(request);
  return listNetworks(context.allowFrom()).check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** What is stored about who is signed in; undefined: they are somebody else by now. */
export async function findPerson({ context, session }: SignedIn): Promise<Person | undefined> {
  const person = await context.administration.findPerson(session.identity);
  return typeof person === "string" ? undefined : person;
}

/** The event of something that is about the person who is signed in. */
export function personEvent(
  now: number,
  eventType: EventType,
  identity: Identity,
  more: Pick<EventDraft, "client_ip" | "details"> = {},
): EventDraft {
  const id = keyOf(identity);
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "directory",
    event_type: eventType,
    success: true,
    initiated_by: { type: "user", id, username: identity.username },
    resource: { type: "user", id },
    username: identity.username,
    ...more,
    details: { ...more.details, door: "portal" },
  };
}

/** The same, with the address it was done from. */
export function personEventOf(
  visit: SignedIn,
  eventType: EventType,
  details: NonNullable<EventDraft["details"]>,
): EventDraft {
  const { context, session } = visit;
  const address = endUserOf(visit);
  return personEvent(context.clock.now(), eventType, session.identity, {
    details,
    ...(address === undefined ? {} : { client_ip: address }),
  });
}

/** As events name a person. */
export function keyOf({ directory, id = "" }: PersonName): string {
  return `${directory}/${id}`;
}
