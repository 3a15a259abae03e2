// Reading the audit trail: queries for people, and the proof that nothing in it was changed.

import type { DatabaseSync } from "node:sqlite";

import type { ChainReport, EventQuery } from "../../core/administration.ts";
import type { AuditEvent } from "../../core/audit.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import { eventHash, hexOf, parseAnchor } from "./ledger.ts";

export interface Trail {
  query(query: EventQuery): AuditEvent[];
  verify(): Promise<ChainReport>;
  /** ms UTC of the newest event. */
  newestAt(): number | undefined;
  /** How many events there have ever been: the number of the newest. */
  length(): number;
}

const ROWS_MAX = 10_000;
// A slice of verification: a few milliseconds of the event loop.
const SLICE_ROWS = 500;

export function createTrail(reader: DatabaseSync, key: Secret): Trail {
  const newest = reader.prepare("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1");
  const slice = reader.prepare(
    "SELECT seq, json, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const anchor = reader.prepare("SELECT value FROM meta WHERE key = 'trimmed'");

  async function verify(): Promise<ChainReport> {
    let { seq, hash } = parseAnchor(anchor.get()?.["value"]);
    let events = 0;
    for (;;) {
      const rows = slice.all(seq, SLICE_ROWS);
      if (rows.length === 0) return { kind: "intact", events };
      for (const row of rows) {
        const next = Number(row["seq"]);
        if (next !== seq + 1) return { kind: "broken", seq: seq + 1, problem: "gap" };
        const json = String(row["json"]);
        const expected = eventHash(key, json);
        const isGenuine = hexOf(row["hash"]) === expected && follows(json, next, hash);
        if (!isGenuine) return { kind: "broken", seq: next, problem: "edited" };
        seq = next;
        hash = expected;
        events += 1;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    query(query) {
      const { sql, values } = select(query);
      const rows = reader.prepare(sql).all(...values);
      return rows.map((row) => toEvent(row));
    },
    verify,
    newestAt() {
      const at = newest.get()?.["at"];
      return typeof at === "number" ? at : undefined;
    },
    length() {
      const seq = newest.get()?.["seq"];
      return typeof seq === "number" ? seq : parseAnchor(anchor.get()?.["value"]).seq;
    },
  };
}

function follows(json: string, seq: number, previous: string): boolean {
  return json.includes(`"seq":${seq},"prev_hash":"${previous}"}`);
}

function toEvent(row: Record<string, unknown>): AuditEvent {
  // Written by the ledger from an EventDraft, and covered by its hash.
  const event = JSON.parse(String(row["json"])) as Omit<AuditEvent, "hash">;
  return { ...event, hash: hexOf(row["hash"]) };
}

// Newest first to find the limit quickly, then turned round: the trail reads downwards.
function select(query: EventQuery): { sql: string; values: (string | number)[] } {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  add("seq > ?", query.afterSeq);
  add("at >= ?", query.since);
  add("at < ?", query.until);
  add("username = ?", query.username && normaliseUsername(query.username));
  add("json ->> 'event_type' = ?", query.eventType);
  add("json ->> 'reason' = ?", query.reason);
  add("coalesce(json ->> '$.nas.name', json ->> '$.app.name') = ?", query.client);
  add("json ->> 'success' = ?", query.success === undefined ? undefined : Number(query.success));
  const conditions = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
  // A follower wants the oldest it hasn't seen; everybody else the newest there are.
  const order = query.afterSeq === undefined ? "DESC" : "ASC";
  values.push(Math.min(query.limit, ROWS_MAX));
  const inner = `SELECT seq, json, hash FROM events ${conditions} ORDER BY seq ${order} LIMIT ?`;
  return { sql: `SELECT * FROM (${inner}) ORDER BY seq`, values };
}
