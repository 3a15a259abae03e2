// From what a script writes about a person's second factor to the end of the period for it.

import { z } from "zod";

import type { Listed } from "../../../core/roster.ts";
import type { Clock } from "../../../lib/clock.ts";
import { ApiError } from "./route.ts";
import { moment } from "./shapes.ts";

const DAY_MS = 86_400_000;
const DAYS_MAX = 365;

/** The reference system's fields of a user, as far as they are about this. */
export const requirementChange = z.strictObject({
  enable_user_portal_multifactor: z.boolean().exactOptional(),
  mfa: z
    .strictObject({
      /** false: the time for it is over. */
      exclusion: z.boolean().exactOptional(),
      exclusionUntil: moment.exactOptional(),
    })
    .exactOptional(),
});
type RequirementChange = z.infer<typeof requirementChange>;

interface ChangedRequirement {
  /** ms UTC; undefined: nothing is demanded. */
  readonly until: number | undefined;
  /** Another person than one who may extend a period has to decide about it. */
  readonly isMoreThanExtended: boolean;
}

/** Throws ApiError for what contradicts itself. */
export function changedRequirement(
  { enable_user_portal_multifactor: isRequired, mfa = {} }: RequirementChange,
  { person }: Listed,
  { clock, periodMs }: { readonly clock: Clock; readonly periodMs: () => number },
): ChangedRequirement {
  const now = clock.now();
  const before = person.requirementUntil;
  const { exclusion, exclusionUntil } = mfa;
  const hasPeriod = exclusion !== undefined || exclusionUntil !== undefined;
  if (isRequired === false) {
    if (hasPeriod)
      throw new ApiError(400, "body: a period is for people of whom a factor is demanded");
    return { until: undefined, isMoreThanExtended: before !== undefined };
  }
  if (isRequired === undefined && before === undefined && hasPeriod) {
    const remedy = "send enable_user_portal_multifactor: true with it";
    throw new ApiError(409, `nothing is demanded of this person: ${remedy}`);
  }
  if (exclusion === false) {
    if (exclusionUntil !== undefined) {
      throw new ApiError(400, "body: exclusionUntil needs exclusion true");
    }
    return { until: now, isMoreThanExtended: true };
  }
  if (exclusionUntil === undefined) {
    const until = isRequired === true ? (before ?? now + periodMs()) : before;
    return { until, isMoreThanExtended: until !== before };
  }
  const until = Date.parse(exclusionUntil);
  if (until <= now || until > now + DAYS_MAX * DAY_MS) {
    throw new ApiError(400, `body.mfa.exclusionUntil: has to lie within the next ${DAYS_MAX} days`);
  }
  return { until, isMoreThanExtended: before === undefined || until < before };
}
