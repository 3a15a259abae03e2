import t from "tap";

import {
  nextStep,
  type AccountFact,
  type CodeFact,
  type EnrolmentFact,
  type Facts,
  type PasswordFact,
  type Question,
  type Strictness,
} from "../../src/core/decide.ts";
import { CODE_MODES, MFA_MODES, type Verdict } from "../../src/core/verdict.ts";

// Every value each question can be answered with. Typed by the facts themselves: a new value that is
// missing here does not compile.
const ANSWERS: { readonly [Q in Question]: Record<NonNullable<Facts[Q]>, true> } = {
  field: { filled: true, empty: true, "state-invalid": true },
  source: { open: true, blocked: true },
  person: { found: true, "not-found": true, ambiguous: true, malformed: true },
  service: { person: true, exempt: true, elsewhere: true },
  account: {
    begun: true,
    "account-locked": true,
    "too-many-attempts": true,
    "identity-changed": true,
    "token-changed": true,
  } satisfies Record<AccountFact, true>,
  policy: { allowed: true, "not-in-group": true },
  enrolment: {
    enrolled: true,
    suspended: true,
    unreadable: true,
    "in-period": true,
    "period-expired": true,
    "not-required": true,
  } satisfies Record<EnrolmentFact, true>,
  code: {
    absent: true,
    malformed: true,
    repeated: true,
    wrong: true,
    replayed: true,
    rebound: true,
    right: true,
  } satisfies Record<CodeFact, true>,
  password: {
    right: true,
    wrong: true,
    empty: true,
    shielded: true,
    "password-expired": true,
    "must-change-password": true,
    "directory-locked": true,
    "directory-disabled": true,
    "account-expired": true,
    "logon-hours": true,
    "logon-workstation": true,
    "stronger-auth-required": true,
    "directory-refused": true,
  } satisfies Record<PasswordFact, true>,
};

const DEMANDS: Strictness[] = MFA_MODES.flatMap((mfa) =>
  CODE_MODES.flatMap((code) => [true, false].map((canChallenge) => ({ mfa, code, canChallenge }))),
);

interface Ending {
  readonly facts: Facts;
  readonly demand: Strictness;
  readonly verdict: Verdict;
  readonly asked: readonly Question[];
}

// Walks every answer to every question the decision itself asks: the whole policy, leaf by leaf.
function* walk(demand: Strictness, facts: Facts = {}, asked: Question[] = []): Generator<Ending> {
  const step = nextStep(facts, demand);
  if ("verdict" in step) {
    yield { facts, demand, verdict: step.verdict, asked };
    return;
  }
  if (asked.includes(step.ask)) throw new Error(`${step.ask} was asked twice`);
  for (const answer of Object.keys(ANSWERS[step.ask])) {
    yield* walk(demand, { ...facts, [step.ask]: answer }, [...asked, step.ask]);
  }
}

const ENDINGS = DEMANDS.flatMap((demand) => [...walk(demand)]);
const accepts = ENDINGS.filter((ending) => ending.verdict.outcome === "accept");

t.test("the decision ends for every combination of facts and demands", async (t) => {
  t.ok(ENDINGS.length > 1_000, `${ENDINGS.length} endings were walked`);
});

t.test("OTP-19: no accept without a matching password, whatever else is known", async (t) => {
  t.ok(accepts.length > 0);
  t.same(
    accepts.filter((ending) => ending.facts.password !== "right"),
    [],
  );
});

t.test(
  "no accept without a filled field, an open source, a found person, a begun attempt and an allowing policy",
  async (t) => {
    const { field, source, person, account, policy } = {
      field: "filled",
      source: "open",
      person: "found",
      account: "begun",
      policy: "allowed",
    };
    for (const { facts } of accepts) {
      // The configuration names exempt accounts one by one: no group has to.
      const allowed = facts.service === "exempt" ? {} : { policy };
      t.match(facts, { field, source, person, account, ...allowed });
    }
  },
);

t.test(
  "an enrolled person is only accepted with a right code, or the one just used, unless the mode is disabled",
  async (t) => {
    const wrong = accepts.filter(
      ({ facts, demand }) =>
        demand.mfa !== "disabled" &&
        facts.enrolment === "enrolled" &&
        facts.code !== "right" &&
        facts.code !== "rebound",
    );
    t.same(wrong, []);
    const rebound = accepts.filter(({ facts }) => facts.code === "rebound");
    t.ok(rebound.length > 0);
    for (const { verdict } of rebound) t.match(verdict, { exempt: "rebind-window" });
  },
);

t.test("a service account is accepted with its password alone, from its addresses", async (t) => {
  const exempt = ENDINGS.filter(({ facts }) => facts.service === "exempt");
  t.ok(exempt.some(({ verdict }) => verdict.outcome === "accept"));
  for (const { facts, verdict, asked } of exempt) {
    t.notOk(asked.includes("code") || asked.includes("enrolment") || asked.includes("policy"));
    if (verdict.outcome !== "accept") continue;
    t.match(verdict, { exempt: "service-account" });
    t.match(facts, { password: "right", account: "begun" });
  }
  const elsewhere = ENDINGS.filter(({ facts }) => facts.service === "elsewhere");
  t.ok(elsewhere.length > 0);
  for (const { verdict, asked } of elsewhere) {
    t.match(verdict, { outcome: "reject", reason: "service-account-address" });
    t.notOk(asked.includes("account") || asked.includes("password"), "uncounted, unasked");
  }
});

t.test("OTP-17: a right code never makes up for a password that isn't right", async (t) => {
  const ends = ENDINGS.filter(({ facts }) => facts.code === "right" && facts.password !== "right");
  t.ok(ends.length > 0);
  t.ok(ends.every(({ verdict }) => verdict.outcome === "reject"));
});

t.test(
  "a challenge is only sent after a right password, where the door can and may challenge",
  async (t) => {
    const challenges = ENDINGS.filter(({ verdict }) => verdict.outcome === "challenge");
    t.ok(challenges.length > 0);
    for (const { facts, demand } of challenges) {
      t.match(facts, { password: "right", enrolment: "enrolled", code: "absent" });
      t.ok(demand.canChallenge && demand.code !== "append");
    }
  },
);

t.test("a locked account's password never reaches the directory", async (t) => {
  const locked = ENDINGS.filter(({ facts }) => facts.account === "account-locked");
  t.ok(locked.length > 0);
  t.ok(locked.every(({ asked }) => !asked.includes("password")));
});

t.test(
  "where the client appends, a missing or malformed code of an enrolled person never reaches the directory",
  async (t) => {
    const ends = ENDINGS.filter(
      ({ facts, demand }) =>
        demand.code === "append" &&
        demand.mfa !== "disabled" &&
        facts.enrolment === "enrolled" &&
        (facts.code === "absent" || facts.code === "malformed"),
    );
    t.ok(ends.length > 0);
    t.ok(ends.every(({ asked }) => !asked.includes("password")));
  },
);

t.test(
  "a wrong code that came with the password still asks the directory, so that a stolen password shows",
  async (t) => {
    const ends = ENDINGS.filter(({ facts }) => facts.code === "wrong");
    t.ok(ends.length > 0);
    t.ok(ends.every(({ asked }) => asked.includes("password")));
  },
);

t.test("the same failed field again is refused without asking the directory", async (t) => {
  const ends = ENDINGS.filter(({ facts }) => facts.code === "repeated");
  t.ok(ends.length > 0);
  t.ok(
    ends.every(({ verdict, asked }) => {
      return verdict.outcome === "reject" && !asked.includes("password");
    }),
  );
});

const TABLE: [EnrolmentFact, Record<(typeof MFA_MODES)[number], string>][] = [
  [
    "enrolled",
    { disabled: "accept", enabled: "challenge", required: "challenge", always: "challenge" },
  ],
  ["in-period", { disabled: "accept", enabled: "accept", required: "accept", always: "reject" }],
  [
    "period-expired",
    { disabled: "accept", enabled: "accept", required: "reject", always: "reject" },
  ],
  ["not-required", { disabled: "accept", enabled: "accept", required: "reject", always: "reject" }],
];

for (const [enrolment, row] of TABLE) {
  for (const mfa of MFA_MODES) {
    t.test(`H50: a right password alone, ${enrolment}, mode ${mfa}: ${row[mfa]}`, async (t) => {
      const facts: Facts = {
        field: "filled",
        source: "open",
        person: "found",
        service: "person",
        account: "begun",
        policy: "allowed",
        enrolment,
        code: "absent",
        password: "right",
      };
      const step = nextStep(facts, { mfa, code: "auto", canChallenge: true });
      t.match(step, { verdict: { outcome: row[mfa] } });
    });
  }
}

t.test("E03: where people enrol, an expired period closes the door, and only that", async (t) => {
  for (const mfa of MFA_MODES.filter((mode) => mode !== "disabled")) {
    for (const open of DEMANDS.filter((demand) => demand.mfa === mfa)) {
      const ends = [...walk({ ...open, endsWithPeriod: true })];
      const expired = ends.filter(({ facts }) => facts.enrolment === "period-expired");
      const right = expired.filter(({ facts }) => facts.password === "right");
      const isExempt = ({ facts }: Ending): boolean => facts.service === "exempt";
      t.match(
        right.filter((end) => !isExempt(end)).map(({ verdict }) => verdict),
        [{ outcome: "reject", reason: "mfa-period-expired" }],
      );
      const others = (all: readonly Ending[]): unknown[] =>
        all
          .filter(({ facts }) => facts.enrolment !== "period-expired")
          .map(({ facts, verdict }) => [facts, verdict]);
      t.same(others(ends), others([...walk(open)]));
    }
  }
});

t.test(
  "under required the password of somebody not enrolled is still asked, then refused",
  async (t) => {
    const ends = ENDINGS.filter(
      ({ facts, demand }) => demand.mfa === "required" && facts.enrolment === "not-required",
    );
    t.ok(
      ends.every(
        ({ asked, verdict }) => asked.includes("password") && verdict.outcome === "reject",
      ),
    );
  },
);

t.test("an accept without a code says why it needed none", async (t) => {
  for (const { facts, verdict } of accepts) {
    if (verdict.outcome !== "accept") continue;
    t.equal(verdict.exempt === undefined, facts.code === "right");
  }
});

t.test("no set of facts, asked for or not, yields an accept without the password", async (t) => {
  // Facts the walk would never combine: a caller that fills in too much must still not get in.
  for (const demand of DEMANDS) {
    for (const password of [undefined, ...Object.keys(ANSWERS.password)] as (
      | PasswordFact
      | undefined
    )[]) {
      if (password === "right") continue;
      const facts: Facts = {
        field: "filled",
        source: "open",
        person: "found",
        service: "person",
        account: "begun",
        policy: "allowed",
        enrolment: "enrolled",
        code: "right",
        ...(password === undefined ? {} : { password }),
      };
      const step = nextStep(facts, demand);
      t.notMatch(step, { verdict: { outcome: "accept" } });
    }
  }
});
