// What is written about administrators and their keys: the part of writes.ts that is theirs. Times are
// ms UTC; every `event` is kept together with its change.

import type { AdministratorState } from "../../core/administrators.ts";
import type { Role } from "../../core/permissions.ts";
import type { EventText } from "./ledger.ts";

interface CredentialsRow {
  readonly passwordHash: string;
  /** The raw key: sealed by the writer. */
  readonly secret: Uint8Array;
}

interface KeyRow {
  readonly hash: string;
  readonly expiresAt: number;
}

export type AdministratorWrite =
  | { readonly kind: "admin-begin"; readonly nameKey: string; readonly now: number }
  | {
      readonly kind: "admin-accept";
      readonly id: number;
      readonly step: number;
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "admin-refuse";
      readonly id: number;
      readonly now: number;
      readonly event: EventText;
      readonly lockout: EventText | undefined;
    }
  | ({
      readonly kind: "admin-create";
      readonly username: string;
      readonly nameKey: string;
      readonly role: Role;
      readonly onlyFirst: boolean;
      readonly lastStep: number;
      readonly now: number;
      readonly event: EventText;
    } & CredentialsRow)
  | {
      readonly kind: "admin-change";
      readonly id: number;
      readonly generation: number;
      readonly role: Role | undefined;
      readonly state: AdministratorState | undefined;
      readonly event: EventText;
    }
  | ({
      readonly kind: "admin-reset";
      readonly id: number;
      readonly now: number;
      readonly event: EventText;
    } & CredentialsRow)
  | { readonly kind: "admin-unlock"; readonly id: number; readonly event: EventText }
  | {
      readonly kind: "admin-delete";
      readonly id: number;
      readonly generation: number;
      readonly event: EventText;
    }
  | ({
      readonly kind: "key-create";
      readonly owner: number;
      readonly label: string;
      readonly scopes: string;
      readonly now: number;
      readonly event: EventText;
    } & KeyRow)
  | ({
      readonly kind: "key-rotate";
      readonly id: number;
      readonly endsAt: number;
      readonly now: number;
      readonly event: EventText;
    } & KeyRow)
  | {
      readonly kind: "key-revoke";
      readonly id: number;
      readonly now: number;
      readonly event: EventText;
    }
  | {
      readonly kind: "key-used";
      readonly id: number;
      readonly from: string;
      readonly now: number;
    };

export interface AdministratorAnswers {
  "admin-begin":
    | { readonly id: number; readonly isLast: boolean }
    | "unknown"
    | "locked"
    | "suspended";
  "admin-accept": "accepted" | "replayed";
  "admin-refuse": true;
  "admin-create": { readonly id: number } | "name-taken" | "not-first";
  "admin-change": "changed" | "last-administrator" | "changed-meanwhile" | "unknown";
  "admin-reset": "reset" | "unknown";
  "admin-unlock": "unlocked" | "not-locked" | "unknown";
  "admin-delete": "deleted" | "last-administrator" | "changed-meanwhile" | "unknown";
  "key-create": { readonly id: number } | "too-many";
  "key-rotate": { readonly id: number } | "unknown" | "too-many";
  "key-revoke": "revoked" | "unknown";
  "key-used": true;
}
