// Recovery codes as the person gets them. Invariant: they leave once, in the answer to the request that
// made them, and only after they are stored.

import { generateRecoveryCodes, hashRecoveryCode } from "../../../core/recovery.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { recoveryPage } from "../../../web/portal/recovery.ts";
import { type Answer, type Context, personEventOf, show, type SignedIn } from "./context.ts";

export interface NewRecoveryCodes {
  /** To be shown. */
  readonly codes: readonly string[];
  /** To be kept. */
  readonly hashes: readonly string[];
}

export function newRecoveryCodes({ administration }: Context): NewRecoveryCodes {
  const codes = generateRecoveryCodes();
  const { recoveryKey } = administration;
  return { codes, hashes: codes.map((code) => hashRecoveryCode(recoveryKey, code)) };
}

/** In the place of those there were. */
export async function replaceRecoveryCodes(visit: SignedIn): Promise<Answer> {
  const { context, session, frame } = visit;
  const { codes, hashes } = newRecoveryCodes(context);
  const event = personEventOf(visit, "recovery_codes_generated", {
    recovery_codes: hashes.length,
  });
  const outcome = await context.administration.replaceRecovery(session.identity, hashes, event);
  if (outcome !== "generated") return show(messagePage(frame, "changed"), 409);
  return show(recoveryPage(frame, codes));
}
