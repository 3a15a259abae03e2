// Who may administer, as the store keeps it: administrators with a password and a token of their own,
// and their API keys. Nothing here is a person's: an administrator who also logs in over RADIUS has two
// accounts. Invariant: the last active administrator of the role of that name always stays.

import type { Secret } from "../lib/secret.ts";
import type { EventDraft } from "./audit.ts";
import type { Permission, Role } from "./permissions.ts";

/** The reference system's limit, and not to be configured away. */
export const ADMIN_ATTEMPTS_MAX = 5;
export const ADMIN_LOCK_MS = 10 * 60_000;

/** Their tokens are all alike: what every authenticator app can do. */
export const ADMIN_TOKEN = { algorithm: "sha1", digits: 6, periodSeconds: 30 } as const;
const ADMINISTRATOR_STATES = ["active", "suspended"] as const;
export type AdministratorState = (typeof ADMINISTRATOR_STATES)[number];

/** What may be shown. Times are ms UTC. */
export interface Administrator {
  readonly id: number;
  /** An e-mail address, as it was given. */
  readonly username: string;
  readonly role: Role;
  readonly state: AdministratorState;
  /** Grows with every change of role, state, password or token: what was open before is over. */
  readonly generation: number;
  readonly createdAt: number;
  readonly passwordSetAt: number;
  readonly lastLoginAt: number | undefined;
  readonly lockedUntil: number | undefined;
  /** API keys that work. */
  readonly keys: number;
}

/** What an administrator proves to be one with. */
export interface AdminCredentials {
  /** As lib/password-hash.ts writes it. */
  readonly passwordHash: string;
  /** The raw key of the token. */
  readonly secret: Secret;
}

interface NewAdministrator extends AdminCredentials {
  readonly username: string;
  readonly role: Role;
  /** Only while there is none at all: the first run. */
  readonly onlyFirst: boolean;
  /** Of a code that was confirmed: it is dead, like every one before. */
  readonly lastStep?: number;
}

/** An attempt under way: it has been counted as failed already. */
export interface AdminAttempt {
  readonly administrator: Administrator;
  readonly passwordHash: string;
  /** Undefined when the seal can't be opened. */
  readonly secret: Secret | undefined;
  /** Steps up to and including this one are dead. */
  readonly lastStep: number;
  /** The one that locks unless it is right. */
  readonly isLast: boolean;
}

export type AdminBegun =
  | ({ readonly kind: "begun" } & AdminAttempt)
  | { readonly kind: "refused"; readonly why: "unknown" | "locked" | "suspended" };

export interface ApiKey {
  readonly id: number;
  /** The administrator whose permissions bound the key's. */
  readonly owner: number;
  readonly label: string;
  readonly scopes: readonly Permission[];
  readonly createdAt: number;
  readonly expiresAt: number;
  /** From then on it is refused; a rotation may put that into the future. */
  readonly revokedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
  readonly lastUsedFrom: string | undefined;
}

interface NewApiKey {
  readonly owner: number;
  readonly label: string;
  readonly scopes: readonly Permission[];
  /** SHA-256 of the whole key, hex: 256 random bits need no salt. */
  readonly hash: string;
  readonly expiresAt: number;
}

/** A working key's owner as it is now. */
interface KeyHolder {
  readonly key: ApiKey;
  readonly owner: Administrator;
}

/** More than anybody keeps apart by their labels. */
export const API_KEYS_MAX = 20;

type Unchanged = "unknown" | "changed-meanwhile";

/** Each change takes the event that describes it and commits both or neither. */
export interface Administrators {
  countAdministrators(): Promise<number>;
  /** By username. */
  listAdministrators(): Promise<readonly Administrator[]>;
  findAdministrator(id: number): Promise<Administrator | undefined>;
  findAdministratorByName(username: string): Promise<Administrator | undefined>;

  /**
   * Counts the attempt before anything is compared: of any number at a time no more than
   * ADMIN_ATTEMPTS_MAX begin. A lock that is over clears the counter.
   */
  beginLogin(username: string): Promise<AdminBegun>;
  /** Clears the counter and claims the code's step; "replayed": somebody had it before. */
  acceptLogin(id: number, step: number, event: EventDraft): Promise<"accepted" | "replayed">;
  /** `lockout`, of the attempt that locks, is kept too if nobody has unlocked meanwhile. */
  refuseLogin(id: number, event: EventDraft, lockout: EventDraft | undefined): Promise<void>;

  createAdministrator(
    created: NewAdministrator,
    event: EventDraft,
  ): Promise<{ readonly id: number } | "name-taken" | "not-first">;
  /** `generation`: as the caller saw it. */
  changeAdministrator(
    id: number,
    generation: number,
    change: { readonly role?: Role; readonly state?: AdministratorState },
    event: EventDraft,
  ): Promise<"changed" | "last-administrator" | Unchanged>;
  /** A new password and token; a lock ends. */
  resetAdministrator(
    id: number,
    credentials: AdminCredentials,
    event: EventDraft,
  ): Promise<"reset" | "unknown">;
  unlockAdministrator(
    id: number,
    event: EventDraft,
  ): Promise<"unlocked" | "not-locked" | "unknown">;
  /** Their keys go with them. */
  deleteAdministrator(
    id: number,
    generation: number,
    event: EventDraft,
  ): Promise<"deleted" | "last-administrator" | Unchanged>;

  createKey(key: NewApiKey, event: EventDraft): Promise<{ readonly id: number } | "too-many">;
  /** The old one ends at `endsAt`, if not before; the new one has its label, owner and scopes. */
  rotateKey(
    id: number,
    endsAt: number,
    next: Pick<NewApiKey, "hash" | "expiresAt">,
    event: EventDraft,
  ): Promise<{ readonly id: number } | "unknown" | "too-many">;
  revokeKey(id: number, event: EventDraft): Promise<"revoked" | "unknown">;
  findKey(id: number): Promise<ApiKey | undefined>;
  /** Those of one administrator or of all, also those that don't work any more. */
  listKeys(owner?: number): Promise<readonly ApiKey[]>;
  /** Whether or not it works. */
  findKeyByHash(hash: string): Promise<KeyHolder | undefined>;
  useKey(id: number, from: string): Promise<void>;
}
