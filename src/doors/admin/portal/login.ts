// From what was typed to the decision, as at every other door. Invariants: nobody is signed in without an
// accept of the core; every refusal leaves at its moment and says the same.

import type { FastifyRequest } from "fastify";

import type { Attempt, Decision, DoorFacts } from "../../../core/attempt.ts";
import type { Directory } from "../../../core/ports.ts";
import { rejectAt } from "../../../core/reject-delay.ts";
import { addressBytes } from "../../../lib/address.ts";
import { uuidv7 } from "../../../lib/random.ts";
import { Secret } from "../../../lib/secret.ts";
import { addressOf, endUserOf, type Visit } from "./context.ts";

// As at the other doors (product rule: receipt + 1 s).
const REJECT_DELAY_MS = 1_000;

const DEMAND: Attempt["demand"] = {
  // Whoever has a token needs it; whoever has none comes to get one, while there is time.
  mfa: "enabled",
  endsWithPeriod: true,
  code: "append",
  separator: "",
  canChallenge: false,
  allowGroups: [],
  replyGroups: [],
};

export interface Typed {
  readonly username: string;
  readonly password: string;
  readonly code: string;
}

/** `authType`: what the sign-in is for, as it stands in the event. */
export function decide(
  visit: Visit,
  { username, password, code }: Typed,
  directory: Directory,
  authType: AuthType,
): Promise<Decision> {
  const typed = withoutSpaces(code);
  return visit.context.authenticator.login({
    username,
    credentials: Secret.of(password),
    codeField: { typed: typed === "" ? undefined : Secret.of(typed) },
    directory,
    demand: DEMAND,
    door: doorOf(visit, authType),
    receivedAt: visit.receivedAt,
  });
}

type AuthType = "sign-in" | "confirmation";

/** A form that isn't one is an attempt as well: it is recorded, and nobody is asked about it. */
export function refuseMalformed(visit: Visit): Promise<void> {
  return visit.context.authenticator.refuse(doorOf(visit, "sign-in"), "malformed-credentials");
}

/** Not before the time at which every refusal leaves. */
export async function untilRefusal({ context, receivedAt }: Visit): Promise<void> {
  const now = context.clock.monotonic();
  await context.pause(rejectAt(receivedAt, now, REJECT_DELAY_MS) - now);
}

/** Where a request came from, as it is limited: one network of IPv6 hosts is one place. */
export function placeOf(request: FastifyRequest): string {
  const bytes = addressBytes(addressOf(request)) ?? Buffer.alloc(0);
  return bytes.toString("hex", 0, 8);
}

/** Apps show the digits in groups, and people type what they see. */
export function withoutSpaces(code: string): string {
  return code.replaceAll(/\s/g, "");
}

function doorOf(visit: Visit, authType: AuthType): DoorFacts {
  const { context, request } = visit;
  const ip = addressOf(request);
  const endUser = endUserOf(visit);
  return {
    service: "directory",
    attemptEvent: "user_login_attempt",
    // Never sent: the demand says that nobody can be asked.
    challengeEvent: "user_login_attempt",
    authType,
    requestId: uuidv7(context.clock.now()),
    client: "portal",
    app: { name: "portal", ip },
    ...(endUser === undefined ? {} : { endUser }),
  };
}
