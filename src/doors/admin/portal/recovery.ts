// Recovery codes as the person gets them. Invariant: they leave once, in the answer to the request that
// made them, and only after they are stored.

import { newRecoveryCodes } from "../../../core/recovery.ts";
import { messagePage } from "../../../web/portal/message.ts";
import { recoveryPage } from "../../../web/portal/recovery.ts";
import { type Answer, personEventOf, show, type SignedIn } from "./context.ts";

/** In the place of those there were. */
export async function replaceRecoveryCodes(visit: SignedIn): Promise<Answer> {
  const { context, session, frame } = visit;
  const { codes, hashes } = newRecoveryCodes(context.administration.recoveryKey);
  const event = personEventOf(visit, "recovery_codes_generated", {
    recovery_codes: hashes.length,
  });
  const outcome = await context.administration.replaceRecovery(session.identity, hashes, event);
  if (outcome !== "generated") return show(messagePage(frame, "changed"), 409);
  return show(recoveryPage(frame, codes));
}
