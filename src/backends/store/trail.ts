// Reading the audit trail: queries for people, and the proof that nothing in it was changed.
// Invariant: however long the trail is, logins pass between two slices of it.

import type { DatabaseSync } from "node:sqlite";

import type { ChainReport, EventQuery } from "../../core/administration.ts";
import type { AuditEvent } from "../../core/audit.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import { type Anchor, eventHash, hexOf, readAnchor } from "./ledger.ts";
import type { Snapshot } from "./snapshot.ts";

export interface Trail {
  /** Ends early, with what it has, once `signal` is aborted. */
  query(query: EventQuery, signal?: AbortSignal): Promise<AuditEvent[]>;
  /** Rejects once `signal` is aborted. */
  verify(signal?: AbortSignal): Promise<ChainReport>;
  /** ms UTC of the newest event. */
  newestAt(): number | undefined;
  /** How many events there have ever been: the number of the newest. */
  length(): number;
}

type Row = Record<string, unknown>;

const ROWS_MAX = 10_000;
// A slice of verification or of a query: a few milliseconds of the event loop.
const SLICE_ROWS = 500;
const QUERY_ROWS = 2_000;

export function createTrail(reader: DatabaseSync, snapshot: Snapshot, key: Secret): Trail {
  const newest = reader.prepare("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1");
  const slice = reader.prepare(
    "SELECT seq, json, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const anchor = reader.prepare("SELECT value FROM meta WHERE key = 'trimmed'");

  async function verify(signal?: AbortSignal): Promise<ChainReport> {
    let last = findAnchor();
    let events = 0;
    while (last !== undefined) {
      signal?.throwIfAborted();
      const after: Anchor = last;
      const rows = snapshot.read(() => slice.all(after.seq, SLICE_ROWS));
      if (rows.length === 0) return { kind: "intact", events };
      if (Number(rows[0]?.["seq"]) !== after.seq + 1) {
        // Retention may have come this far meanwhile: then the trail begins there.
        last = findAnchor();
        if (last === undefined || last.seq > after.seq) continue;
        return { kind: "broken", seq: after.seq + 1, problem: "gap" };
      }
      for (const row of rows) {
        const checked: Anchor | "gap" | "edited" = check(row, last);
        if (typeof checked === "string") return brokenAt(row, last, checked);
        last = checked;
        events += 1;
      }
      await turn();
    }
    return { kind: "broken", seq: 1, problem: "edited" };
  }

  function check(row: Row, last: Anchor): Anchor | "gap" | "edited" {
    const seq = Number(row["seq"]);
    if (seq !== last.seq + 1) return "gap";
    const json = String(row["json"]);
    const hash = eventHash(key, json);
    return hexOf(row["hash"]) === hash && follows(json, seq, last.hash) ? { seq, hash } : "edited";
  }

  const findAnchor = (): Anchor | undefined =>
    snapshot.read(() => readAnchor(key, anchor.get()?.["value"]));

  return {
    async query(query, signal) {
      const limit = Math.min(query.limit, ROWS_MAX);
      const { sql, values, isForwards } = select(query);
      const scan = reader.prepare(sql);
      const found: AuditEvent[] = [];
      let at = query.afterSeq ?? query.beforeSeq ?? Number.MAX_SAFE_INTEGER;
      while (found.length < limit && signal?.aborted !== true) {
        const rows = snapshot.read(() => scan.all(...values(at)));
        for (const row of rows) {
          at = Number(row["seq"]);
          if (row["json"] !== null && found.length < limit) found.push(toEvent(row));
        }
        if (rows.length < QUERY_ROWS) break;
        await turn();
      }
      return isForwards ? found : found.toReversed();
    },
    verify,
    newestAt() {
      const at = newest.get()?.["at"];
      return typeof at === "number" ? at : undefined;
    },
    length() {
      const seq = newest.get()?.["seq"];
      return typeof seq === "number" ? seq : (findAnchor()?.seq ?? 0);
    },
  };
}

function brokenAt(row: Row, last: Anchor, problem: "gap" | "edited"): ChainReport {
  return { kind: "broken", seq: problem === "gap" ? last.seq + 1 : Number(row["seq"]), problem };
}

function follows(json: string, seq: number, previous: string): boolean {
  return json.includes(`"seq":${seq},"prev_hash":"${previous}"}`);
}

function toEvent(row: Row): AuditEvent {
  // Written by the ledger from an EventDraft, and covered by its hash.
  const event = JSON.parse(String(row["json"])) as Omit<AuditEvent, "hash">;
  return { ...event, hash: hexOf(row["hash"]) };
}

/** One turn of the event loop for everybody else. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Selection {
  /** A slice: every row of it in the order of `isForwards`, without `json` where it doesn't match. */
  readonly sql: string;
  /** For the slice beyond this number. */
  readonly values: (seq: number) => (string | number)[];
  readonly isForwards: boolean;
}

// A follower wants the oldest it hasn't seen; everybody else the newest there are.
function select(query: EventQuery): Selection {
  const isForwards = query.afterSeq !== undefined;
  const [beyond, order] = isForwards ? [">", "ASC"] : ["<", "DESC"];
  const username = query.username === undefined ? undefined : normaliseUsername(query.username);
  const wanted: string[] = [];
  const wantedValues: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    wanted.push(condition);
    wantedValues.push(value);
  };
  add("at >= ?", query.since);
  add("at < ?", query.until);
  add("json ->> 'event_type' = ?", query.eventType);
  // Why a packet was dropped, or a directory left, stands in the details.
  add("coalesce(json ->> 'reason', json ->> '$.details.reason') = ?", query.reason);
  add("coalesce(json ->> '$.nas.name', json ->> '$.app.name') = ?", query.client);
  add("json ->> 'success' = ?", query.success === undefined ? undefined : Number(query.success));
  const condition = wanted.length === 0 ? "1" : wanted.join(" AND ");
  const named = username === undefined ? "" : "AND username = ?";
  const inner = `SELECT seq, at, json, hash FROM events WHERE seq ${beyond} ? ${named}
     ORDER BY seq ${order} LIMIT ${QUERY_ROWS}`;
  return {
    sql: `SELECT seq, iif(${condition}, json, NULL) AS json, hash FROM (${inner})
       ORDER BY seq ${order}`,
    values: (seq) => [...wantedValues, seq, ...(username === undefined ? [] : [username])],
    isForwards,
  };
}
