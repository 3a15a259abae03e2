// Everything an operator can ask for: names, arguments, what comes back. The command and the
// gateway check against the same shapes.
// Invariant: only a result that exists to hand over a secret has a field for one.

import { z } from "zod";

import { EVENT_TYPES } from "../../core/audit.ts";
import { ROLES } from "../../core/permissions.ts";
import {
  AdministratorView,
  AuditEventView,
  BypassCode,
  EnrolledToken,
  ShownToken,
  HealthReport,
  PersonView,
  RecoveryCodes,
  TokenRow,
  TriedLogin,
} from "./views.ts";

export const IMPORT_ROWS_MAX = 1_000;
export const EVENTS_MAX = 10_000;
export const REQUIREMENT_DAYS_MAX = 365;
export const REQUIRE_NAMES_MAX = 1_000;
export const BYPASS_MS_MIN = 5 * 60_000;
export const BYPASS_MS_MAX = 7 * 86_400_000;

/** `Item`s may come before the result, one by one. */
export interface Operation<Name extends string, Arguments, Item, Result> {
  readonly name: Name;
  readonly arguments: z.ZodType<Arguments>;
  readonly item: z.ZodType<Item>;
  readonly result: z.ZodType<Result>;
}

function operation<const Name extends string, Arguments, Item, Result>(
  name: Name,
  shapes: Omit<Operation<Name, Arguments, Item, Result>, "name">,
): Operation<Name, Arguments, Item, Result> {
  return { name, ...shapes };
}

/** Text that has to fit into one attribute of a packet. */
const octets = (most: number): z.ZodString =>
  z.string().refine((text) => Buffer.byteLength(text) <= most, `has more than ${most} bytes`);

const username = z.string().min(1).max(256);
/** Needed only when there are several. */
const directory = z.string().max(64).exactOptional();
const person = { username, directory };
const nothing = z.strictObject({});
const none = z.never();

export const tokenImport = operation("token-import", {
  arguments: z.strictObject({
    directory,
    rows: z.array(TokenRow).max(IMPORT_ROWS_MAX),
    replace: z.boolean(),
    dryRun: z.boolean(),
  }),
  item: none,
  result: z.strictObject({
    imported: z.int(),
    problems: z.array(z.strictObject({ line: z.int(), problem: z.string() })),
  }),
});

export const tokenEnroll = operation("token-enroll", {
  arguments: z.strictObject({
    ...person,
    algorithm: TokenRow.shape.algorithm,
    digits: TokenRow.shape.digits,
    periodSeconds: TokenRow.shape.periodSeconds,
    replace: z.boolean(),
  }),
  item: none,
  result: EnrolledToken,
});

export const tokenRecovery = operation("token-recovery", {
  arguments: z.strictObject(person),
  item: none,
  result: RecoveryCodes,
});

export const tokenReset = operation("token-reset", {
  arguments: z.strictObject({
    ...person,
    /** In which the person may enrol anew; absent: nothing is demanded that wasn't before. */
    days: z.int().min(1).max(REQUIREMENT_DAYS_MAX).exactOptional(),
  }),
  item: none,
  result: z.strictObject({
    username: z.string(),
    outcome: z.enum(["reset", "bypass-revoked", "no-token"]),
    /** The end of the new period. */
    until: z.number().optional(),
  }),
});

export const tokenList = operation("token-list", {
  arguments: z.strictObject({ directory }),
  item: PersonView,
  result: z.strictObject({ people: z.int() }),
});

export const userShow = operation("user-show", {
  arguments: z.strictObject(person),
  item: none,
  result: PersonView,
});

export const userUnlock = operation("user-unlock", {
  arguments: z.strictObject(person),
  item: none,
  result: z.strictObject({ username: z.string(), outcome: z.enum(["unlocked", "not-locked"]) }),
});

export const userLock = operation("user-lock", {
  arguments: z.strictObject(person),
  item: none,
  result: z.strictObject({ username: z.string(), outcome: z.enum(["locked"]) }),
});

export const userRequire = operation("user-require", {
  arguments: z.strictObject({
    who: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("person"), username }),
      z.strictObject({
        kind: z.literal("names"),
        usernames: z.array(username).max(REQUIRE_NAMES_MAX).readonly(),
      }),
      z.strictObject({ kind: z.literal("group"), dn: z.string().min(1).max(8_192) }),
      z.strictObject({ kind: z.literal("everyone") }),
    ]),
    directory,
    change: z.enum(["require", "extend", "remove"]),
    /** In which the factor may still be missing; absent: as the configuration says. */
    days: z.int().min(1).max(REQUIREMENT_DAYS_MAX).exactOptional(),
    dryRun: z.boolean(),
  }),
  /** Nothing was done about them. */
  item: z.strictObject({
    username: z.string(),
    problem: z.enum(["not-found", "ambiguous", "malformed", "identity-changed"]),
  }),
  result: z.strictObject({
    /** Of `who`, those the directory knows. */
    people: z.int(),
    changed: z.int(),
    unchanged: z.int(),
    enrolled: z.int(),
    exempt: z.int(),
    /** The end of the new period; of one person, of the one that holds now. */
    until: z.number().optional(),
    /** Of one person. */
    username: z.string().optional(),
  }),
});

export type RequireArguments = z.infer<typeof userRequire.arguments>;
export type RequireProblem = z.infer<typeof userRequire.item>;
export type RequireResult = z.infer<typeof userRequire.result>;

export const userBypass = operation("user-bypass", {
  arguments: z.strictObject({
    ...person,
    forMs: z.int().min(BYPASS_MS_MIN).max(BYPASS_MS_MAX),
    reason: z.string().min(1).max(256),
  }),
  item: none,
  result: BypassCode,
});

export const userBypassRevoke = operation("user-bypass-revoke", {
  arguments: z.strictObject(person),
  item: none,
  result: z.strictObject({ username: z.string(), outcome: z.enum(["revoked", "no-bypass"]) }),
});

export const userRelink = operation("user-relink", {
  arguments: z.strictObject({
    /** Absent: everyone the store knows. */
    username: username.exactOptional(),
    directory,
    dryRun: z.boolean(),
  }),
  item: z.strictObject({
    username: z.string(),
    outcome: z.enum(["relinked", "would-relink", "not-found", "ambiguous"]),
  }),
  result: z.strictObject({ checked: z.int(), changed: z.int() }),
});

const administrator = { username: z.string().min(3).max(256) };
const newPassword = z.string().max(1_024);

export const adminCreate = operation("admin-create", {
  arguments: z.strictObject({ ...administrator, role: z.enum(ROLES), password: newPassword }),
  item: none,
  result: ShownToken,
});

export const adminList = operation("admin-list", {
  arguments: nothing,
  item: AdministratorView,
  result: z.strictObject({ administrators: z.int() }),
});

export const adminReset = operation("admin-reset", {
  arguments: z.strictObject({ ...administrator, password: newPassword }),
  item: none,
  result: ShownToken,
});

export const adminSuspend = operation("admin-suspend", {
  /** `suspended` false: undone. */
  arguments: z.strictObject({ ...administrator, suspended: z.boolean() }),
  item: none,
  result: z.strictObject({ username: z.string() }),
});

export const adminUnlock = operation("admin-unlock", {
  arguments: z.strictObject(administrator),
  item: none,
  result: z.strictObject({ username: z.string(), outcome: z.enum(["unlocked", "not-locked"]) }),
});

/** Times are ms UTC. `follow` never ends by itself. */
export const eventsQuery = operation("events", {
  arguments: z.strictObject({
    since: z.number().exactOptional(),
    until: z.number().exactOptional(),
    eventType: z.enum(EVENT_TYPES).exactOptional(),
    username: z.string().max(256).exactOptional(),
    client: z.string().max(64).exactOptional(),
    reason: z.string().max(64).exactOptional(),
    success: z.boolean().exactOptional(),
    limit: z.int().min(0).max(EVENTS_MAX),
    follow: z.boolean(),
  }),
  item: AuditEventView,
  result: z.strictObject({ events: z.int() }),
});

export const eventsVerify = operation("events-verify", {
  arguments: nothing,
  item: none,
  result: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("intact"), events: z.int() }),
    z.strictObject({
      kind: z.literal("broken"),
      seq: z.int(),
      problem: z.enum(["gap", "edited"]),
    }),
  ]),
});

export const keyRotate = operation("key-rotate", {
  /** base64 of 32 bytes. */
  arguments: z.strictObject({ newKey: z.base64().length(44) }),
  item: none,
  result: z.strictObject({ resealed: z.int() }),
});

export const backup = operation("backup", {
  arguments: z.strictObject({ path: z.string().startsWith("/").max(4_096) }),
  item: none,
  result: z.strictObject({ bytes: z.int() }),
});

/** A real login, as if a NAS of `client` had sent it. */
export const testLogin = operation("test-login", {
  arguments: z.strictObject({
    client: z.string().min(1).max(64),
    username: octets(253).min(1),
    password: octets(128),
    /** base64: of a challenge that is answered. */
    state: z.base64().max(400).exactOptional(),
  }),
  item: none,
  result: TriedLogin,
});

export const health = operation("health", {
  arguments: nothing,
  item: none,
  result: HealthReport,
});

export const reload = operation("reload", {
  arguments: nothing,
  item: none,
  /** What took effect, or what needs a restart: one line each. */
  result: z.strictObject({ notes: z.array(z.string()) }),
});
