// What the core needs from the outside world, and nothing more. Backends implement these;
// the core never learns which engine or server stands behind one.

import type { Secret } from "../lib/secret.ts";
import type { EventDraft } from "./audit.ts";
import type { DirectoryRefusal, Reason } from "./verdict.ts";

/** A dependency that can't answer now. Never a wrong password, never counted, never an accept. */
export class DependencyDown extends Error {
  override readonly name = "DependencyDown";
  /** e.g. "directory:corp" or "store". */
  readonly dependency: string;

  constructor(dependency: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.dependency = dependency;
  }
}

/** The directory's own name for a person: what everything is keyed on. */
export interface Identity {
  /** Name of the directory in the configuration. */
  readonly directory: string;
  /** The immutable id as the directory gives it (entryUUID text, or hex of a binary id). */
  readonly id: string;
  /** The username attribute as the directory returns it; for display. */
  readonly username: string;
  readonly dn: string;
  /** The entry itself says that it is disabled (account control bits, nsAccountLock). */
  readonly isDisabled?: true;
}

export type LookupResult =
  | { readonly kind: "found"; readonly identity: Identity }
  | { readonly kind: "not-found" }
  | { readonly kind: "ambiguous" }
  | { readonly kind: "malformed" };

export type BindResult =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  /** The directory refused for another reason than a wrong password; not counted. */
  | { readonly kind: "refused"; readonly reason: DirectoryRefusal };

/** One directory. Every method throws DependencyDown at its deadline at the latest. */
export interface Directory {
  readonly name: string;
  /** The username as typed; resolved to exactly one entry. At most 60 s old. */
  find(username: string): Promise<LookupResult>;
  /** Binds as the identity's DN. An empty password is a programming error: it never gets here. */
  bind(identity: Identity, password: Secret): Promise<BindResult>;
  /** Which of `groupDns` the person belongs to (as configured, compared as DNs). */
  memberOf(identity: Identity, groupDns: readonly string[]): Promise<ReadonlySet<string>>;
}

export type TotpAlgorithm = "sha1" | "sha256" | "sha512";

/** A one-time-code generator of one account. The secret is opened only to verify. */
export interface Token {
  readonly id: number;
  /** Grows with every reset or re-enrolment; challenges of an older one are void. */
  readonly generation: number;
  readonly algorithm: TotpAlgorithm;
  readonly digits: 6 | 7 | 8;
  readonly periodSeconds: 30 | 60;
  /** Steps up to and including this one are dead. -1: none used yet. */
  readonly lastStep: number;
  /** Learnt offset of the person's clock, in steps. */
  readonly driftSteps: number;
  /** Undefined when the seal can't be opened: the person is refused, alarmed. */
  readonly secret: Secret | undefined;
}

/** What the store knows of a person. A person never seen before has an account of defaults. */
export interface Account {
  /** Row id; undefined while nothing has been stored. */
  readonly id: number | undefined;
  readonly token: Token | undefined;
  /** An administrator demands a factor; until then (ms UTC) it may be missing. */
  readonly requirement: { readonly until: number } | undefined;
  /** An administrator's stand-in for a lost device: keyed hash of the code, ms UTC of its end. */
  readonly bypass: { readonly codeHash: string; readonly until: number } | undefined;
  readonly passwordFailures: number;
  readonly codeFailures: number;
  /** Wrong codes with a right password since the last verified code. */
  readonly suspicion: number;
}

/** Times are milliseconds; durations of 0 mean: until an administrator unlocks. */
export interface LockoutRules {
  readonly attempts: number;
  readonly windowMs: number;
  readonly durationMs: number;
  readonly countPasswordFailures: boolean;
  readonly countCodeFailures: boolean;
}

/** When a directory itself locks people out. */
export interface DirectoryLockout {
  /** Failed binds after which it locks; 0: never. */
  readonly threshold: number;
  /** How long it remembers a failed bind, from the last one, ms. */
  readonly observationMs: number;
}

export type Begun =
  | { readonly kind: "begun"; readonly reservation: Reservation; readonly account: Account }
  | {
      readonly kind: "refused";
      readonly reason: Extract<Reason, "account-locked" | "too-many-attempts" | "identity-changed">;
    };

/** An attempt under way. Opaque; finished exactly once. */
export interface Reservation {
  readonly identity: Identity;
  /** False when another failed bind could reach the directory's own threshold. */
  readonly mayAskDirectory: boolean;
}

/** What an attempt turned out to be; the one transaction that ends it records all of this. */
export interface Ending {
  /** accept: both counters cleared · failed: counted · neutral: nothing counted, nothing cleared. */
  readonly result: "accept" | "failed-password" | "failed-code" | "neutral";
  /** The code step to claim; without winning it an accept becomes a refusal. */
  readonly claim?:
    | {
        readonly token: number;
        readonly generation: number;
        readonly step: number;
        readonly driftSteps: number;
      }
    | undefined;
  /** A code was right (whatever the rest): code failures and suspicion are cleared. */
  readonly codeVerified: boolean;
  /** What the directory said, for the shield; right-earlier: before the challenge was sent. */
  readonly bind: "unasked" | "right" | "right-earlier" | "wrong";
  /** Hash of the bypass code that stood in for a code: without it an accept becomes a refusal. */
  readonly bypass?: string | undefined;
  /** Hash of the recovery code to claim; without winning it an accept becomes a refusal. */
  readonly recovery?: string | undefined;
  /** When the claim or a late lock refuses an accept, it is recorded as a refusal, with the reason. */
  readonly event: EventDraft;
}

export type Recorded =
  | { readonly kind: "recorded" }
  | {
      readonly kind: "lost";
      readonly reason: Extract<Reason, "mfa-code-replayed" | "account-locked" | "token-changed">;
    };

/** Attempts, counters, locks and claims. Every promise resolves only once it is durable. */
export interface Attempts {
  /**
   * Finds (or makes up) the account, refuses if it is locked, reserves a place below the limit.
   * `source` is the person's own address or device: one with a code success in the last 30 days
   * has counters and locks of its own, so that strangers can't lock a person out everywhere.
   */
  begin(identity: Identity, source: string | undefined): Promise<Begun>;
  /** The same for a challenge answered: the account by its row id, the identity as stored. */
  resume(account: number, source: string | undefined): Promise<Begun>;
  /** An administrator has locked this person; nothing is reserved. */
  isLocked(identity: Identity): Promise<boolean>;
  /** Keys the hashes of recovery codes; a rotation of the master key leaves it as it is. */
  readonly recoveryKey: Secret;
  /** Claims nothing. unknown: not, or no longer, one of this account's. */
  findRecovery(account: number, codeHash: string): Promise<"unused" | "used" | "unknown">;
  finish(reservation: Reservation, ending: Ending): Promise<Recorded>;
  /** Ends an attempt of which nothing is known: neither counted nor cleared; the event is kept. */
  abandon(reservation: Reservation, event: EventDraft): Promise<void>;
  /** True exactly once per nonce, whoever asks, for all time until `expiresAt` (ms UTC). */
  claimNonce(nonce: string, expiresAt: number): Promise<boolean>;
  /** An event that belongs to no account. */
  record(event: EventDraft): Promise<void>;
}

/** Small facts a door learns and must not forget over a restart. Bounded by the caller. */
export interface Learnt {
  load(kind: LearntKind): Promise<readonly string[]>;
  remember(kind: LearntKind, key: string): Promise<void>;
}
type LearntKind = "message-authenticator";
