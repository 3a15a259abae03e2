// The audit trail's writing end: gapless numbers, each event bound to the one before by a keyed hash,
// so that an edit, a gap or a reordering shows.

import { createHmac } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";

import type { EventDraft } from "../../core/audit.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";

/** What the first event of all follows. */
const GENESIS = "0".repeat(64);

/** An event on its way to the trail: as text, which crosses to the writer's thread at less cost. */
export interface EventText {
  readonly json: string;
  /** ms UTC. */
  readonly at: number;
  /** Whom it is about, in the form names are compared. */
  readonly username: string | null;
}

/** The last event before the first that is kept. */
export interface Anchor {
  readonly seq: number;
  readonly hash: string;
}

export interface Ledger {
  append(event: EventText): void;
  /** Forgets what wasn't committed: the next append reads the end of the trail again. */
  reload(): void;
  /** What to keep of the last event that retention removes. */
  anchor(last: Anchor): string;
}

/** HMAC-SHA256 over the stored text; hex. The text holds `seq` and `prev_hash`. */
export function eventHash(key: Secret, json: string): string {
  return createHmac("sha256", key.reveal()).update(json).digest("hex");
}

export function eventText(event: EventDraft): EventText {
  return {
    json: JSON.stringify(event),
    at: Date.parse(event.timestamp),
    username: subjectKey(event),
  };
}

/** Back again, for those who record something else in its place. */
export function readEvent({ json }: EventText): EventDraft {
  const event: EventDraft = JSON.parse(json);
  return event;
}

export function openLedger(database: DatabaseSync, key: Secret): Ledger {
  const last = database.prepare("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1");
  const anchor = database.prepare("SELECT value FROM meta WHERE key = 'trimmed'");
  const insert = database.prepare(
    "INSERT INTO events (seq, at, username, json, hash) VALUES (?, ?, ?, ?, ?)",
  );
  let end: { seq: number; hash: string } | undefined;

  function readEnd(): { seq: number; hash: string } {
    const row = last.get();
    if (row !== undefined) return { seq: Number(row["seq"]), hash: hexOf(row["hash"]) };
    return parseAnchor(anchor.get()?.["value"]);
  }

  return {
    append({ json: text, at, username }) {
      end ??= readEnd();
      const seq = end.seq + 1;
      const json = `${text.slice(0, -1)},"seq":${seq},"prev_hash":"${end.hash}"}`;
      const hash = eventHash(key, json);
      insert.run(seq, at, username, json, Buffer.from(hash, "hex"));
      end = { seq, hash };
    },
    reload() {
      end = undefined;
    },
    anchor: (last) => anchorText(key, last),
  };
}

// Whom it is about, as the directory names them where it does, in the form names are compared.
function subjectKey({ initiated_by: by, username }: EventDraft): string | null {
  const subject = by.type === "user" ? (by.username ?? username) : username;
  return subject === undefined ? null : normaliseUsername(subject);
}

/** The last event that retention removed, signed: nobody else's removal looks like retention's. */
export function anchorText(key: Secret, { seq, hash }: Anchor): string {
  const mac = createHmac("sha256", key.reveal()).update(`trimmed ${seq} ${hash}`).digest("hex");
  return `${seq}:${hash}:${mac}`;
}

/** Where the trail begins; undefined when the note about it was forged. */
export function readAnchor(key: Secret, value: unknown): Anchor | undefined {
  const anchor = parseAnchor(value);
  if (value === undefined || value === anchorText(key, anchor)) return anchor;
  return undefined;
}

function parseAnchor(value: unknown): Anchor {
  if (typeof value !== "string") return { seq: 0, hash: GENESIS };
  const [seq = "0", hash = GENESIS] = value.split(":");
  return { seq: Number(seq), hash };
}

export function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : "";
}
