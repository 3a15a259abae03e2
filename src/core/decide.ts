// THE DECISION. Pure and total: from what is known it says what to find out next, or the verdict.
// Invariants: nothing else in the program can produce an accept, and none without a matching password
// and, where a code is demanded, a right one (whose claim the store must still win).

import type { ServiceFact } from "./attempt.ts";
import type {
  CodeMode,
  DirectoryRefusal,
  ExemptReason,
  MfaMode,
  Reason,
  Verdict,
} from "./verdict.ts";

/** Everything a decision can rest on; undefined means: not asked yet. */
export interface Facts {
  readonly field?: "filled" | "empty" | "state-invalid";
  readonly source?: "open" | "blocked";
  readonly person?: "found" | "not-found" | "ambiguous" | "malformed";
  readonly service?: ServiceFact;
  readonly account?: AccountFact;
  readonly policy?: "allowed" | "not-in-group";
  readonly enrolment?: EnrolmentFact;
  readonly code?: CodeFact;
  readonly password?: PasswordFact;
}

export type AccountFact =
  | "begun"
  | "account-locked"
  | "too-many-attempts"
  | "identity-changed"
  | "token-changed";

export type EnrolmentFact =
  | "enrolled"
  | "suspended"
  | "unreadable"
  | "in-period"
  | "period-expired"
  | "not-required";

/** rebound: the same bind again, within the time that the door allows for it. */
export type CodeFact =
  | "absent"
  | "malformed"
  | "repeated"
  | "wrong"
  | "replayed"
  | "rebound"
  | "right";

export type PasswordFact = "right" | "wrong" | "empty" | "shielded" | DirectoryRefusal;

/** The part of a demand that decides; the rest only tells askers how to ask. */
export interface Strictness {
  readonly mfa: MfaMode;
  readonly code: CodeMode;
  readonly canChallenge: boolean;
  readonly endsWithPeriod?: boolean;
}

export type Question = keyof Facts;
export type Step = { readonly ask: Question } | { readonly verdict: Verdict };

/**
 * The next question or the verdict. The order is that of cost and of caution: what needs no
 * directory first, the lock before any bind, the code (unclaimed) before the password.
 */
export function nextStep(facts: Facts, demand: Strictness): Step {
  return (
    beforeLookup(facts) ??
    aboutPerson(facts) ??
    aboutCode(facts, demand) ??
    aboutPassword(facts, demand)
  );
}

function beforeLookup(facts: Facts): Step | undefined {
  if (facts.field === undefined) return { ask: "field" };
  if (facts.field === "empty") return reject("empty-password");
  if (facts.field === "state-invalid") return reject("state-invalid");
  if (facts.source === undefined) return { ask: "source" };
  if (facts.source === "blocked") return reject("source-blocked");
  return undefined;
}

function aboutPerson(facts: Facts): Step | undefined {
  switch (facts.person) {
    case undefined:
      return { ask: "person" };
    case "not-found":
      return reject("user-not-found");
    case "ambiguous":
      return reject("ambiguous-user");
    case "malformed":
      return reject("malformed-username");
    case "found":
      break;
  }
  if (facts.service === undefined) return { ask: "service" };
  if (facts.service === "elsewhere") return reject("service-account-address");
  if (facts.account === undefined) return { ask: "account" };
  if (facts.account !== "begun") return reject(facts.account);
  if (facts.service === "exempt") return undefined;
  if (facts.policy === undefined) return { ask: "policy" };
  if (facts.policy === "not-in-group") return reject("not-in-group");
  if (facts.enrolment === undefined) return { ask: "enrolment" };
  return undefined;
}

function aboutCode(facts: Facts, demand: Strictness): Step | undefined {
  if (demand.mfa === "disabled" || facts.service === "exempt") return undefined;
  // Locked by a hundred wrong codes, or a seal that won't open: no bind goes upstream either.
  if (facts.enrolment === "suspended") return reject("mfa-suspended");
  if (facts.enrolment === "unreadable") return reject("token-unreadable");
  if (facts.enrolment !== "enrolled") return undefined;
  if (facts.code === undefined) return { ask: "code" };
  // The same failure again gets no second chance at a later step, and no second count.
  if (facts.code === "repeated") return reject("repeated-attempt");
  if (facts.code === "malformed") return reject("mfa-code-malformed");
  // Without a code to come, the directory isn't asked: a password alone proves nothing here.
  if (facts.code === "absent" && !mayChallenge(demand)) return reject("mfa-code-missing");
  return undefined;
}

function aboutPassword(facts: Facts, demand: Strictness): Step {
  switch (facts.password) {
    case undefined:
      return { ask: "password" };
    case "right":
      return afterPassword(facts, demand);
    case "wrong":
      return reject("password-incorrect");
    case "empty":
      return reject("empty-password");
    case "shielded":
      return reject("lockout-shield");
    default:
      return reject(facts.password);
  }
}

function afterPassword(facts: Facts, demand: Strictness): Step {
  if (facts.service === "exempt") return accept("service-account");
  if (demand.mfa === "disabled") return accept("mode-disabled");
  if (facts.enrolment === "enrolled") return byCode(facts.code);
  return withoutFactor(facts.enrolment, demand.mfa, demand.endsWithPeriod === true);
}

function byCode(code: CodeFact | undefined): Step {
  switch (code) {
    case "right":
      return accept();
    case "rebound":
      return accept("rebind-window");
    case "absent":
      return { verdict: { outcome: "challenge" } };
    case "replayed":
      return reject("mfa-code-replayed");
    default:
      return reject("mfa-code-incorrect");
  }
}

// The table "MFA mode x enrolment state" for people without a factor.
function withoutFactor(
  enrolment: EnrolmentFact | undefined,
  mfa: Exclude<MfaMode, "disabled">,
  endsWithPeriod: boolean,
): Step {
  const refusal = reject(
    enrolment === "period-expired" ? "mfa-period-expired" : "mfa-not-enrolled",
  );
  if (endsWithPeriod && enrolment === "period-expired") return refusal;
  if (mfa === "enabled")
    return accept(enrolment === "in-period" ? "enrolment-period" : "not-enrolled");
  if (mfa === "required" && enrolment === "in-period") return accept("enrolment-period");
  return refusal;
}

function mayChallenge(demand: Strictness): boolean {
  return demand.canChallenge && demand.code !== "append";
}

function accept(exempt?: ExemptReason): Step {
  return { verdict: exempt === undefined ? { outcome: "accept" } : { outcome: "accept", exempt } };
}

function reject(reason: Reason): Step {
  return { verdict: { outcome: "reject", reason } };
}
