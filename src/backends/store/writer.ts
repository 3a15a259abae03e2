// The writer: the one thread that changes the database. A batch is one transaction and one fsync; its
// answers leave only after the commit. Invariant: a batch that fails changed nothing.

import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

import { randomBytes } from "../../lib/random.ts";
import { Secret } from "../../lib/secret.ts";
import { createAdministratorChanges } from "./administrator-changes.ts";
import { createChanges, type Keyring } from "./changes.ts";
import { checkIntegrity, openWriter, protect } from "./database.ts";
import { createEnding } from "./ending.ts";
import { openLedger, type Ledger } from "./ledger.ts";
import { migrate } from "./migrate.ts";
import { createPeople } from "./people.ts";
import { open, seal, sealKeyOf, TRAIL_PURPOSE } from "./seal.ts";
import type { Answers, Batch, BatchAnswer, Write, WriterSetup } from "./writes.ts";

type Handlers = {
  readonly [K in Write["kind"]]: (write: Extract<Write, { kind: K }>) => Answers[K];
};

interface Writer {
  readonly database: DatabaseSync;
  readonly ledger: Ledger;
  readonly handlers: Handlers;
  readonly keyring: Keyring;
}

/** Refuses a master key that isn't this store's; a new store is bound to the one it is given. */
function openKeys(database: DatabaseSync, setup: WriterSetup): { keyring: Keyring; trail: Secret } {
  const masters = [setup.masterKey, ...(setup.previousMasterKey ? [setup.previousMasterKey] : [])];
  const keys = masters.map((master) => sealKeyOf(Secret.of(master)));
  const [current] = keys;
  const meta = database.prepare("SELECT value FROM meta WHERE key = ?");
  if (current !== undefined && meta.get("key_id") === undefined) {
    const put = database.prepare("INSERT INTO meta (key, value) VALUES (?, ?)");
    put.run("trail_key", seal(current, Secret.of(randomBytes(32)), TRAIL_PURPOSE));
    put.run("key_id", current.id);
  }
  const sealed = meta.get("trail_key")?.["value"];
  const trail = sealed instanceof Uint8Array ? open(keys, sealed, TRAIL_PURPOSE) : undefined;
  if (trail === undefined) {
    throw new Error(
      "the master key is not the one this store was sealed with: " +
        "point master_key at the right key file",
    );
  }
  return { keyring: { keys }, trail };
}

function openAll(setup: WriterSetup): Writer {
  const database = openWriter(setup.path, setup.durability);
  protect(setup.path);
  checkIntegrity(database);
  migrate(database);
  const { keyring, trail } = openKeys(database, setup);
  const ledger = openLedger(database, trail);
  const people = createPeople(database);
  const handlers: Handlers = {
    ...createChanges(database, ledger, people, keyring),
    ...createAdministratorChanges(database, ledger, () => keyring.keys),
    ...createSmallWrites(database, ledger),
    finish: createEnding(database, ledger, people),
  };
  return { database, ledger, handlers, keyring };
}

function createSmallWrites(
  database: DatabaseSync,
  ledger: Ledger,
): Pick<Handlers, "record" | "claim-nonce" | "learn"> {
  const claim = database.prepare("INSERT OR IGNORE INTO nonces (nonce, expires_at) VALUES (?, ?)");
  const learn = database.prepare("INSERT OR IGNORE INTO learnt (kind, key) VALUES (?, ?)");
  return {
    record(write) {
      ledger.append(write.event);
      return true;
    },
    "claim-nonce": (write) => claim.run(write.nonce, write.expiresAt).changes === 1,
    learn(write) {
      learn.run(write.what, write.key);
      return true;
    },
  };
}

function perform(handlers: Handlers, write: Write): unknown {
  // The kind picks its own handler; the compiler can't follow a union through a table.
  const handler = handlers[write.kind] as (write: Write) => unknown;
  return handler(write);
}

function commit(writer: Writer, writes: readonly Write[]): unknown[] {
  const { database, ledger } = writer;
  database.exec("BEGIN IMMEDIATE");
  try {
    const results = writes.map((write) => perform(writer.handlers, write));
    database.exec("COMMIT");
    return results;
  } catch (error) {
    ledger.reload();
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Together if possible; else one by one, so that a bad write takes nobody with it. */
function run(writer: Writer, writes: readonly Write[]): BatchAnswer {
  try {
    return { kind: "done", results: commit(writer, writes).map((ok) => ({ ok })) };
  } catch (error) {
    if (writes.length === 1) return { kind: "done", results: [{ error: messageOf(error) }] };
  }
  const results = writes.map((write) => {
    try {
      return { ok: commit(writer, [write])[0] };
    } catch (error) {
      return { error: messageOf(error) };
    }
  });
  return { kind: "done", results };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function serve(setup: WriterSetup): void {
  const port = parentPort;
  if (port === null) throw new Error("the writer runs on a thread of its own");
  let writer: Writer;
  try {
    writer = openAll(setup);
  } catch (error) {
    port.postMessage({ kind: "refused", message: messageOf(error) } satisfies BatchAnswer);
    port.close();
    return;
  }
  port.on("message", (message: Batch | "close") => {
    if (message === "close") {
      writer.database.close();
      port.close();
      return;
    }
    port.postMessage(run(writer, message.writes));
  });
  port.postMessage({ kind: "ready" } satisfies BatchAnswer);
}

serve(workerData as WriterSetup);
