// Whether the store's place would do: writable, with room, and its file is what it should be. Nothing
// in the file is changed, and a gateway that has it open isn't disturbed.

import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { Finding } from "../../core/finding.ts";

/** A day of a large network's events. */
const FREE_BYTES_MIN = 1024 * 1024 * 1024;

export function examineStore(path: string): Finding {
  const subject = `store ${path}`;
  const folder = existingParent(dirname(path));
  try {
    // Permissions alone don't tell of a read-only or full file system.
    rmSync(mkdtempSync(join(folder, ".gatehouse-check-")), { recursive: true });
    if (existsSync(path)) readHeader(path);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const said = `${existsSync(path) ? "readable and writable" : "can be made"}, ${gigabytes(free)} free`;
    if (free >= FREE_BYTES_MIN) return { state: "right", subject, said };
    return { state: "doubtful", subject, said, remedy: "make room: without it nobody is let in" };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const remedy = `let the gateway's user read and write ${path} and its folder`;
    return { state: "wrong", subject, said, remedy };
  }
}

function readHeader(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.prepare("PRAGMA schema_version").get();
  } finally {
    database.close();
  }
}

function existingParent(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder
    ? folder
    : existingParent(dirname(folder));
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
