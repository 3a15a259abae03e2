// From a client's Bind, or a password it wants changed, to the decision and back.
// Invariant: the only way to an accepted outcome is a verdict of the core.

import type { Attempt, Authenticator, Decision, DoorFacts } from "../../core/attempt.ts";
import type { BindResult, Identity } from "../../core/ports.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Queue } from "../../lib/queue.ts";
import type { HelpText } from "../../core/verdict.ts";
import { uuidv7 } from "../../lib/random.ts";
import type { Secret } from "../../lib/secret.ts";
import type { BindOutcome, PasswordChangeOutcome } from "./action.ts";
import type { Listener } from "./listener.ts";
import type { Troubles } from "./troubles.ts";

export interface LoginContext {
  readonly authenticator: Authenticator;
  readonly helpText: HelpText;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly troubles: Pick<Troubles, "refused">;
}

/** Where a request came from. */
export interface RequestOrigin {
  readonly listener: Listener;
  readonly address: string;
  readonly connectionId: string;
  readonly operationNumber: number;
  readonly isTls: boolean;
}

export interface Bound {
  readonly outcome: BindOutcome;
  /** Only of somebody who was accepted. */
  readonly identity: Identity | undefined;
  /** Words for somebody who was refused. */
  readonly help?: string | undefined;
}

/** `ask` puts the question to the directory, over the client's own connection. */
export async function decideBind(
  context: LoginContext,
  origin: RequestOrigin,
  bind: { readonly name: string; readonly credentials: Secret },
  ask: (identity: Identity, password: Secret) => Promise<BindResult>,
): Promise<Bound> {
  const attempt = attemptOf(context, origin, bind.name, bind.credentials, "simple");
  const decision = await login(context, origin, {
    ...attempt,
    bind: ask,
    rebind: origin.listener.rebind(origin.address),
  });
  const outcome = outcomeOf(decision);
  if (outcome === "accepted") return { outcome, identity: decision?.identity };
  const help = decision?.help && context.helpText(decision.help, false);
  return { outcome, identity: undefined, help };
}

/** RFC 3062 §2: the old password is an attempt like any other, with a code where one is demanded. */
export async function decidePasswordChange(
  context: LoginContext,
  origin: RequestOrigin,
  person: string,
  oldPassword: Secret,
): Promise<PasswordChangeOutcome> {
  const { people } = origin.listener;
  const attempt = attemptOf(context, origin, person, oldPassword, "password-modify");
  let bare: Secret | undefined;
  const decision = await login(context, origin, {
    ...attempt,
    bind: (identity, password) => {
      bare = password;
      return people.bind(identity, password);
    },
  });
  const outcome = outcomeOf(decision);
  if (outcome === "accepted") return { kind: "accepted", oldPassword: bare };
  return { kind: outcome === "unavailable" || outcome === "busy" ? outcome : "refused" };
}

function attemptOf(
  { clock }: LoginContext,
  origin: RequestOrigin,
  username: string,
  credentials: Secret,
  authType: string,
): Attempt {
  const { listener, address } = origin;
  const endUser = listener.endUser(address);
  const door: DoorFacts = {
    service: "ldap",
    attemptEvent: "ldap_bind",
    // Never sent: the demand says that nobody can be asked.
    challengeEvent: "ldap_bind",
    authType,
    requestId: uuidv7(clock.now()),
    client: listener.settings.name,
    app: { name: listener.settings.name, ip: address },
    // An application's own address is nobody's device: many people fail from there.
    ...(endUser === undefined ? {} : { endUser }),
    connection: {
      connection_id: origin.connectionId,
      operation_number: origin.operationNumber,
      tls_established: origin.isTls,
    },
  };
  return {
    username,
    credentials,
    directory: listener.people,
    demand: listener.demand,
    door,
    serviceOf: (identity) => listener.serviceOf(identity, address),
  };
}

// Nobody was asked and nothing counted, so there is no event of a login: a flood of these is told as
// floods are.
async function login(
  { queue, authenticator, troubles }: LoginContext,
  { listener, address }: RequestOrigin,
  attempt: Attempt,
): Promise<Decision | undefined> {
  const decision = await queue.run(false, () => authenticator.login(attempt));
  if (decision !== "overload") return decision;
  troubles.refused("overload", { listener: listener.settings.name, address }, undefined);
  return undefined;
}

function outcomeOf(decision: Decision | undefined): BindOutcome {
  if (decision === undefined) return "busy";
  const { verdict } = decision;
  switch (verdict.outcome) {
    case "accept":
      return "accepted";
    case "unavailable":
      return "unavailable";
    case "challenge":
      return "refused";
    case "reject":
      return verdict.reason === "empty-password" ? "empty-password" : "refused";
  }
}
