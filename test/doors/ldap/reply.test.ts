// The codes and words of every refusal, verdict and ending.

import t from "tap";

import {
  bindOutcome,
  changeOutcome,
  endingNotice,
  outcomeReply,
  refusalReply,
  unavailableReply,
} from "../../../src/doors/ldap/reply.ts";
import { ENDINGS, REFUSALS, type Refusal } from "../../../src/doors/ldap/rules.ts";
import type { Verdict } from "../../../src/core/verdict.ts";
import { REASONS, type Reason } from "../../../src/core/verdict.ts";
import { OPERATION } from "../../../src/wire/ldap/operation.ts";
import { readResponse } from "../../support/ldap-requests.ts";

const CODES: Readonly<Record<Refusal, number>> = {
  "operation-not-allowed": 53,
  "unknown-extended-operation": 2,
  "unknown-critical-control": 12,
  "proxied-authorisation": 123,
  "password-attribute": 53,
  "not-bound": 50,
  "not-authenticated": 8,
  "confidentiality-required": 13,
  "unsupported-auth-method": 7,
  "unsupported-version": 2,
  "empty-password": 53,
  "empty-name": 49,
  "malformed-name": 34,
  "malformed-request": 2,
  "duplicate-message-id": 2,
  "too-many-operations": 51,
  "too-many-attributes": 11,
  "tls-already-on": 1,
  "tls-while-busy": 1,
  referral: 53,
  overload: 51,
};

for (const refusal of REFUSALS) {
  t.test(`${refusal} is result code ${CODES[refusal]}`, async (t) => {
    const bytes = refusalReply(7, OPERATION.searchRequest, refusal);
    t.match(readResponse(bytes), { id: 7, kind: "search", resultCode: CODES[refusal] });
  });
}

const bind = OPERATION.bindRequest;
const refused = outcomeReply(1, bind, "refused");

t.test("every refusal of a login is the same octets: 49 without a word", async (t) => {
  t.match(readResponse(refused), { kind: "bind", resultCode: 49, text: "" });
  t.same(refusalReply(1, bind, "empty-name"), refused);
  for (const reason of Object.keys(REASONS) as Reason[]) {
    if (reason === "empty-password") continue;
    const outcome = bindOutcome({ outcome: "reject", reason });
    if (outcome === "accepted") throw new Error(reason);
    t.same(outcomeReply(1, bind, outcome), refused, reason);
  }
});

t.test("a field that holds no password is told apart: it was never looked at", async (t) => {
  t.equal(bindOutcome({ outcome: "reject", reason: "empty-password" }), "empty-password");
  t.same(outcomeReply(1, bind, "empty-password"), refusalReply(1, bind, "empty-password"));
});

const OUTCOMES: readonly [verdict: Verdict, outcome: string][] = [
  [{ outcome: "accept" }, "accepted"],
  [{ outcome: "accept", exempt: "not-enrolled" }, "accepted"],
  [{ outcome: "challenge" }, "refused"],
  [{ outcome: "reject", reason: "mfa-code-incorrect" }, "refused"],
  [{ outcome: "unavailable", reason: "store-unavailable", dependency: "store" }, "unavailable"],
];

for (const [verdict, outcome] of OUTCOMES) {
  t.test(`${JSON.stringify(verdict)} is ${outcome}`, async (t) => {
    t.equal(bindOutcome(verdict), outcome);
    t.equal(changeOutcome(verdict), outcome);
  });
}

t.test("an old password that is empty is refused like any other", async (t) => {
  t.equal(changeOutcome({ outcome: "reject", reason: "empty-password" }), "refused");
});

t.test("an outage is 52, too much to do is 51, each as the answer its request has", async (t) => {
  t.match(readResponse(outcomeReply(1, bind, "unavailable")), { kind: "bind", resultCode: 52 });
  t.match(readResponse(outcomeReply(1, bind, "busy")), { kind: "bind", resultCode: 51 });
  const search = unavailableReply(2, OPERATION.searchRequest);
  t.match(readResponse(search), { id: 2, kind: "search", resultCode: 52 });
});

t.test(
  "an ending is a notice to who waits or broke the protocol, and to nobody else",
  async (t) => {
    const codes = (isAwaited: boolean): unknown =>
      Object.fromEntries(
        ENDINGS.map((ending) => {
          const bytes = endingNotice(ending, isAwaited);
          return [ending, bytes === undefined ? undefined : readResponse(bytes).resultCode];
        }),
      );
    const breaches = { "broken-message": 2, "unfinished-message": 2, overload: 51 };
    const silent = { "not-ldap": undefined, idle: undefined };
    const others = { revoked: 8, stopping: 52, "upstream-lost": 52 };
    t.same(codes(true), { ...breaches, ...silent, ...others });
    const quiet = { revoked: undefined, stopping: undefined, "upstream-lost": undefined };
    t.same(codes(false), { ...breaches, ...silent, ...quiet });
  },
);
