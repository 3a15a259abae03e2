// In and out: the page to sign in, and the ways out.

import type { Decision } from "../../../core/attempt.ts";
import { DependencyDown } from "../../../core/ports.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { signInPage } from "../../../web/portal/sign-in.ts";
import { type Answer, goTo, show, type SignedIn, type Visit } from "./context.ts";
import { COOKIE } from "./guard.ts";
import { decide, refuseMalformed, type Typed, untilRefusal } from "./login.ts";

export function showSignIn(visit: Visit): Answer {
  const { context, id, frame } = visit;
  if (context.sessions.find(id) !== undefined) return goTo("/account");
  // A visitor's id: it says nothing but that the form which comes back belongs to this browser.
  const headers = { "set-cookie": COOKIE.set(id) };
  return show(signInPage(frame, { username: "", isRefused: false }), 200, headers);
}

export async function signIn(visit: Visit, typed: Typed): Promise<Answer> {
  const { context, frame } = visit;
  const { sessions } = context;
  const directory = context.directory(undefined);
  if (directory === undefined) throw new Error("there is no directory to ask");
  const mark = sessions.mark();
  const { verdict, identity } = await decide(visit, typed, directory, "sign-in");
  if (verdict.outcome === "unavailable") {
    return show(messagePage(frame, "unavailable"), 503);
  }
  const isAccepted = verdict.outcome === "accept" && identity !== undefined;
  const isPasswordOnly = isAccepted && verdict.exempt !== undefined;
  const id = isAccepted ? sessions.begin(identity, mark, isPasswordOnly) : undefined;
  if (id === undefined) {
    await untilRefusal(visit);
    // Only ever said to somebody who knows the password.
    if (isExpired(verdict)) return show(messagePage(frame, "expired"), 403);
    const { username } = typed;
    return show(signInPage(frame, { username, isRefused: true }), 403);
  }
  sessions.end(visit.id, "signed-in-again");
  return goTo(isPasswordOnly ? "/enrol" : "/account", { "set-cookie": COOKIE.set(id) });
}

function isExpired(verdict: Decision["verdict"]): boolean {
  return verdict.outcome === "reject" && verdict.reason === "mfa-period-expired";
}

export async function refuseForm(visit: Visit, status: number): Promise<Answer> {
  try {
    await refuseMalformed(visit);
  } catch (error) {
    if (error instanceof DependencyDown) return show(messagePage(visit.frame, "unavailable"), 503);
    throw error;
  }
  return show(messagePage(visit.frame, "malformed"), status);
}

export function signOut(visit: SignedIn): Answer {
  visit.context.sessions.end(visit.id, "signed-out");
  return goOut();
}

export function signOutEverywhere(visit: SignedIn): Answer {
  visit.context.sessions.endAll(visit.session.identity, "signed-out-everywhere");
  return goOut();
}

/** To the page to sign in, with no id any more. */
export function goOut(): Answer {
  return goTo("/sign-in", { "set-cookie": COOKIE.end });
}
