// The messages between the store and its writer thread: every change there is, as plain data. Closed:
// the writer has one function per kind, and nothing else can change the database.

import type { ImportProblem } from "../../core/administration.ts";
import type { AdministratorAnswers, AdministratorWrite } from "./administrator-writes.ts";
import type { TakenMail } from "../../core/mail.ts";
import type { EventText } from "./ledger.ts";
import type { Durability } from "./database.ts";
import type { Ending, LockoutRules, Recorded, TotpAlgorithm } from "../../core/ports.ts";
import type { RequirementChange } from "../../core/requirement.ts";

/** A person as the directory named them, with the normalised name. */
export interface PersonRow {
  readonly directory: string;
  readonly id: string;
  readonly username: string;
  readonly nameKey: string;
  readonly dn: string;
}

export interface TokenRow {
  readonly secret: Uint8Array;
  readonly algorithm: TotpAlgorithm;
  readonly digits: number;
  readonly periodSeconds: number;
  /** -1: none used yet. */
  readonly lastStep: number;
}

export interface ImportedRow extends TokenRow {
  readonly line: number;
  readonly username: string;
  readonly nameKey: string;
}

export interface FinishWrite {
  readonly kind: "finish";
  readonly now: number;
  readonly rules: LockoutRules;
  /** How long the person's directory remembers a failed bind. */
  readonly observationMs: number;
  readonly person: PersonRow;
  /** Keyed hash of the person's own address; "" without one. */
  readonly source: string;
  /** Whether `source` has counters of its own. */
  readonly isKnownSource: boolean;
  readonly ending: Omit<Ending, "event">;
  readonly event: EventText;
}

export type Write =
  | FinishWrite
  | AdministratorWrite
  | { readonly kind: "record"; readonly event: EventText }
  | { readonly kind: "claim-nonce"; readonly nonce: string; readonly expiresAt: number }
  | { readonly kind: "learn"; readonly what: string; readonly key: string }
  | {
      readonly kind: "import";
      readonly directory: string;
      readonly rows: readonly ImportedRow[];
      readonly replace: boolean;
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "enroll";
      readonly person: PersonRow;
      readonly token: TokenRow;
      readonly replace: boolean;
      readonly byPerson: boolean;
      readonly recovery: readonly string[];
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "recovery";
      readonly person: PersonRow;
      readonly hashes: readonly string[];
      readonly event: EventText;
    }
  | {
      readonly kind: "reset";
      readonly account: number;
      readonly now: number;
      readonly event: EventText;
    }
  | { readonly kind: "unlock"; readonly account: number; readonly event: EventText }
  /** `who`: an account, or a person who may have none yet. */
  | { readonly kind: "lock"; readonly who: number | PersonRow; readonly event: EventText }
  | {
      readonly kind: "revoke-bypass";
      readonly account: number;
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "require";
      readonly person: PersonRow;
      readonly change: RequirementChange;
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "bypass";
      readonly person: PersonRow;
      readonly codeHash: string;
      readonly until: number;
      readonly event: EventText;
    }
  | { readonly kind: "relink"; readonly person: PersonRow; readonly event: EventText }
  | { readonly kind: "rotate"; readonly newKey: Uint8Array; readonly event: EventText }
  | { readonly kind: "trim"; readonly before: number; readonly now: number }
  | { readonly kind: "close-periods"; readonly now: number }
  | {
      readonly kind: "take-mail";
      readonly id: number;
      readonly now: number;
      readonly retryAt: number;
    }
  | { readonly kind: "settle-mail"; readonly id: number; readonly event: EventText | undefined }
  | { readonly kind: "postpone-mail"; readonly id: number; readonly retryAt: number }
  | { readonly kind: "hold-mails"; readonly now: number }
  | { readonly kind: "dead-steps"; readonly before: number }
  /** Changes something that means nothing: whether it can be written is the question. */
  | { readonly kind: "probe" };

/** What each kind answers. */
export interface Answers extends AdministratorAnswers {
  finish: Recorded;
  record: true;
  "claim-nonce": boolean;
  learn: true;
  import: { imported: number; problems: ImportProblem[] };
  enroll: "enrolled" | "already-has-token" | "no-token" | "locked" | "identity-changed";
  recovery: "generated" | "no-token" | "identity-changed";
  reset: "reset" | "bypass-revoked" | "no-token";
  unlock: "unlocked" | "not-locked";
  lock: "locked" | "identity-changed";
  "revoke-bypass": "revoked" | "no-bypass";
  require: "changed" | "unchanged" | "identity-changed";
  "close-periods": { closed: number; expired: number };
  bypass: "granted" | "identity-changed";
  relink: "relinked" | "not-needed";
  rotate: { resealed: number };
  trim: { removed: number };
  "take-mail": TakenMail | undefined;
  "settle-mail": true;
  "postpone-mail": true;
  "hold-mails": true;
  "dead-steps": true;
  probe: true;
}

export interface WriterSetup {
  readonly path: string;
  readonly durability: Durability;
  readonly masterKey: Uint8Array;
  readonly previousMasterKey: Uint8Array | undefined;
}

/** To the writer: writes of one turn, committed together. */
export interface Batch {
  readonly writes: readonly Write[];
}

/** From the writer, in the order of the batch; a string is why that write wasn't done. */
export type BatchAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "refused"; readonly message: string }
  | {
      readonly kind: "done";
      readonly results: readonly ({ readonly ok: unknown } | { readonly error: string })[];
    };
