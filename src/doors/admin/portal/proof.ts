// The factor there is, proven afresh before anything about it is changed (WEB-10). Invariant: a session
// alone, and a password alone, change nothing.

import { confirmPage } from "../../../web/portal/sign-in.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { type Answer, goTo, show, type SignedIn } from "./context.ts";
import { decide, type Typed, untilRefusal } from "./login.ts";
import { replaceRecoveryCodes } from "./recovery.ts";

/** Long enough to set up another telephone. */
const PROVEN_MS = 10 * 60_000;

type Proof = Pick<Typed, "password" | "code">;

export function askForReplacement({ frame }: SignedIn): Answer {
  return show(confirmPage(frame, "/replace", false));
}

/** From then on, and for some minutes, another token may be enrolled. */
export async function allowReplacement(visit: SignedIn, typed: Proof): Promise<Answer> {
  const refusal = await refuseUnproven(visit, typed, "/replace");
  if (refusal !== undefined) return refusal;
  visit.session.provenUntil = visit.context.clock.monotonic() + PROVEN_MS;
  return goTo("/enrol");
}

export function askForRecoveryCodes({ frame }: SignedIn): Answer {
  return show(confirmPage(frame, "/recovery-codes", false));
}

export async function makeRecoveryCodes(visit: SignedIn, typed: Proof): Promise<Answer> {
  const refusal = await refuseUnproven(visit, typed, "/recovery-codes");
  return refusal ?? replaceRecoveryCodes(visit);
}

/** Undefined once the person has given their password and a code, which are used up then. */
async function refuseUnproven(
  visit: SignedIn,
  typed: Proof,
  action: string,
): Promise<Answer | undefined> {
  const { context, session, frame } = visit;
  const { identity } = session;
  const directory = context.directory(identity.directory);
  if (directory === undefined) throw new Error("the directory of somebody signed in is gone");
  const asked = { ...typed, username: identity.username };
  const decision = await decide(visit, asked, directory, "confirmation");
  const { verdict } = decision;
  if (verdict.outcome === "unavailable") return show(messagePage(frame, "unavailable"), 503);
  // What lets people without a token in proves nothing here.
  const isProven = verdict.outcome === "accept" && verdict.exempt === undefined;
  if (isProven && decision.identity?.id === identity.id) return undefined;
  await untilRefusal(visit);
  return show(confirmPage(frame, action, true), 403);
}
