// Brings a database to this program's schema. Invariant: each step and its number commit together, so
// an interrupted migration is either done or not begun; a newer schema is never touched.

import type { DatabaseSync } from "node:sqlite";

import { initial } from "./migrations/001-initial.ts";
import { recoveryCodes } from "./migrations/002-recovery-codes.ts";
import { administrators } from "./migrations/003-administrators.ts";
import { enrolmentPeriods } from "./migrations/004-enrolment-periods.ts";
import { mail } from "./migrations/005-mail.ts";

const MIGRATIONS: readonly string[] = [
  initial,
  recoveryCodes,
  administrators,
  enrolmentPeriods,
  mail,
];

/** The schema number this program writes. */
const SCHEMA_VERSION = MIGRATIONS.length;

/** Throws with what to do when the file was written by a newer program. */
export function migrate(database: DatabaseSync): void {
  // IMMEDIATE: of two programs migrating at once one waits, then finds nothing left to do.
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = schemaVersion(database);
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `the store has schema ${version}, this program knows ${SCHEMA_VERSION}: ` +
          "run the newer Gatehouse, or restore a backup made by this one",
      );
    }
    for (const sql of MIGRATIONS.slice(version)) database.exec(sql);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}
