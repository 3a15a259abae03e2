// Whether the store's place would do: writable, with room, and its file is what it should be, sealed
// under the master key. Nothing in it is changed, and a gateway that has it open isn't disturbed.

import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { Finding } from "../../core/finding.ts";
import type { Secret } from "../../lib/secret.ts";
import { sealKeyOf } from "./seal.ts";

/** A day of a large network's events. */
const FREE_BYTES_MIN = 1024 * 1024 * 1024;

export function examineStore(path: string, masterKey: Secret): Finding {
  const subject = `store ${path}`;
  const folder = existingParent(dirname(path));
  try {
    // Permissions alone don't tell of a read-only or full file system.
    rmSync(mkdtempSync(join(folder, ".gatehouse-check-")), { recursive: true });
    const keyId = existsSync(path) ? readKeyId(path) : undefined;
    if (keyId !== undefined && keyId !== sealKeyOf(masterKey).id) {
      const said = "it is sealed under another key than master_key: the next start will be refused";
      const remedy = "put the key it was sealed with in the place of master_key (see key rotate)";
      return { state: "wrong", subject, said, remedy };
    }
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

function readKeyId(path: string): unknown {
  accessSync(path, constants.R_OK | constants.W_OK);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare("SELECT value FROM meta WHERE key = 'key_id'").get()?.["value"];
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
