// The one audit event of a login, and what the store has to settle with it. Only fields named here
// can reach the audit trail; none of them can hold a secret.

import { auditText, type EventDraft } from "./audit.ts";
import type { Facts } from "./decide.ts";
import type { Login } from "./login.ts";
import type { DoorFacts } from "./attempt.ts";
import type { Ending } from "./ports.ts";
import { REASONS, type Verdict } from "./verdict.ts";

export interface Moment {
  /** UUIDv7. */
  readonly id: string;
  /** ms UTC. */
  readonly now: number;
  readonly durationMs: number;
}

/** The event of a finished login. */
export function loginEvent(login: Login, verdict: Verdict, moment: Moment): EventDraft {
  const { attempt, facts } = login;
  const isAccept = verdict.outcome === "accept";
  const exempt = isAccept ? verdict.exempt : undefined;
  const alarm = alarmOf(facts);
  return {
    ...doorEvent(attempt.door, attempt.username, verdict, moment),
    initiated_by: initiatedBy(login),
    mfa: isAccept && exempt === undefined,
    mfa_meta: { type: factorOf(login) },
    mfa_mode: attempt.demand.mfa,
    ...(exempt === undefined ? {} : { mfa_exempt_reason: exempt }),
    ...(alarm === undefined ? {} : { alarm }),
    auth_context: authContext(login),
  };
}

/** The event of a request the door refused before there was a login. */
export function doorEvent(
  door: DoorFacts,
  username: string | undefined,
  verdict: Verdict,
  moment: Moment,
): EventDraft {
  const isChallenge = verdict.outcome === "challenge";
  const reason = "reason" in verdict ? verdict.reason : undefined;
  return {
    id: moment.id,
    timestamp: new Date(moment.now).toISOString(),
    service: door.service,
    event_type: isChallenge ? door.challengeEvent : door.attemptEvent,
    success: verdict.outcome === "accept",
    initiated_by: {
      type: "user",
      ...(username === undefined ? {} : { username: auditText(username) }),
    },
    ...(username === undefined ? {} : { username: auditText(username) }),
    ...(door.endUser === undefined ? {} : { client_ip: auditText(door.endUser) }),
    ...(reason === undefined ? {} : { reason, error_message: REASONS[reason] }),
    auth_type: door.authType,
    ...(door.nas === undefined ? {} : { nas: door.nas }),
    reply: verdict.outcome === "unavailable" ? "none" : verdict.outcome,
    duration_ms: Math.round(moment.durationMs),
    request_id: door.requestId,
  };
}

/** What is counted, claimed and cleared. `isRepeat`: this very failure was counted already. */
export function endingOf(
  login: Login,
  verdict: Verdict,
  isRepeat: boolean,
): Pick<Ending, "result" | "claim" | "codeVerified" | "bind"> {
  const { facts } = login;
  const isAccept = verdict.outcome === "accept";
  return {
    result: isAccept ? "accept" : isRepeat ? "neutral" : failureOf(verdict),
    codeVerified: facts.code === "right",
    bind: facts.password === "right" || facts.password === "wrong" ? facts.password : "unasked",
    ...(isAccept && login.claim !== undefined ? { claim: login.claim } : {}),
  };
}

/** Which counter a refusal belongs to; one failure per attempt, even if both factors are wrong. */
export function failureOf(verdict: Verdict): "failed-password" | "failed-code" | "neutral" {
  if (verdict.outcome !== "reject") return "neutral";
  switch (verdict.reason) {
    case "password-incorrect":
      return "failed-password";
    case "mfa-code-incorrect":
    case "mfa-code-malformed":
    case "mfa-code-missing":
    case "mfa-code-replayed":
      return "failed-code";
    default:
      return "neutral";
  }
}

function initiatedBy(login: Login): EventDraft["initiated_by"] {
  const { identity, attempt } = login;
  if (identity === undefined) return { type: "user", username: auditText(attempt.username) };
  return {
    type: "user",
    id: `${identity.directory}/${identity.id}`,
    username: auditText(identity.username),
  };
}

function authContext(login: Login): NonNullable<EventDraft["auth_context"]> {
  const { password, code } = login.facts;
  return {
    ...(password === "right" || password === "wrong" ? { password: password === "right" } : {}),
    ...(code === undefined || code === "absent" ? {} : { totp: code === "right" }),
  };
}

function factorOf(login: Login): "none" | "totp" | "bypass_code" {
  const kind = login.split?.codeKind;
  if (kind === undefined || kind === "absent") return "none";
  return kind === "bypass" ? "bypass_code" : "totp";
}

// A right password with a wrong code is the best sign there is of a stolen password.
function alarmOf(facts: Facts): EventDraft["alarm"] {
  if (facts.password === "right" && facts.code === "wrong") return "right-password-wrong-code";
  if (facts.account === "identity-changed") return "identity-changed";
  return facts.person === "ambiguous" ? "ambiguous-user" : undefined;
}
