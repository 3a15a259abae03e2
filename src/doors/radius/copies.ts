// Fail-over copies: the NAS, out of patience, sends the same login to another of our addresses with
// a new identifier and authenticator. It is the same attempt and gets the same verdict.
// Invariant: no password is kept, only a digest under a key that dies with the process.

import type { Decision } from "../../core/attempt.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import { randomBytes } from "../../lib/random.ts";
import { keyedHash } from "../../lib/keyed-hash.ts";
import { Secret } from "../../lib/secret.ts";
import { ATTRIBUTE, type Attribute, find } from "../../wire/radius/attributes.ts";

/** What a login came to; overload: it was never tried. */
export type Outcome = Decision | "overload";

interface CopyParts {
  readonly client: string;
  readonly username: string;
  readonly credentials: Secret;
  readonly state: Buffer | undefined;
  readonly attributes: readonly Attribute[];
}

export interface Copies {
  /** Undefined when nothing in the packet tells two people behind one NAS apart. */
  key(parts: CopyParts): string | undefined;
  /** The outcome of the login this is a copy of, also while that still runs; else `start`'s. */
  share(key: string, nowMs: number, start: () => Promise<Outcome>): Promise<Outcome>;
  /** A challenge that was answered is over: the next login is a new one, not its copy. */
  spend(state: Buffer, nowMs: number): void;
  clear(): void;
}

// NASes change servers after 3 attempts of 3 to 5 seconds.
const LIFETIME_MS = 15_000;
// All of 15 s at 3,000 logins a second; beyond it the oldest leave early and count as replays.
const OUTCOMES_MAX = 50_000;
const KEY_BYTES = 32;

export function createCopies(): Copies {
  const processKey = Secret.of(randomBytes(KEY_BYTES));
  const limits = { lifetimeMs: LIFETIME_MS, entriesMax: OUTCOMES_MAX };
  const outcomes = new ExpiringMap<string, Promise<Outcome>>(limits);
  const challenges = new ExpiringMap<string, string>(limits);

  async function begin(
    key: string,
    nowMs: number,
    start: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const running = start();
    outcomes.set(key, running, nowMs);
    const outcome = await running.catch((error: unknown) => {
      outcomes.delete(key);
      throw error;
    });
    if (outcome === "overload" || outcome.verdict.outcome === "unavailable") {
      if (outcomes.find(key, nowMs) === running) outcomes.delete(key);
    } else if (outcome.state !== undefined) {
      challenges.set(outcome.state.toString("latin1"), key, nowMs);
    }
    return outcome;
  }

  return {
    key: (parts) => copyKey(processKey, parts),
    share: (key, nowMs, start) => outcomes.find(key, nowMs) ?? begin(key, nowMs, start),
    spend(state, nowMs) {
      const text = state.toString("latin1");
      const key = challenges.find(text, nowMs);
      if (key === undefined) return;
      challenges.delete(text);
      outcomes.delete(key);
    },
    clear() {
      outcomes.clear();
      challenges.clear();
    },
  };
}

function copyKey(processKey: Secret, parts: CopyParts): string | undefined {
  const { attributes, state } = parts;
  const station = find(attributes, ATTRIBUTE.callingStationId)?.value;
  const port = find(attributes, ATTRIBUTE.nasPort)?.value;
  if (station === undefined && port === undefined) return undefined;
  const fields = [
    Buffer.from(parts.client),
    Buffer.from(parts.username),
    parts.credentials.reveal(),
    state,
    station,
    port,
  ];
  // Absent isn't empty, and no two lists of fields look alike.
  const lengths = fields.map((field) => field?.length ?? -1).join(" ");
  const present = fields.filter((field) => field !== undefined);
  const message = Buffer.concat([Buffer.from(`${lengths}\0`), ...present]);
  const key = keyedHash(processKey, message, "latin1");
  message.fill(0);
  return key;
}
