// One login on its way through the questions: what is known so far and what came with it.
// Invariant: facts are only ever added, each by the one asker that answers its question.

import type { Attempt } from "./attempt.ts";
import type { Split } from "./credentials.ts";
import type { Facts } from "./decide.ts";
import type { Account, Ending, Identity, Reservation } from "./ports.ts";

export interface Login {
  readonly attempt: Attempt;
  /** The State of a challenge answered; undefined for a new login. */
  readonly state: Buffer | undefined;
  /** Monotonic ms. */
  readonly startedAt: number;
  /** How much of the time since was spent waiting for the directory, ms. */
  directoryMs: number;
  readonly facts: { -readonly [K in keyof Facts]: Facts[K] };
  identity: Identity | undefined;
  reservation: Reservation | undefined;
  account: Account | undefined;
  /** Set once a code was looked for. */
  split: Split | undefined;
  /** The step to claim; only with a right TOTP code. */
  claim: Ending["claim"];
  /** The recovery code to claim, hashed; only with a right one. */
  recovery: Ending["recovery"];
  groups: ReadonlySet<string>;
  /** Under which the same bind would be known again. */
  rebindKey: string | undefined;
  /** What the sealed State said. */
  resumed: { readonly account: number; readonly generation: number } | undefined;
}

/** Shared by all who are in none that matter. */
export const NO_GROUPS: ReadonlySet<string> = new Set();

export function newLogin(attempt: Attempt, startedAt: number, state?: Buffer): Login {
  // A challenge was only ever sent after a right password, to somebody the policy allows.
  const facts: Login["facts"] =
    state === undefined ? {} : { person: "found", policy: "allowed", password: "right" };
  // One question less where nobody is anything else.
  if (attempt.serviceOf === undefined) facts.service = "person";
  return {
    attempt,
    state,
    startedAt,
    directoryMs: 0,
    facts,
    identity: undefined,
    reservation: undefined,
    account: undefined,
    split: undefined,
    claim: undefined,
    recovery: undefined,
    groups: NO_GROUPS,
    rebindKey: undefined,
    resumed: undefined,
  };
}
