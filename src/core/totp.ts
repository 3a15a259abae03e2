// Time-based one-time codes (RFC 6238): which step a code belongs to, and whether that step is
// still alive. Invariant: a step up to and including the last accepted one never verifies as right.

import { NodeCryptoPlugin } from "@otplib/plugin-crypto-node";
import { generateSync } from "otplib";

import { Secret } from "../lib/secret.ts";
import type { Token } from "./ports.ts";

/** Steps accepted before and after the current one; 0-2 each. */
export interface CodeWindow {
  readonly pastSteps: number;
  readonly futureSteps: number;
}

export type CodeCheck =
  | { readonly kind: "right"; readonly step: number; readonly driftSteps: number }
  | { readonly kind: "replayed" }
  | { readonly kind: "wrong" };

const crypto = new NodeCryptoPlugin();
// How fast a learnt offset follows the person's clock: a phone that is one step off is centred after
// three logins, while one code typed late doesn't move the window.
const DRIFT_WEIGHT = 0.25;
// Beyond two steps a clock is wrong, not drifting; the window never wanders further.
const DRIFT_STEPS_MAX = 2;

/**
 * Checks one code against a token at a moment.
 * `code`: exactly `token.digits` ASCII digits (the caller has checked the syntax).
 * RFC 6238 §5.2: the current step first, then the configured window around the learnt drift.
 */
export function checkCode(
  token: Pick<Token, "algorithm" | "digits" | "periodSeconds" | "lastStep" | "driftSteps">,
  secret: Secret,
  code: Secret,
  nowMs: number,
  window: CodeWindow,
): CodeCheck {
  const current = stepAt(nowMs, token.periodSeconds);
  const centre = current + Math.round(token.driftSteps);
  for (const step of stepsToTry(centre, window)) {
    if (step < 0 || !code.equals(Secret.of(generateCode(token, secret, step)))) continue;
    if (step <= token.lastStep) return { kind: "replayed" };
    return { kind: "right", step, driftSteps: learnDrift(token.driftSteps, step - current) };
  }
  return { kind: "wrong" };
}

/** The number of whole periods since the epoch (RFC 6238 §4.2). */
export function stepAt(nowMs: number, periodSeconds: number): number {
  return Math.floor(nowMs / 1000 / periodSeconds);
}

/** The code of one step, `token.digits` long. */
export function generateCode(
  token: Pick<Token, "algorithm" | "digits">,
  secret: Secret,
  step: number,
): string {
  return generateSync({
    strategy: "hotp",
    secret: secret.reveal(),
    counter: step,
    algorithm: token.algorithm,
    digits: token.digits,
    crypto,
  });
}

function* stepsToTry(centre: number, window: CodeWindow): Generator<number> {
  yield centre;
  for (let back = 1; back <= window.pastSteps; back += 1) yield centre - back;
  for (let ahead = 1; ahead <= window.futureSteps; ahead += 1) yield centre + ahead;
}

function learnDrift(average: number, observed: number): number {
  const next = average + (observed - average) * DRIFT_WEIGHT;
  return Math.max(-DRIFT_STEPS_MAX, Math.min(DRIFT_STEPS_MAX, next));
}
