// The page of somebody who is signed in.

import type { Person } from "../../../core/administration.ts";
import { accountPage, type AccountView } from "../../../web/portal/account.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { daysLeft } from "../../../web/time.ts";
import { recentActivity } from "./activity.ts";
import { type Answer, findPerson, show, type SignedIn } from "./context.ts";

const ALGORITHM = { sha1: "SHA-1", sha256: "SHA-256", sha512: "SHA-512" } as const;

export async function showAccount(visit: SignedIn): Promise<Answer> {
  const { context, session, frame } = visit;
  const person = await findPerson(visit);
  if (person === undefined) {
    context.sessions.end(visit.id, "revoked");
    return show(messagePage(frame, "changed"), 409);
  }
  const now = context.clock.now();
  const { requirementUntil: until } = person;
  const view: AccountView = {
    username: session.identity.username,
    now,
    token: tokenOf(person),
    daysLeft: until === undefined ? undefined : daysLeft(until, now),
    events: await recentActivity(visit),
  };
  return show(accountPage(frame, view));
}

function tokenOf({ token, recoveryCodesLeft }: Person): AccountView["token"] {
  return token && { ...token, recoveryCodesLeft, algorithm: ALGORITHM[token.algorithm] };
}
