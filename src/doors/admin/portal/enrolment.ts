// A token in three steps. Invariants: until a right code confirms it, a secret is nowhere but in this
// process's memory and on the person's screen; it becomes a token in one transaction or not at all; a
// token that is there is replaced only after it was proven, and lives until the new one does.

import { checkCode } from "../../../core/totp.ts";
import { newRecoveryCodes, type NewRecoveryCodes } from "../../../core/recovery.ts";
import { encodeBase32 } from "../../../lib/base32.ts";
import { encodeKeyUri } from "../../../lib/key-uri.ts";
import { randomBytes } from "../../../lib/random.ts";
import { Secret } from "../../../lib/secret.ts";
import {
  appPage,
  codePage,
  donePage,
  scanPage,
  type Occasion,
} from "../../../web/portal/enrolment.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { daysLeft } from "../../../web/time.ts";
import {
  type Answer,
  findPerson,
  goTo,
  mayEnrolFrom,
  personEventOf,
  show,
  type SignedIn,
} from "./context.ts";
import { COOKIE } from "./guard.ts";
import { withoutSpaces } from "./login.ts";
import { goOut } from "./sign-in.ts";
import type { Enrolling } from "./sessions.ts";

// RFC 4226 §4 R6: 160 bits. What every app can do (T05).
const SECRET_BYTES = 20;
const KIND = { algorithm: "sha1", digits: 6, periodSeconds: 30 } as const;
// Guessing one secret's code this often succeeds once in seventy thousand times.
const WRONG_CODES_MAX = 5;

export async function showApps(visit: SignedIn): Promise<Answer> {
  const occasion = await occasionOf(visit);
  return isOccasion(occasion) ? show(appPage(visit.frame, occasion)) : occasion;
}

export async function beginEnrolment(visit: SignedIn): Promise<Answer> {
  const occasion = await occasionOf(visit);
  if (!isOccasion(occasion)) return occasion;
  const { isReplacing } = occasion;
  // The same key as long as it is the same attempt: a step back and forth makes no second entry.
  if (visit.session.enrolling?.isReplacing !== isReplacing) await newKey(visit, { isReplacing });
  return goTo("/enrol/scan");
}

export async function showKey(visit: SignedIn): Promise<Answer> {
  const occasion = await occasionOf(visit);
  if (!isOccasion(occasion)) return occasion;
  const { context, session, frame } = visit;
  const { enrolling } = session;
  if (enrolling === undefined) return goTo("/enrol");
  const { secret, isNewKey } = enrolling;
  const { username } = session.identity;
  const uri = encodeKeyUri({ issuer: context.issuer(), username, secret, ...KIND });
  const key = encodeBase32(secret.reveal());
  return show(scanPage(frame, { ...occasion, uri, key, isNewKey }));
}

export async function showCode(visit: SignedIn): Promise<Answer> {
  const occasion = await occasionOf(visit);
  if (!isOccasion(occasion)) return occasion;
  if (visit.session.enrolling === undefined) return goTo("/enrol");
  return show(codePage(visit.frame, occasion, false));
}

export async function finishEnrolment(
  visit: SignedIn,
  { code }: { readonly code: string },
): Promise<Answer> {
  const occasion = await occasionOf(visit);
  if (!isOccasion(occasion)) return occasion;
  const { context, session, frame } = visit;
  const { enrolling } = session;
  if (enrolling?.isReplacing !== occasion.isReplacing) return goTo("/enrol");
  const step = findStep(visit, enrolling, withoutSpaces(code));
  if (step === undefined) {
    enrolling.wrongCodes += 1;
    if (enrolling.wrongCodes < WRONG_CODES_MAX) {
      return show(codePage(frame, occasion, true), 422);
    }
    await newKey(visit, { isReplacing: occasion.isReplacing, isNewKey: true });
    return goTo("/enrol/scan");
  }
  // Before anything is waited for: the same code sent twice confirms once, and the factor is this
  // session's own from the moment it is there.
  const { isPasswordOnly } = session;
  Object.assign(session, { enrolling: undefined, isPasswordOnly: false });
  const recovery = newRecoveryCodes(context.administration.recoveryKey);
  const outcome = await enroll(visit, enrolling, step, recovery).catch((error: unknown) => {
    Object.assign(session, { enrolling, isPasswordOnly });
    throw error;
  });
  if (outcome !== "enrolled") {
    session.isPasswordOnly = isPasswordOnly;
    return show(messagePage(frame, "changed"), 409);
  }
  session.provenUntil = 0;
  context.sessions.endAll(session.identity, "factor-changed", session);
  const id = context.sessions.renew(visit.id);
  return id === undefined
    ? goOut()
    : show(donePage(frame, recovery.codes), 200, { "set-cookie": COOKIE.set(id) });
}

/** The step that the code belongs to; undefined for a code that is none of this secret's. */
function findStep({ context }: SignedIn, { secret }: Enrolling, code: string): number | undefined {
  if (!/^[0-9]{6}$/.test(code)) return undefined;
  const token = { ...KIND, lastStep: -1, driftSteps: 0 };
  const now = context.clock.now();
  const check = checkCode(token, secret, Secret.of(code), now, context.window());
  return check.kind === "right" ? check.step : undefined;
}

/** RFC 6238 §5.2: the code that confirms is used up, so its step is the last one. */
function enroll(
  visit: SignedIn,
  { secret, isReplacing }: Enrolling,
  lastStep: number,
  { hashes }: NewRecoveryCodes,
): Promise<string> {
  const { context, session } = visit;
  const event = personEventOf(visit, "totp_finish_enrollment", {
    algorithm: KIND.algorithm,
    digits: KIND.digits,
    period_seconds: KIND.periodSeconds,
    recovery_codes: hashes.length,
    replaced: isReplacing,
  });
  const token = { secret, ...KIND, lastStep };
  const options = { replace: isReplacing, recovery: hashes, byPerson: true } as const;
  return context.administration.enroll(session.identity, token, options, event);
}

async function newKey(
  visit: SignedIn,
  { isReplacing, isNewKey = false }: Pick<Enrolling, "isReplacing"> & { isNewKey?: boolean },
): Promise<void> {
  const secret = Secret.of(randomBytes(SECRET_BYTES));
  visit.session.enrolling = { secret, isReplacing, isNewKey, wrongCodes: 0 };
  await visit.context.attempts.record(
    personEventOf(visit, "totp_start_enrollment", { replaced: isReplacing }),
  );
}

/** Why somebody enrols now, or the reply that says why they can't. */
async function occasionOf(visit: SignedIn): Promise<Occasion | Answer> {
  const { context, session, frame } = visit;
  const person = await findPerson(visit);
  if (person === undefined) {
    context.sessions.end(visit.id, "revoked");
    return show(messagePage(frame, "changed"), 409);
  }
  if (person.token !== undefined) {
    if (session.provenUntil <= context.clock.monotonic()) return goTo("/replace");
    return { isReplacing: true, daysLeft: undefined };
  }
  if (person.enrolment === "period-expired") {
    return show(messagePage(frame, "expired"), 403);
  }
  if (!mayEnrolFrom(visit)) return show(messagePage(frame, "elsewhere"), 403);
  const { requirementUntil: until } = person;
  const left = until === undefined ? undefined : daysLeft(until, context.clock.now());
  return { isReplacing: false, daysLeft: left };
}

function isOccasion(answer: Occasion | Answer): answer is Occasion {
  return "isReplacing" in answer;
}
