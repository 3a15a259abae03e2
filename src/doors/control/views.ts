// What an operator sees of people, tokens, events and the gateway, as checked shapes.
// Invariant: fields are listed one by one, so that nothing else leaves the gateway.

import { z } from "zod";

import { EVENT_TYPES, SERVICES } from "../../core/audit.ts";
import { ROLES } from "../../core/permissions.ts";
import { REQUIRED_OF } from "../../core/requirement.ts";

const algorithm = z.enum(["sha1", "sha256", "sha512"]);
const digits = z.union([z.literal(6), z.literal(7), z.literal(8)]);
const periodSeconds = z.union([z.literal(30), z.literal(60)]);

/** One line of an import. */
export const TokenRow = z.strictObject({
  line: z.int().min(1),
  username: z.string().min(1).max(256),
  /** Base32 in upper case; 64 bytes are 103 letters. */
  secret: z.string().max(103),
  algorithm,
  digits,
  periodSeconds,
});
export type TokenRow = z.infer<typeof TokenRow>;

/** Times are ms UTC. */
export const PersonView = z.object({
  directory: z.string(),
  id: z.string().optional(),
  username: z.string(),
  enrolment: z.enum(["enrolled", "pending", "in-period", "period-expired", "not-required"]),
  token: z
    .object({
      algorithm,
      digits: z.number(),
      periodSeconds: z.number(),
      enrolledAt: z.number(),
      lastUsedAt: z.number().optional(),
      suspended: z.boolean(),
    })
    .optional(),
  requirementUntil: z.number().optional(),
  requirementOf: z.enum(REQUIRED_OF).optional(),
  lockedUntil: z.union([z.number(), z.literal("administrator")]).optional(),
  passwordFailures: z.number(),
  codeFailures: z.number(),
  bypassUntil: z.number().optional(),
  recoveryCodesLeft: z.number(),
});
export type PersonView = z.infer<typeof PersonView>;

/** Holds the codes: shown once, each good for one login without the token. */
export const RecoveryCodes = z.strictObject({
  username: z.string(),
  recoveryCodes: z.array(z.string()),
});

/** Holds the secret: shown once, to the operator who gives somebody a token. */
export const ShownToken = z.strictObject({
  username: z.string(),
  /** Base32. */
  secret: z.string(),
  /** otpauth://… with the secret in it. */
  uri: z.string(),
});

export const EnrolledToken = z.strictObject({ ...ShownToken.shape, ...RecoveryCodes.shape });

/** What a NAS would have got. */
export const TriedLogin = z.strictObject({
  reply: z.enum(["accept", "challenge", "reject", "silence"]),
  reason: z.string().optional(),
  attributes: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  /** base64: to be given back with the code. */
  state: z.base64().optional(),
});

export type TriedLogin = z.infer<typeof TriedLogin>;

/** Holds the code: shown once, to be read out to the person. */
export const BypassCode = z.strictObject({
  username: z.string(),
  code: z.string(),
  until: z.number(),
});

/** The fields that a line of text is made of; the others pass as they are. */
/** Times are ms UTC. */
export const AdministratorView = z.strictObject({
  id: z.int(),
  username: z.string(),
  role: z.enum(ROLES),
  state: z.enum(["active", "suspended"]),
  lastLoginAt: z.number().optional(),
  lockedUntil: z.number().optional(),
  keys: z.int(),
});
export type AdministratorView = z.infer<typeof AdministratorView>;

export const AuditEventView = z.looseObject({
  seq: z.number(),
  id: z.string(),
  timestamp: z.string(),
  service: z.enum(SERVICES),
  event_type: z.enum(EVENT_TYPES),
  success: z.boolean(),
  initiated_by: z.looseObject({ type: z.string(), username: z.string().optional() }),
  resource: z.looseObject({ type: z.string(), id: z.string() }).optional(),
  username: z.string().optional(),
  client_ip: z.string().optional(),
  reason: z.string().optional(),
  error_message: z.string().optional(),
  alarm: z.string().optional(),
  nas: z.looseObject({ name: z.string() }).optional(),
  /** What the client got; none: nothing could be decided. */
  reply: z.string().optional(),
  app: z.looseObject({ name: z.string() }).optional(),
  count: z.number().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
export type AuditEventView = z.infer<typeof AuditEventView>;

const part = z.strictObject({
  name: z.string(),
  state: z.enum(["up", "down"]),
  /** What is wrong, or an address or path. */
  detail: z.string().optional(),
});

/** healthy: everything works · degraded: some people are served · failing: nobody is. */
export const HealthReport = z.strictObject({
  status: z.enum(["healthy", "degraded", "failing"]),
  version: z.string(),
  uptimeMs: z.number(),
  store: part,
  directories: z.array(part),
  listeners: z.array(part),
});
export type HealthReport = z.infer<typeof HealthReport>;
