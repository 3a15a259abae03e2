// The RADIUS door before the real decision, with a store that lives as long as the test.
// Invariant: the store keeps what the decision rests on (nonces, steps) and locks nobody.

import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { EventDraft } from "../../src/core/audit.ts";
import type { Account, Attempts, Identity, Reservation, Token } from "../../src/core/ports.ts";
import type { RadiusClient } from "../../src/doors/radius/clients.ts";
import { Secret } from "../../src/lib/secret.ts";
import { fakeClock } from "./clock.ts";
import { client, type Kit, memoryLog, openDoor } from "./radius-door.ts";

const BOB: Identity = { directory: "corp", id: "1", username: "bob", dn: "uid=bob" };

/** Everybody is bob; `token` is his. */
function openAttempts(events: EventDraft[], token: Token | undefined): Attempts {
  const nonces = new Set<string>();
  let lastStep = token?.lastStep ?? -1;
  const reservation: Reservation = { identity: BOB, mayAskDirectory: true };
  const account = (): Account => ({
    id: 1,
    token: token === undefined ? undefined : { ...token, lastStep },
    requirement: undefined,
    bypass: undefined,
    passwordFailures: 0,
    codeFailures: 0,
    suspicion: 0,
  });
  const begun = async (): ReturnType<Attempts["begin"]> => ({
    kind: "begun",
    reservation,
    account: account(),
  });
  return {
    begin: begun,
    resume: begun,
    async finish(_, { event, claim }) {
      if (claim !== undefined && claim.step <= lastStep) {
        events.push({ ...event, success: false, reason: "mfa-code-replayed" });
        return { kind: "lost", reason: "mfa-code-replayed" };
      }
      lastStep = claim?.step ?? lastStep;
      events.push(event);
      return { kind: "recorded" };
    },
    abandon: async (_, event) => void events.push(event),
    claimNonce: async (nonce) => nonces.size < nonces.add(nonce).size,
    record: async (event) => void events.push(event),
  };
}

export interface RealKit extends Kit {
  /** The events of the decision; `events` has the door's own. */
  readonly decisions: EventDraft[];
}

export async function openRealDoor(
  clients: readonly RadiusClient[] = [client()],
  token?: Token,
): Promise<RealKit> {
  const decisions: EventDraft[] = [];
  const clock = fakeClock();
  const log = memoryLog();
  const authenticator = createAuthenticator({
    attempts: openAttempts(decisions, token),
    clock,
    log,
    masterKey: Secret.of(Buffer.alloc(32, 7)),
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 60_000,
  });
  const kit = await openDoor({ clients, authenticator, clock, log });
  return { ...kit, clock, log, decisions };
}
