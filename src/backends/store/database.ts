// Opens SQLite the one way we use it. Invariants: one process holds a store at a time; a file that
// exists is never taken for a new one, whatever state it is in.

import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

export type Durability = "full" | "normal";

// Enough for the indexes of 200,000 people to stay warm; per connection, in KiB.
const CACHE_KIB = 8_192;
const BUSY_MS = 2_000;

/** The writer's connection. */
export function openWriter(path: string, durability: Durability): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  const synchronous = durability === "full" ? "FULL" : "NORMAL";
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
     PRAGMA cache_size = -${CACHE_KIB}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;`,
  );
  return database;
}

export function openReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
  database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY;`);
  return database;
}

/**
 * Makes the folder (0700), and refuses a file that was emptied or has gone: it held people once, and
 * an empty table of people must never be what a fault leaves behind.
 */
export function preparePath(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (!existsSync(path)) {
    // It would be replayed into the new file.
    if (!existsSync(`${path}-wal`)) return;
    throw new Error(`${path} is gone but ${path}-wal is there: move that away, restore a backup`);
  }
  if (statSync(path).size === 0) {
    throw new Error(`${path} is empty: restore a backup, or remove the file to start anew`);
  }
}

/** Owner only, the side files too (SQLite gives them the mode of the main file). */
export function protect(path: string): void {
  chmodSync(path, 0o600);
}

/** A whole-file check; throws with the first thing SQLite found. */
export function checkIntegrity(database: DatabaseSync): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new Error(`the store is damaged (${String(found)}): restore a backup`);
}

/**
 * Holds the store for this process: a lock of the operating system on a file beside it, which dies
 * with the process, so that a killed gateway leaves nothing to clean up.
 */
export function holdStore(path: string): { release(): void } {
  const lock = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
    lock.exec("BEGIN EXCLUSIVE");
    chmodSync(`${path}.lock`, 0o600);
  } catch (error) {
    lock.close();
    throw new Error(`${path} is held by another process: only one gateway may use a store`, {
      cause: error,
    });
  }
  return { release: () => lock.close() };
}
