// What a door hands to the core for one login, and what it gets back. Nothing here knows the
// protocol; the door fills in what its protocol can say and translates the answer.

import type { Secret } from "../lib/secret.ts";
import type { EventDraft, EventType, Service } from "./audit.ts";
import type { BindResult, Directory, Identity } from "./ports.ts";
import type { CodeMode, Help, MfaMode, Reason, Verdict } from "./verdict.ts";

/** What the door's configuration demands of this login. */
export interface Demand {
  readonly mfa: MfaMode;
  readonly code: CodeMode;
  /** Between password and code; "" means the last N digits. */
  readonly separator: string;
  /** Whether the door can ask a question and wait for the answer. */
  readonly canChallenge: boolean;
  /** Whoever has let the time to enrol pass is refused, also where `mfa` would let them in. */
  readonly endsWithPeriod?: boolean;
  /** Empty: everyone in the directory. DNs. */
  readonly allowGroups: readonly string[];
  /** Groups that decide reply attributes: looked up only for an accept. DNs. */
  readonly replyGroups: readonly string[];
}

/** The fields of the audit event that only the door knows. */
export interface DoorFacts {
  readonly service: Service;
  readonly attemptEvent: EventType;
  readonly challengeEvent: EventType;
  readonly authType: string;
  readonly requestId: string;
  /** Configured name of the client or listener. */
  readonly client: string;
  readonly nas?: EventDraft["nas"];
  readonly app?: EventDraft["app"];
  readonly connection?: Pick<EventDraft, "connection_id" | "operation_number" | "tls_established">;
  /** The person's own address or device, if the door knows it; never a NAS's own address. */
  readonly endUser?: string;
}

/** The same login again (core/rebind.ts), where a door has that. */
export interface RebindRules {
  /** 0: never. */
  readonly windowMs: number;
  /** Of the client, as the door knows it. */
  readonly address: string;
  /** What an administrator would change to allow it. */
  readonly setting: string;
}

/** Whether somebody is a service account: asked for no code here, or refused from here. */
export type ServiceFact = "person" | "exempt" | "elsewhere";

export interface Attempt {
  /** Exactly as the client sent it (valid UTF-8, no control characters: the door checks). */
  readonly username: string;
  /** The password field as sent: password, or password and code. */
  readonly credentials: Secret;
  /** Where the door has a field of its own for the code: the password field is never split. */
  readonly codeField?: { readonly typed: Secret | undefined };
  readonly directory: Directory;
  readonly demand: Demand;
  readonly door: DoorFacts;
  /** When the request arrived, monotonic ms, where it may have waited since. */
  readonly receivedAt?: number;
  /** Asks the directory over a connection of the door's own; throws as Directory.bind does. */
  readonly bind?: (identity: Identity, password: Secret) => Promise<BindResult>;
  /** Undefined: everybody is a person here. */
  readonly serviceOf?: (identity: Identity) => ServiceFact;
  readonly rebind?: RebindRules;
}

/** The answer to a challenge. */
export interface ChallengeAnswer extends Attempt {
  /** The State attribute as it came back: opened, checked and claimed by the core. */
  readonly state: Buffer;
}

export interface Decision {
  readonly verdict: Verdict;
  /** Known once the directory found the person. */
  readonly identity?: Identity | undefined;
  /** Of demand.replyGroups, those the person is in; only on accept. */
  readonly groups: ReadonlySet<string>;
  /** What the person may be told besides; only after a right password. */
  readonly help?: Help | undefined;
  /** Opaque State, <= 253 bytes; only on challenge. */
  readonly state?: Buffer | undefined;
}

/** What a door calls. Never throws: a fault is a verdict. */
export interface Authenticator {
  login(attempt: Attempt): Promise<Decision>;
  answer(answer: ChallengeAnswer): Promise<Decision>;
  /** Whether the State is that of an open challenge of this login; nothing is claimed. */
  opens(answer: ChallengeAnswer): boolean;
  /** A request refused before any login could be tried: one event, no counting. */
  refuse(door: DoorFacts & { readonly username?: string }, reason: Reason): Promise<void>;
}
