// A store in a temporary folder, and small ways to write a login down in one line.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { EventDraft } from "../../src/core/audit.ts";
import type { Ending, Identity, LockoutRules, Recorded } from "../../src/core/ports.ts";
import { openStore, type Store, type StoreOptions } from "../../src/backends/store/store.ts";
import { uuidv7 } from "../../src/lib/random.ts";
import { Secret } from "../../src/lib/secret.ts";
import { fakeClock, type FakeClock } from "./clock.ts";

export const MASTER_KEY = Secret.of(Buffer.alloc(32, 0x4b));

export const RULES: LockoutRules = {
  attempts: 6,
  windowMs: 30 * 60_000,
  durationMs: 10 * 60_000,
  countPasswordFailures: true,
  countCodeFailures: true,
};

export interface TestStore {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly path: string;
  readonly alarms: string[];
  readonly options: StoreOptions;
  /** Closes, then opens the same file again. */
  reopen(more?: Partial<StoreOptions>): Promise<Store>;
  end(): Promise<void>;
}

export async function testStore(more: Partial<StoreOptions> = {}): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-store-"));
  const clock = fakeClock();
  const alarms: string[] = [];
  const options: StoreOptions = {
    path: join(folder, "store", "gatehouse.db"),
    durability: "normal",
    masterKey: MASTER_KEY,
    retentionMs: 90 * 86_400_000,
    rules: RULES,
    lockoutOf: () => ({ threshold: 10, observationMs: 1_800_000 }),
    clock,
    alarm: (kind) => alarms.push(kind),
    ...more,
  };
  let store = await openStore(options);
  return {
    get store() {
      return store;
    },
    clock,
    path: options.path,
    alarms,
    options,
    async reopen(other = {}) {
      await store.close();
      store = await openStore({ ...options, ...other });
      return store;
    },
    async end() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function person(name: string, id = `id-${name}`): Identity {
  return { directory: "corp", id, username: name, dn: `uid=${name},dc=example,dc=org` };
}

export function event(more: Partial<EventDraft> = {}): EventDraft {
  const now = Date.UTC(2027, 0, 15, 8);
  return {
    id: uuidv7(now),
    timestamp: new Date(now).toISOString(),
    service: "radius",
    event_type: "radius_auth_attempt",
    success: false,
    initiated_by: { type: "user" },
    ...more,
  };
}

/** One whole attempt; the reason when it couldn't even begin. */
export async function attempt(
  store: Store,
  who: Identity,
  ending: Partial<Ending> & Pick<Ending, "result">,
  source?: string,
): Promise<Recorded["kind"] | "account-locked" | "too-many-attempts" | "identity-changed"> {
  const begun = await store.begin(who, source);
  if (begun.kind === "refused") return begun.reason;
  const base = { codeVerified: false, bind: "unasked", event: event() } as const;
  return (await store.finish(begun.reservation, { ...base, ...ending })).kind;
}

export const newToken = {
  secret: Secret.of("12345678901234567890"),
  algorithm: "sha1",
  digits: 6,
  periodSeconds: 30,
} as const;
