// The administrators' own port over SQLite: reads through the reader, every change through the writer.

import type { DatabaseSync } from "node:sqlite";

import {
  type AdminAttempt,
  type AdminCredentials,
  type Administrator,
  type Administrators,
  type ApiKey,
} from "../../core/administrators.ts";
import { findPermission, findRole } from "../../core/permissions.ts";
import type { Clock } from "../../lib/clock.ts";
import { normaliseUsername } from "../../lib/username.ts";
import { eventText } from "./ledger.ts";
import { administratorPurpose, open, type SealKey } from "./seal.ts";
import type { Snapshot } from "./snapshot.ts";
import type { WriterThread } from "./writer-thread.ts";

export interface AdministratorsOptions {
  readonly reader: DatabaseSync;
  readonly snapshot: Snapshot;
  readonly writer: WriterThread;
  readonly clock: Clock;
  readonly keys: () => readonly SealKey[];
}

type Row = Record<string, unknown>;

const SHOWN = `a.id, a.username, a.role, a.state, a.generation, a.created_at, a.password_set_at,
  a.last_login_at, a.locked_until,
  (SELECT count(*) FROM api_keys k WHERE k.owner = a.id AND k.expires_at > ?1
     AND (k.revoked_at IS NULL OR k.revoked_at > ?1)) AS keys`;

export function createAdministrators(options: AdministratorsOptions): Administrators {
  return { ...createReads(options), ...createKeys(options), ...createWrites(options) };
}

type Reads = Pick<
  Administrators,
  | "countAdministrators"
  | "listAdministrators"
  | "findAdministrator"
  | "findAdministratorByName"
  | "beginLogin"
>;

function createReads({ reader, snapshot, writer, clock, keys }: AdministratorsOptions): Reads {
  const count = reader.prepare("SELECT count(*) AS n FROM administrators");
  const all = reader.prepare(`SELECT ${SHOWN} FROM administrators a ORDER BY a.name_key`);
  const byId = reader.prepare(`SELECT ${SHOWN} FROM administrators a WHERE a.id = ?2`);
  const byName = reader.prepare(`SELECT ${SHOWN} FROM administrators a WHERE a.name_key = ?2`);
  const attempt = reader.prepare(
    `SELECT ${SHOWN}, a.password_hash, a.sealed, a.last_step FROM administrators a WHERE a.id = ?2`,
  );
  const shown = (row: Row | undefined): Administrator | undefined =>
    row && administratorOf(row, clock.now());

  function readAttempt(id: number): Omit<AdminAttempt, "isLast"> | undefined {
    const row = snapshot.read(() => attempt.get(clock.now(), id));
    const administrator = shown(row);
    if (row === undefined || administrator === undefined) return undefined;
    const sealed = row["sealed"];
    const isSealed = sealed instanceof Uint8Array;
    return {
      administrator,
      passwordHash: String(row["password_hash"]),
      secret: isSealed ? open(keys(), sealed, administratorPurpose(id)) : undefined,
      lastStep: Number(row["last_step"]),
    };
  }

  return {
    countAdministrators: async () => snapshot.read(() => Number(count.get()?.["n"])),
    listAdministrators: async () =>
      snapshot.read(() => all.all(clock.now()).map((row) => administratorOf(row, clock.now()))),
    findAdministrator: async (id) => snapshot.read(() => shown(byId.get(clock.now(), id))),
    findAdministratorByName: async (username) =>
      snapshot.read(() => shown(byName.get(clock.now(), normaliseUsername(username)))),
    async beginLogin(username) {
      const begun = await writer.write<"admin-begin">({
        kind: "admin-begin",
        nameKey: normaliseUsername(username),
        now: clock.now(),
      });
      if (typeof begun === "string") return { kind: "refused", why: begun };
      const found = readAttempt(begun.id);
      return found === undefined
        ? { kind: "refused", why: "unknown" }
        : { kind: "begun", ...found, isLast: begun.isLast };
    },
  };
}

type Keys = Pick<
  Administrators,
  "createKey" | "rotateKey" | "revokeKey" | "findKey" | "listKeys" | "findKeyByHash" | "useKey"
>;

function createKeys({ reader, snapshot, writer, clock }: AdministratorsOptions): Keys {
  const byId = reader.prepare("SELECT * FROM api_keys WHERE id = ?");
  const byOwner = reader.prepare(
    "SELECT * FROM api_keys WHERE ?1 IS NULL OR owner = ?1 ORDER BY id LIMIT 10000",
  );
  const byHash = reader.prepare("SELECT * FROM api_keys WHERE hash = ?");
  const owner = reader.prepare(`SELECT ${SHOWN} FROM administrators a WHERE a.id = ?2`);
  return {
    createKey: ({ scopes, ...key }, event) =>
      writer.write<"key-create">({
        kind: "key-create",
        ...key,
        scopes: scopes.join(" "),
        now: clock.now(),
        event: eventText(event),
      }),
    rotateKey: (id, endsAt, next, event) =>
      writer.write<"key-rotate">({
        kind: "key-rotate",
        id,
        endsAt,
        ...next,
        now: clock.now(),
        event: eventText(event),
      }),
    revokeKey: (id, event) =>
      writer.write<"key-revoke">({
        kind: "key-revoke",
        id,
        now: clock.now(),
        event: eventText(event),
      }),
    async findKey(id) {
      const row = snapshot.read(() => byId.get(id));
      return row && apiKeyOf(row);
    },
    listKeys: async (of) => snapshot.read(() => byOwner.all(of ?? null).map(apiKeyOf)),
    findKeyByHash: async (hash) =>
      snapshot.read(() => {
        const row = byHash.get(hash);
        const holder = row && owner.get(clock.now(), Number(row["owner"]));
        if (row === undefined || holder === undefined) return undefined;
        return { key: apiKeyOf(row), owner: administratorOf(holder, clock.now()) };
      }),
    async useKey(id, from) {
      await writer.write<"key-used">({ kind: "key-used", id, from, now: clock.now() });
    },
  };
}

function createWrites({
  writer,
  clock,
}: AdministratorsOptions): Omit<Administrators, keyof Reads | keyof Keys> {
  return {
    acceptLogin: (id, step, event) =>
      writer.write<"admin-accept">({
        kind: "admin-accept",
        id,
        step,
        now: clock.now(),
        event: eventText(event),
      }),
    async refuseLogin(id, event, lockout) {
      await writer.write<"admin-refuse">({
        kind: "admin-refuse",
        id,
        now: clock.now(),
        event: eventText(event),
        lockout: lockout && eventText(lockout),
      });
    },
    createAdministrator: ({ username, role, onlyFirst, lastStep = -1, ...credentials }, event) =>
      writer.write<"admin-create">({
        kind: "admin-create",
        username,
        nameKey: normaliseUsername(username),
        role,
        onlyFirst,
        lastStep,
        ...credentialsRow(credentials),
        now: clock.now(),
        event: eventText(event),
      }),
    changeAdministrator: (id, generation, { role, state }, event) =>
      writer.write<"admin-change">({
        kind: "admin-change",
        id,
        generation,
        role,
        state,
        event: eventText(event),
      }),
    resetAdministrator: (id, credentials, event) =>
      writer.write<"admin-reset">({
        kind: "admin-reset",
        id,
        ...credentialsRow(credentials),
        now: clock.now(),
        event: eventText(event),
      }),
    unlockAdministrator: (id, event) =>
      writer.write<"admin-unlock">({ kind: "admin-unlock", id, event: eventText(event) }),
    deleteAdministrator: (id, generation, event) =>
      writer.write<"admin-delete">({
        kind: "admin-delete",
        id,
        generation,
        event: eventText(event),
      }),
  };
}

function credentialsRow({ passwordHash, secret }: AdminCredentials): {
  passwordHash: string;
  secret: Uint8Array;
} {
  return { passwordHash, secret: Uint8Array.from(secret.reveal()) };
}

function administratorOf(row: Row, now: number): Administrator {
  const role = findRole(String(row["role"]));
  if (role === undefined) throw new Error("an administrator has an unknown role");
  const lockedUntil = Number(row["locked_until"]);
  return {
    id: Number(row["id"]),
    username: String(row["username"]),
    role,
    state: row["state"] === "active" ? "active" : "suspended",
    generation: Number(row["generation"]),
    createdAt: Number(row["created_at"]),
    passwordSetAt: Number(row["password_set_at"]),
    lastLoginAt: optional(row["last_login_at"]),
    lockedUntil: lockedUntil > now ? lockedUntil : undefined,
    keys: Number(row["keys"]),
  };
}

function apiKeyOf(row: Row): ApiKey {
  const scopes = String(row["scopes"]).split(" ");
  const from = row["last_used_from"];
  return {
    id: Number(row["id"]),
    owner: Number(row["owner"]),
    label: String(row["label"]),
    // A permission that a later version has no longer permits nothing.
    scopes: scopes.map(findPermission).filter((scope) => scope !== undefined),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    revokedAt: optional(row["revoked_at"]),
    lastUsedAt: optional(row["last_used_at"]),
    lastUsedFrom: typeof from === "string" ? from : undefined,
  };
}

function optional(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
