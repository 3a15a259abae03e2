// What administrators change about a person. Invariants: each change is one event with what was before
// and after, and what gives something away goes to the identity the directory names now.

import { z } from "zod";

import { auditText, type EventDraft, type EventType } from "../../../core/audit.ts";
import { generateBypassCode, hashBypassCode } from "../../../core/bypass.ts";
import type { NoPerson } from "../../../core/administration.ts";
import type { Identity } from "../../../core/ports.ts";
import type { RequirementChange } from "../../../core/requirement.ts";
import type { Listed } from "../../../core/roster.ts";
import { changeEvent, type ApiContext, type Caller, type Principal } from "./context.ts";
import { accountOf, personParams, personView, viewOf } from "./person-view.ts";
import { changedRequirement, requirementChange } from "./requirement.ts";
import { ApiError, route, type Route } from "./route.ts";
import { isoText, moment } from "./shapes.ts";

const MINUTE_MS = 60_000;
const BYPASS_MINUTES = { min: 5, max: 7 * 24 * 60 } as const;

const outcomeOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.strictObject({ outcome: z.enum(names) });

const resetMfa = route({
  method: "POST",
  path: "/api/systemusers/:id/resetmfa",
  summary: "Take a person's token away; with exclusionUntil, and give time to get another",
  access: "people:reset",
  params: personParams,
  body: z.strictObject({
    exclusion: z.boolean().exactOptional(),
    exclusionUntil: moment.exactOptional(),
  }),
  result: outcomeOf(["reset", "bypass-revoked", "no-token"]),
  async handle(context, { params, body, ...caller }) {
    const found = await get(context, params.id);
    if (body.exclusion !== undefined && body.exclusion !== (body.exclusionUntil !== undefined)) {
      throw new ApiError(400, "body: exclusion true and exclusionUntil come together");
    }
    // First what can fail for want of a directory, so that nothing is half done.
    if (body.exclusionUntil !== undefined) {
      const until = { exclusion: true, exclusionUntil: body.exclusionUntil };
      const required = { enable_user_portal_multifactor: true, mfa: until };
      const changed = changedRequirement(required, found, context);
      checkMayGive(changed, caller.principal);
      await setRequirement(context, found, changed, caller);
    }
    const event = personEvent(context, caller, "totp_delete_enrollment", found, {
      changes: [{ field: "totp_enabled", from: found.person.token !== undefined, to: false }],
    });
    const outcome = await context.administration.resetToken(found.person, event);
    return { body: { outcome: known(outcome) } };
  },
});

const unlock = route({
  method: "POST",
  path: "/api/systemusers/:id/unlock",
  summary: "End a person's locks and clear the counters",
  access: "people:unlock",
  params: personParams,
  result: outcomeOf(["unlocked", "not-locked"]),
  async handle(context, { params, ...caller }) {
    const found = await get(context, params.id);
    const event = personEvent(context, caller, "user_unlocked", found, {
      changes: [{ field: "account_locked", from: isLocked(found), to: false }],
    });
    return { body: { outcome: known(await context.administration.unlock(found.person, event)) } };
  },
});

const lock = route({
  method: "POST",
  path: "/api/systemusers/:id/lock",
  summary: "Refuse a person's logins until somebody unlocks",
  access: "people:lock",
  params: personParams,
  result: outcomeOf(["locked"]),
  async handle(context, { params, ...caller }) {
    const found = await get(context, params.id);
    const event = personEvent(context, caller, "user_lockout", found, {
      changes: [
        { field: "suspended", from: found.person.lockedUntil === "administrator", to: true },
      ],
      details: { by: "administrator" },
    });
    return { body: { outcome: known(await context.administration.lock(found.person, event)) } };
  },
});

const change = route({
  method: "PUT",
  path: "/api/systemusers/:id",
  summary: "Demand a second factor of a person, extend the time for it, or lift the demand",
  access: "people:extend",
  params: personParams,
  body: requirementChange,
  result: personView,
  async handle(context, { params, body, ...caller }) {
    const { permissions } = caller.principal;
    const found = await get(context, params.id);
    const changed = changedRequirement(body, found, context);
    checkMayGive(changed, caller.principal);
    await setRequirement(context, found, changed, caller);
    return { body: viewOf(await get(context, params.id), permissions, context.clock.now()) };
  },
});

const grantBypass = route({
  method: "POST",
  path: "/api/systemusers/:id/bypass",
  summary: "A code in the place of a lost device; the answer has it, once",
  access: "people:bypass",
  params: personParams,
  body: z.strictObject({
    minutes: z.int().min(BYPASS_MINUTES.min).max(BYPASS_MINUTES.max),
    reason: z.string().trim().min(1).max(256),
  }),
  result: z.strictObject({ code: z.string(), until: z.string() }),
  async handle(context, { params, body, ...caller }) {
    const found = await get(context, params.id);
    const identity = await getIdentity(context, found);
    const code = generateBypassCode();
    const until = context.clock.now() + body.minutes * MINUTE_MS;
    const event = personEvent(context, caller, "mfa_bypass_granted", found, {
      details: { reason: auditText(body.reason), until: isoText(until) },
    });
    const codeHash = hashBypassCode(context.bypassKey, code);
    known(await context.administration.grantBypass(identity, codeHash, until, event));
    return { status: 201, body: { code, until: isoText(until) } };
  },
});

const revokeBypass = route({
  method: "DELETE",
  path: "/api/systemusers/:id/bypass",
  summary: "End a bypass code before its time",
  access: "people:bypass",
  params: personParams,
  result: outcomeOf(["revoked", "no-bypass"]),
  async handle(context, { params, ...caller }) {
    const found = await get(context, params.id);
    const event = personEvent(context, caller, "mfa_bypass_revoked", found);
    const outcome = await context.administration.revokeBypass(found.person, event);
    return { body: { outcome: known(outcome) } };
  },
});

/** Whichever route it comes by: time is given by who may extend, anything else by who may demand. */
function checkMayGive(
  { isMoreThanExtended }: ReturnType<typeof changedRequirement>,
  { permissions }: Principal,
): void {
  const needed = isMoreThanExtended ? "people:require" : "people:extend";
  if (!permissions.has(needed)) throw new ApiError(403, `this needs the permission ${needed}`);
}

async function setRequirement(
  context: ApiContext,
  found: Listed,
  { until }: { readonly until: number | undefined },
  caller: Caller,
): Promise<void> {
  const before = found.person.requirementUntil;
  if (until === before) return;
  const identity = await getIdentity(context, found);
  // Both sides of the change are the store's to say.
  const event = personEvent(context, caller, requirementEvent(before, until), found, {
    details: { of: "person" },
  });
  const change: RequirementChange =
    until === undefined
      ? { kind: "remove", of: "person" }
      : { kind: "require", until, of: "person", replaces: "same" };
  known(await context.administration.changeRequirement(identity, change, event));
}

function requirementEvent(before: number | undefined, until: number | undefined): EventType {
  if (until === undefined) return "mfa_requirement_removed";
  const isLonger = before !== undefined && until > before;
  return isLonger ? "user_mfa_exclusion_extended" : "mfa_requirement_set";
}

async function get({ roster }: ApiContext, id: string): Promise<Listed> {
  const found = await roster.find(accountOf(id));
  if (found === undefined) throw new ApiError(404, "there is no such person");
  return found;
}

/** Throws unless the directory has that very person under that name now. */
async function getIdentity({ directories }: ApiContext, { person }: Listed): Promise<Identity> {
  const directory = directories().find(({ name }) => name === person.directory);
  if (directory === undefined) {
    throw new ApiError(409, `the configuration has no directory ${person.directory}`);
  }
  const found = await directory.find(person.username);
  if (found.kind !== "found") {
    throw new ApiError(409, "the directory doesn't have exactly one person of that name now");
  }
  if (person.id === undefined || person.id === found.identity.id) return found.identity;
  throw identityChanged();
}

function known<T extends string>(outcome: T | NoPerson): Exclude<T, NoPerson> {
  if (outcome === "unknown") throw new ApiError(404, "there is no such person");
  if (outcome === "identity-changed") throw identityChanged();
  return outcome as Exclude<T, NoPerson>;
}

function identityChanged(): ApiError {
  const remedy = "if it is the same person after a re-import, run: gatehouse user relink";
  return new ApiError(409, `that name has another immutable id in the directory now; ${remedy}`);
}

function isLocked({ person }: Listed): boolean {
  return person.lockedUntil !== undefined;
}

function personEvent(
  context: ApiContext,
  caller: Caller,
  type: EventType,
  { person }: Listed,
  extra: Pick<EventDraft, "changes" | "details"> = {},
): EventDraft {
  const { directory, id, username } = person;
  const subject = { type: "user", id: `${directory}/${id ?? username}`, username } as const;
  return changeEvent(context, caller, type, subject, extra);
}

export const PERSON_CHANGES: readonly Route[] = [
  change,
  resetMfa,
  unlock,
  lock,
  grantBypass,
  revokeBypass,
];
