// Key rotation and backups: what protects the store, and what brings it back.

import { Secret } from "../../lib/secret.ts";
import type { Handler } from "./bind.ts";
import { adminEvent } from "./context.ts";
import type { backup, keyRotate } from "./operations.ts";
import { OperationError } from "./protocol.ts";

const KEY_BYTES = 32;

export const rotateKey: Handler<typeof keyRotate> = async (context, args, call) => {
  const newKey = Secret.of(Buffer.from(args.newKey, "base64"));
  if (newKey.byteLength !== KEY_BYTES) {
    throw new OperationError("usage", `the new key has ${newKey.byteLength} bytes instead of 32`);
  }
  const event = adminEvent(context, call, "encryption_key_rotated");
  return context.administration.rotateKey(newKey, event);
};

const BACKUP_PROBLEMS: Readonly<Record<string, string>> = {
  EEXIST: "the file exists already, and a backup never overwrites one",
  ENOENT: "the folder does not exist where the gateway runs",
  EACCES: "the gateway may not write there",
  EROFS: "the file system is read-only for the gateway",
  ENOSPC: "the disk is full",
};

export const backUp: Handler<typeof backup> = async (context, args, call) => {
  const event = adminEvent(context, call, "backup_created", undefined, {
    details: { path: args.path },
  });
  try {
    return await context.administration.backup(args.path, event);
  } catch (error) {
    const problem = BACKUP_PROBLEMS[errorCode(error) ?? ""];
    if (problem === undefined) throw error;
    throw new OperationError("refused", `${args.path}: ${problem}`, "name another file");
  }
};

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
