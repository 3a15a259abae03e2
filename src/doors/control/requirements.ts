// Demands for a factor at an operator's hand: of one person, of names, of a group, of everyone, and
// what such a demand would come to. Invariant: a trial run and the real one ask the same questions.

import type { EventType } from "../../core/audit.ts";
import { DependencyDown, type Identity } from "../../core/ports.ts";
import {
  changeRequirement,
  type Requirement,
  type RequirementChange,
  type RequiredOf,
} from "../../core/requirement.ts";
import type { Handler } from "./bind.ts";
import { adminEvent, type ControlContext, type KnownDirectory } from "./context.ts";
import type { RequireArguments, RequireProblem, userRequire } from "./operations.ts";
import { getDirectory, getIdentity, identityChanged } from "./people.ts";
import { OperationError } from "./protocol.ts";

type RequireCall = Parameters<Handler<typeof userRequire>>[2];

const DAY_MS = 86_400_000;
/** Questions to the directory, and writes that are committed together, at a time. */
const AT_ONCE = 100;

const OF: Readonly<Record<RequireArguments["who"]["kind"], RequiredOf>> = {
  person: "person",
  names: "person",
  group: "group",
  everyone: "everyone",
};
const EVENTS = {
  require: "mfa_requirement_set",
  extend: "user_mfa_exclusion_extended",
  remove: "mfa_requirement_removed",
} as const satisfies Record<RequireArguments["change"], EventType>;

/** One run, from the first person to the last. */
interface Run {
  readonly context: ControlContext;
  readonly args: RequireArguments;
  readonly call: RequireCall;
  readonly directory: KnownDirectory;
  readonly days: number;
  readonly change: RequirementChange;
  readonly isExempt: ControlContext["isExempt"];
  readonly counts: { people: number; changed: number; unchanged: number } & Skipped;
}

interface Skipped {
  enrolled: number;
  exempt: number;
}

export const requireFactor: Handler<typeof userRequire> = async (context, args, call) => {
  const { who } = args;
  const directory = getDirectory(context, args.directory);
  const days = args.days ?? context.periodMs / DAY_MS;
  const run: Run = {
    context,
    args,
    call,
    directory,
    days,
    change: changeOf(args, context.clock.now() + days * DAY_MS),
    isExempt: context.isExempt,
    counts: { people: 0, changed: 0, unchanged: 0, enrolled: 0, exempt: 0 },
  };
  if (who.kind === "person") return requireOfOne(run, who.username);
  try {
    if (who.kind === "names") await requireOfNames(run, who.usernames);
    else await requireOfListed(run, who.kind === "group" ? who.dn : undefined);
  } catch (error) {
    throw error instanceof DependencyDown ? interrupted(run, error) : error;
  }
  return { ...run.counts, ...endOf(run.change) };
};

function changeOf({ change, who }: RequireArguments, until: number): RequirementChange {
  const of = OF[who.kind];
  if (change === "extend") return { kind: change, until };
  if (change === "remove") return { kind: change, of };
  // Run again, a list or a group moves nobody's date; naming one person is meant as it is said.
  return { kind: change, until, of, replaces: who.kind === "person" ? "same" : "weaker" };
}

async function requireOfOne(run: Run, username: string): ReturnType<typeof requireFactor> {
  const identity = await getIdentity(run.context, { ...run.args, username });
  const outcome = await changeOne(run, identity);
  if (outcome === "identity-changed") throw identityChanged(identity);
  const counts = { ...run.counts, people: 1, [outcome]: 1 };
  const person = await run.context.administration.findPerson(identity);
  const until = typeof person === "string" ? undefined : person.requirementUntil;
  const isTrial = run.args.dryRun && outcome === "changed";
  const end = isTrial ? endOf(run.change) : until === undefined ? {} : { until };
  return { ...counts, ...end, username: identity.username };
}

async function requireOfNames(run: Run, usernames: readonly string[]): Promise<void> {
  const seen = new Set<string>();
  for (const names of slicesOf(usernames)) {
    if (run.call.signal.aborted) return;
    const answers = await Promise.all(
      names.map(async (username) => ({ username, found: await run.directory.find(username) })),
    );
    for (const { username, found } of answers) {
      if (found.kind !== "found") await tellProblem(run, username, found.kind);
    }
    const people = answers.flatMap(({ found }) => (found.kind === "found" ? [found.identity] : []));
    // Under two names somebody is one person still.
    const fresh = people.filter(({ id }) => !seen.has(id) && seen.add(id));
    await requireOfSlice(run, fresh);
  }
}

async function requireOfListed(run: Run, group: string | undefined): Promise<void> {
  for await (const page of run.directory.everybody()) {
    for (const people of slicesOf(page)) {
      if (run.call.signal.aborted) return;
      await requireOfSlice(run, group === undefined ? people : await membersOf(run, people, group));
    }
  }
}

/** As a login would ask: nested groups and primary groups count where they do there. */
async function membersOf(
  { directory }: Run,
  people: readonly Identity[],
  group: string,
): Promise<readonly Identity[]> {
  const groups = await Promise.all(people.map((person) => directory.memberOf(person, [group])));
  return people.filter((_, index) => (groups[index]?.size ?? 0) > 0);
}

async function requireOfSlice(run: Run, identities: readonly Identity[]): Promise<void> {
  const { counts, call } = run;
  const outcomes = await Promise.all(identities.map((identity) => requireOfMember(run, identity)));
  for (const [index, outcome] of outcomes.entries()) {
    counts.people += 1;
    if (outcome !== "identity-changed") counts[outcome] += 1;
    else await tellProblem(run, identities[index]?.username ?? "", outcome);
  }
  // Nobody knows how many there are before the last page.
  call.progress(counts.people, 0);
}

type Outcome = "changed" | "unchanged" | "identity-changed" | keyof Skipped;

// Whoever has a factor needs no time to get one: that time would be a hole when the token is reset.
async function requireOfMember(run: Run, identity: Identity): Promise<Outcome> {
  const { context, args, isExempt } = run;
  if (isExempt(identity)) return "exempt";
  if (args.change !== "remove" || args.who.kind === "everyone") {
    const person = await context.administration.findPerson(identity);
    if (person === "identity-changed") return person;
    if (person !== "unknown" && person.token !== undefined) return "enrolled";
  }
  return changeOne(run, identity);
}

async function changeOne(
  { context, args, call, change, days }: Run,
  identity: Identity,
): Promise<"changed" | "unchanged" | "identity-changed"> {
  const { administration } = context;
  if (!args.dryRun) {
    const event = adminEvent(context, call, EVENTS[args.change], identity, {
      details: { ...(args.change === "remove" ? {} : { days }), of: OF[args.who.kind] },
    });
    return administration.changeRequirement(identity, change, event);
  }
  const person = await administration.findPerson(identity);
  if (person === "identity-changed") return person;
  const before = person === "unknown" ? undefined : requirementOf(person);
  return changeRequirement(before, change) === before ? "unchanged" : "changed";
}

function requirementOf({
  requirementUntil: until,
  requirementOf: of,
}: {
  readonly requirementUntil: number | undefined;
  readonly requirementOf: RequiredOf | undefined;
}): Requirement | undefined {
  return until === undefined || of === undefined ? undefined : { until, of };
}

function endOf(change: RequirementChange): { until?: number } {
  return change.kind === "remove" ? {} : { until: change.until };
}

async function tellProblem(
  { call }: Run,
  username: string,
  problem: RequireProblem["problem"],
): Promise<void> {
  await call.item({ username, problem });
}

function interrupted({ counts, args }: Run, error: DependencyDown): OperationError {
  const done = args.dryRun ? "nothing was changed" : `${counts.changed} of them done before`;
  return new OperationError(
    "unavailable",
    `${error.dependency} can't answer: ${error.message}; ${done}`,
    "run it again: whoever has a period already keeps it",
  );
}

function* slicesOf<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += AT_ONCE) yield all.slice(from, from + AT_ONCE);
}
