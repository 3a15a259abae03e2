// People at an operator's hand: show, lock, unlock, bypass, relink.

import { generateBypassCode, hashBypassCode } from "../../core/bypass.ts";
import { auditText } from "../../core/audit.ts";
import type { Directory } from "../../core/ports.ts";
import type { Handler } from "./bind.ts";
import { adminEvent, type ControlContext } from "./context.ts";
import type {
  userBypass,
  userBypassRevoke,
  userLock,
  userRelink,
  userShow,
  userUnlock,
} from "./operations.ts";
import {
  getDirectory,
  getIdentity,
  getSubject,
  identityChanged,
  isNoPerson,
  noPerson,
} from "./people.ts";
import { pages } from "./tokens.ts";

export const showUser: Handler<typeof userShow> = async (context, args) => {
  const subject = await getSubject(context, args);
  const person = await context.administration.findPerson(subject);
  if (typeof person === "string") throw noPerson(person, subject);
  return person;
};

export const unlockUser: Handler<typeof userUnlock> = async (context, args, call) => {
  const subject = await getSubject(context, args);
  const event = adminEvent(context, call, "user_unlocked", subject);
  const outcome = await context.administration.unlock(subject, event);
  if (isNoPerson(outcome)) throw noPerson(outcome, subject);
  return { username: subject.username, outcome };
};

export const lockUser: Handler<typeof userLock> = async (context, args, call) => {
  const subject = await getSubject(context, args);
  const event = adminEvent(context, call, "user_lockout", subject, {
    details: { by: "administrator" },
  });
  const outcome = await context.administration.lock(subject, event);
  if (isNoPerson(outcome)) throw noPerson(outcome, subject);
  return { username: subject.username, outcome };
};

export const grantBypass: Handler<typeof userBypass> = async (context, args, call) => {
  const identity = await getIdentity(context, args);
  const code = generateBypassCode();
  const until = context.clock.now() + args.forMs;
  const event = adminEvent(context, call, "mfa_bypass_granted", identity, {
    details: { reason: auditText(args.reason), until: new Date(until).toISOString() },
  });
  const codeHash = hashBypassCode(context.bypassKey, code);
  const outcome = await context.administration.grantBypass(identity, codeHash, until, event);
  if (outcome === "identity-changed") throw identityChanged(identity);
  return { username: identity.username, code, until };
};

export const revokeBypass: Handler<typeof userBypassRevoke> = async (context, args, call) => {
  const subject = await getSubject(context, args);
  const event = adminEvent(context, call, "mfa_bypass_revoked", subject);
  const outcome = await context.administration.revokeBypass(subject, event);
  if (isNoPerson(outcome)) throw noPerson(outcome, subject);
  return { username: subject.username, outcome };
};

type RelinkCall = Parameters<Handler<typeof userRelink>>[2];
type RelinkItem = Parameters<RelinkCall["item"]>[0];

export const relinkUsers: Handler<typeof userRelink> = async (context, args, call) => {
  const directory = getDirectory(context, args.directory);
  const names =
    args.username === undefined
      ? await boundNames(context, directory.name)
      : // A single name that the directory doesn't have is the operator's mistake, not a finding.
        [(await getIdentity(context, { ...args, username: args.username })).username];
  let changed = 0;
  for (const [index, username] of names.entries()) {
    if (call.signal.aborted) break;
    const outcome = await relink(context, directory, username, args.dryRun, call);
    if (outcome === "relinked" || outcome === "would-relink") changed += 1;
    if (outcome !== undefined) await call.item({ username, outcome });
    call.progress(index + 1, names.length);
  }
  return { checked: names.length, changed };
};

// A person without an id waits for the first login and has nothing to relink.
async function boundNames(context: ControlContext, directory: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of pages(context, directory)) {
    names.push(...page.filter((person) => person.id !== undefined).map(({ username }) => username));
  }
  return names;
}

async function relink(
  context: ControlContext,
  directory: Directory,
  username: string,
  dryRun: boolean,
  call: RelinkCall,
): Promise<RelinkItem["outcome"] | undefined> {
  const found = await directory.find(username);
  if (found.kind !== "found") return found.kind === "ambiguous" ? "ambiguous" : "not-found";
  const event = adminEvent(context, call, "user_relinked", found.identity);
  const outcome = await context.administration.relink(found.identity, { dryRun }, event);
  return outcome === "not-needed" ? undefined : outcome;
}
