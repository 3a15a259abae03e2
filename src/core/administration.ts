// What an administrator may ask of the store: people, tokens, locks, events, keys. Doors for
// administrators (control socket now, web later) use this port; every change writes its own event.

import type { Secret } from "../lib/secret.ts";
import type { AuditEvent, EventDraft, EventType } from "./audit.ts";
import type { Identity, TotpAlgorithm } from "./ports.ts";
import type { Requirement, RequirementChange } from "./requirement.ts";

/** A token to store. `secret` is the raw key, 16-64 bytes. */
export interface NewToken {
  readonly secret: Secret;
  readonly algorithm: TotpAlgorithm;
  readonly digits: 6 | 7 | 8;
  readonly periodSeconds: 30 | 60;
  /** The step of the code that proved the enrolment, which is used then; none: all are open. */
  readonly lastStep?: number;
}

interface EnrolOptions {
  readonly replace: boolean;
  /** Keyed hashes; without them the person has none. */
  readonly recovery?: readonly string[];
  /**
   * The person does it: never once an administrator has locked them, nor in the place of a token that
   * was reset since it was proven. Only the transaction can tell.
   */
  readonly byPerson?: true;
}

/** A row of an import: the directory is not asked; the first login binds it to a person. */
export interface ImportRow extends NewToken {
  /** As it stood in the file; normalised by the store. */
  readonly username: string;
  /** Line in the file, for the report. */
  readonly line: number;
}

export interface ImportProblem {
  readonly line: number;
  readonly problem: "already-has-token" | "duplicate-name" | "malformed-username";
}

/** How to find a person in the store: by the immutable id where it is known, else by the name. */
export interface PersonName {
  readonly directory: string;
  readonly id?: string | undefined;
  readonly username: string;
}

/** Nothing is stored about them; or something is, under this name, about somebody else. */
export type NoPerson = "unknown" | "identity-changed";

export type Enrolment = "enrolled" | "pending" | "in-period" | "period-expired" | "not-required";

/** What may be shown of a person: no secret has a field here. Times are ms UTC. */
export interface Person {
  readonly directory: string;
  /** Undefined while an import waits for the first login. */
  readonly id: string | undefined;
  readonly username: string;
  readonly enrolment: Enrolment;
  readonly token:
    | {
        readonly algorithm: TotpAlgorithm;
        readonly digits: number;
        readonly periodSeconds: number;
        readonly enrolledAt: number;
        readonly lastUsedAt: number | undefined;
        readonly suspended: boolean;
      }
    | undefined;
  readonly requirementUntil: number | undefined;
  readonly requirementOf: Requirement["of"] | undefined;
  /** "administrator": until someone unlocks. */
  readonly lockedUntil: number | "administrator" | undefined;
  readonly passwordFailures: number;
  readonly codeFailures: number;
  readonly bypassUntil: number | undefined;
  /** Not used yet. */
  readonly recoveryCodesLeft: number;
}

export interface EventQuery {
  readonly afterSeq?: number;
  /** Only without `afterSeq`. */
  readonly beforeSeq?: number;
  /** ms UTC, inclusive / exclusive. */
  readonly since?: number;
  readonly until?: number;
  readonly eventType?: EventType;
  readonly username?: string;
  /** Of a refusal, of a dropped packet, of an outage. */
  readonly reason?: string;
  readonly success?: boolean;
  readonly client?: string;
  /** Newest `limit` matches, returned oldest first; at most 10,000. */
  readonly limit: number;
}

export type ChainReport =
  | { readonly kind: "intact"; readonly events: number }
  | { readonly kind: "broken"; readonly seq: number; readonly problem: "gap" | "edited" };

/** Each change takes the event that describes it and commits both or neither. */
export interface Administration {
  /** One transaction per call; the caller sends slices (<= 2,000 rows) to show progress. */
  importTokens(
    directory: string,
    rows: readonly ImportRow[],
    options: { readonly replace: boolean },
    /** Kept with the number of tokens that were taken as its `count`. */
    event: EventDraft,
  ): Promise<{ readonly imported: number; readonly problems: readonly ImportProblem[] }>;
  /** Keys the hashes of recovery codes (core/recovery.ts). */
  readonly recoveryKey: Secret;
  /**
   * Gives a person a token, active at once; an existing one is replaced only if told to, and the
   * recovery codes beside it with it.
   */
  enroll(
    identity: Identity,
    token: NewToken,
    options: EnrolOptions,
    event: EventDraft,
  ): Promise<"enrolled" | "already-has-token" | "no-token" | "locked" | "identity-changed">;
  /** New recovery codes beside the token, as keyed hashes; the old ones are void. */
  replaceRecovery(
    identity: Identity,
    codeHashes: readonly string[],
    event: EventDraft,
  ): Promise<"generated" | "no-token" | "identity-changed">;
  /** Removes token, recovery codes, bypass and suspension; open challenges die with the generation. */
  resetToken(
    person: PersonName,
    event: EventDraft,
  ): Promise<"reset" | "bypass-revoked" | "no-token" | NoPerson>;
  /** Clears locks and counters, never the directory's shield. */
  unlock(person: PersonName, event: EventDraft): Promise<"unlocked" | "not-locked" | NoPerson>;
  /**
   * An administrator's lock; new logins are refused until unlock. An identity is locked although it
   * was never seen here.
   */
  lock(person: PersonName | Identity, event: EventDraft): Promise<"locked" | NoPerson>;
  /** Ends a bypass before its time. */
  revokeBypass(person: PersonName, event: EventDraft): Promise<"revoked" | "no-bypass" | NoPerson>;
  /** The event is kept only for a change, with the end of the period before and after. */
  changeRequirement(
    identity: Identity,
    change: RequirementChange,
    event: EventDraft,
  ): Promise<"changed" | "unchanged" | "identity-changed">;
  /** codeHash: keyed hash of the bypass code (see core/bypass.ts). */
  grantBypass(
    identity: Identity,
    codeHash: string,
    until: number,
    event: EventDraft,
  ): Promise<"granted" | "identity-changed">;
  /** Gives an account that carries this name to the identity that has it now. */
  relink(
    identity: Identity,
    options: { readonly dryRun: boolean },
    event: EventDraft,
  ): Promise<"relinked" | "would-relink" | "not-needed">;
  findPerson(person: PersonName): Promise<Person | NoPerson>;
  /** By username, keyset paging. */
  listPeople(options: {
    readonly directory?: string;
    readonly afterUsername?: string;
    readonly withToken?: boolean;
    readonly limit: number;
  }): Promise<readonly Person[]>;
  /** Logins go on meanwhile. Once `signal` is aborted: what was found until then. */
  events(query: EventQuery, signal?: AbortSignal): Promise<readonly AuditEvent[]>;
  /** Logins go on meanwhile. Rejects once `signal` is aborted. */
  verifyEvents(signal?: AbortSignal): Promise<ChainReport>;
  /** Seals every secret under a new key, all or none: nothing else is written meanwhile. */
  rotateKey(newKey: Secret, event: EventDraft): Promise<{ readonly resealed: number }>;
  /** A consistent copy to a file that must not exist yet, mode 0600. */
  backup(path: string, event: EventDraft): Promise<{ readonly bytes: number }>;
}
