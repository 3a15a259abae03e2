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

/** Filled field by field: on the way of every login, spreading one object into another is dear. */
type Draft = { -readonly [K in keyof EventDraft]: EventDraft[K] };

/** The event of a finished login. */
export function loginEvent(login: Login, verdict: Verdict, moment: Moment): EventDraft {
  const { attempt, facts } = login;
  const isAccept = verdict.outcome === "accept";
  const exempt = isAccept ? verdict.exempt : undefined;
  const alarm = alarmOf(facts);
  const event = draftOf(attempt.door, attempt.username, verdict, moment);
  event.initiated_by = initiatedBy(login);
  if (login.identity !== undefined && attempt.door.app !== undefined) {
    event.dn = auditText(login.identity.dn);
  }
  event.mfa = isAccept && exempt === undefined;
  event.mfa_meta = { type: factorOf(login) };
  event.mfa_mode = attempt.demand.mfa;
  if (exempt !== undefined) event.mfa_exempt_reason = exempt;
  if (alarm !== undefined) event.alarm = alarm;
  event.auth_context = authContext(login);
  return event;
}

/** The event of a request the door refused before there was a login. */
export function doorEvent(
  door: DoorFacts,
  username: string | undefined,
  verdict: Verdict,
  moment: Moment,
): EventDraft {
  return draftOf(door, username, verdict, moment);
}

function draftOf(
  door: DoorFacts,
  username: string | undefined,
  verdict: Verdict,
  moment: Moment,
): Draft {
  const typed = username === undefined ? undefined : auditText(username);
  const event: Draft = {
    id: moment.id,
    timestamp: new Date(moment.now).toISOString(),
    service: door.service,
    event_type: verdict.outcome === "challenge" ? door.challengeEvent : door.attemptEvent,
    success: verdict.outcome === "accept",
    initiated_by: typed === undefined ? { type: "user" } : { type: "user", username: typed },
  };
  if (typed !== undefined) event.username = typed;
  if (door.endUser !== undefined) event.client_ip = auditText(door.endUser);
  if ("reason" in verdict) {
    event.reason = verdict.reason;
    event.error_message = REASONS[verdict.reason];
  }
  event.auth_type = door.authType;
  if (door.nas !== undefined) event.nas = door.nas;
  if (door.app !== undefined) event.app = door.app;
  if (door.connection !== undefined) Object.assign(event, door.connection);
  event.reply = verdict.outcome === "unavailable" ? "none" : verdict.outcome;
  event.duration_ms = Math.round(moment.durationMs);
  event.request_id = door.requestId;
  return event;
}

/** What is counted, claimed and cleared. `isRepeat`: this very failure was counted already. */
export function endingOf(
  login: Login,
  verdict: Verdict,
  isRepeat: boolean,
  event: EventDraft,
): Ending {
  const { facts, split, account } = login;
  const isAccept = verdict.outcome === "accept";
  const bypass = split?.codeKind === "bypass" ? account?.bypass?.codeHash : undefined;
  return {
    result: isAccept ? "accept" : isRepeat ? "neutral" : failureOf(verdict),
    codeVerified: facts.code === "right",
    bind: bindOf(login),
    claim: isAccept ? login.claim : undefined,
    bypass: isAccept ? bypass : undefined,
    recovery: isAccept ? login.recovery : undefined,
    event,
  };
}

// Whoever answers a challenge gave the password before: the directory wasn't asked again.
function bindOf({ facts, state }: Login): Ending["bind"] {
  if (facts.password === "right") return state === undefined ? "right" : "right-earlier";
  return facts.password === "wrong" ? "wrong" : "unasked";
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

function authContext({ facts }: Login): NonNullable<EventDraft["auth_context"]> {
  const { password, code } = facts;
  const context: { password?: boolean; totp?: boolean } = {};
  if (password === "right" || password === "wrong") context.password = password === "right";
  if (code !== undefined && code !== "absent" && code !== "rebound")
    context.totp = code === "right";
  return context;
}

const FACTORS = {
  absent: "none",
  totp: "totp",
  recovery: "recovery_code",
  bypass: "bypass_code",
} as const;

function factorOf(login: Login): (typeof FACTORS)[keyof typeof FACTORS] {
  return FACTORS[login.split?.codeKind ?? "absent"];
}

// A right password with a wrong code is the best sign there is of a stolen password.
function alarmOf(facts: Facts): EventDraft["alarm"] {
  if (facts.password === "right" && facts.code === "wrong") return "right-password-wrong-code";
  if (facts.account === "identity-changed") return "identity-changed";
  if (facts.enrolment === "unreadable") return "token-unreadable";
  return facts.person === "ambiguous" ? "ambiguous-user" : undefined;
}
