// A backup comes back. Invariant: whatever ends this half way, what stands in the store's place was
// restored whole, with every code up to then dead, or nothing stands there.

import { constants, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";

import type { ChainReport } from "../../core/administration.ts";
import type { EventDraft } from "../../core/audit.ts";
import { holdStore } from "./database.ts";
import { openStore, type StoreOptions } from "./store.ts";

/** What SQLite keeps beside a database, and what we do. */
const SIDE_FILES = ["-wal", "-shm", "-journal"] as const;
const LOCK_FILES = [".lock", ".lock-journal"] as const;

/** Throws with what to do: something is in the way, the backup is no store or of another key. */
export async function restoreStore(
  options: StoreOptions,
  backupPath: string,
  event: EventDraft,
): Promise<ChainReport> {
  const { path } = options;
  if (!existsSync(backupPath)) throw new Error(`there is no backup at ${backupPath}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const held = holdStore(path);
  const staged = `${path}.restoring`;
  try {
    refuseRemains(path);
    // Of a restore that was interrupted.
    remove(staged);
    copyFileSync(backupPath, staged, constants.COPYFILE_EXCL);
    const report = await settle({ ...options, path: staged }, event);
    renameSync(staged, path);
    return report;
  } finally {
    remove(staged);
    held.release();
  }
}

// SQLite would replay a write-ahead log that was left behind into whatever file has its name.
function refuseRemains(path: string): void {
  for (const file of [path, ...SIDE_FILES.map((end) => `${path}${end}`)]) {
    if (!existsSync(file)) continue;
    throw new Error(`${file} exists: move the store away first, with ${path}-wal and ${path}-shm`);
  }
}

async function settle(options: StoreOptions, event: EventDraft): Promise<ChainReport> {
  const store = await openStore(options);
  try {
    await store.markRestored();
    await store.record(event);
    return await store.verifyEvents();
  } finally {
    await store.close();
  }
}

function remove(path: string): void {
  for (const end of ["", ...SIDE_FILES, ...LOCK_FILES]) rmSync(`${path}${end}`, { force: true });
}
