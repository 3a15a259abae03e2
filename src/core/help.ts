// What a person may be told of the factor that they still need. Invariant: only to whoever has just
// given the right password, and only about that person.

import type { Login } from "./login.ts";
import type { Help, Verdict } from "./verdict.ts";

/** `now`: ms UTC. Undefined: there is nothing to tell, or nobody who may be told. */
export function helpFor(login: Login, verdict: Verdict, now: number): Help | undefined {
  const { facts, account, attempt } = login;
  const isEnrolled = account?.token !== undefined;
  if (verdict.outcome !== "accept" && verdict.outcome !== "reject") return undefined;
  if (facts.password !== "right" || isEnrolled || account?.requirement === undefined) {
    return undefined;
  }
  // Where no factor is asked for, nobody is led to one.
  if (attempt.demand.mfa === "disabled" || facts.service === "exempt") return undefined;
  const { until } = account.requirement;
  return until > now ? { kind: "in-period", until } : { kind: "period-expired" };
}
