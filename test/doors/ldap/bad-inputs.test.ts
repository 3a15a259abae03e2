// The catalogue of bad input through framer and session: what each stream gets, whole and octet by
// octet, and that a good Bind of the next client is still asked about.

import t from "tap";

import { bindRequest } from "../../support/ldap-requests.ts";
import { BOB, SessionPeer } from "../../support/ldap-session.ts";
import { readBadLdapInputs } from "../../support/ldap-vectors.ts";

function followed(stages: readonly Buffer[], isAnswering: boolean, chunkBytes?: number): string[] {
  const peer = new SessionPeer();
  peer.isAnswering = isAnswering;
  for (const stage of stages) peer.client(stage, chunkBytes);
  return peer.events;
}

for (const { id, title, unanswered, events, stages } of readBadLdapInputs()) {
  t.test(`${id}: ${title}: ${events.slice(-2).join(", ") || "waits"}`, async (t) => {
    const isAnswering = unanswered !== true;
    t.same(followed(stages, isAnswering), events, "whole");
    t.same(followed(stages, isAnswering, 1), events, "octet by octet");

    const next = new SessionPeer();
    next.isDeciding = false;
    t.same(next.client(bindRequest(1, BOB, "hello")), [`ask ${BOB}`], "a good Bind after it");
  });
}
