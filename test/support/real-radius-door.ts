// The RADIUS door before the real decision and the real store; only the directory is the test's own.

import type { Test } from "tap";

import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { AuditEvent } from "../../src/core/audit.ts";
import type { Identity } from "../../src/core/ports.ts";
import type { RadiusClient } from "../../src/doors/radius/clients.ts";
import { client, type Kit, memoryLog, openDoor } from "./radius-door.ts";
import { event, MASTER_KEY, newToken, testStore } from "./store.ts";

const BOB: Identity = {
  directory: "corp",
  id: "1",
  username: "bob",
  dn: "uid=bob,dc=example,dc=com",
};

export interface RealKit extends Kit {
  /** What was decided, oldest first; `events` has what the door itself told. */
  decisions(): Promise<AuditEvent[]>;
}

/** For as long as `t`. `isEnrolled`: bob has `newToken`. */
export async function openRealDoor(
  t: Test,
  clients: readonly RadiusClient[] = [client()],
  { isEnrolled = false } = {},
): Promise<RealKit> {
  const test = await testStore({ lockoutOf: () => ({ threshold: 0, observationMs: 1_800_000 }) });
  t.teardown(() => test.end());
  const { store, clock } = test;
  if (isEnrolled) await store.enroll(BOB, newToken, { replace: false }, event());
  const { length } = await store.events({ limit: 10 });
  const log = memoryLog();
  const authenticator = createAuthenticator({
    attempts: store,
    clock,
    log,
    masterKey: MASTER_KEY,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 60_000,
  });
  const kit = await openDoor({ clients, authenticator, clock, log });
  return {
    ...kit,
    clock,
    log,
    decisions: async () => (await store.events({ limit: 1_000 })).slice(length),
  };
}
