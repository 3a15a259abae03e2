// How the command line speaks: durations, moments, counts, a person's state; tables and colour.
// Invariant: text from outside is made printable first, so that no name can steer a terminal.

import { styleText } from "node:util";

import { auditText } from "../core/audit.ts";
import type { PersonView } from "../doors/control/views.ts";
import type { Output } from "./context.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** "40 s", "7 min", "3 h", "2 days": rounded up, since it says how long to wait. */
export function durationWords(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.max(0, Math.ceil(ms / 1_000))} s`;
  if (ms < 2 * HOUR_MS) return `${Math.ceil(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.ceil(ms / HOUR_MS)} h`;
  return `${Math.ceil(ms / DAY_MS)} days`;
}

/** "2027-01-15 08:00:00 UTC". */
export function momentWords(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "12,345". */
export function countWords(count: number): string {
  return count.toLocaleString("en");
}

/** "1 token", "2 tokens". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countWords(count)} ${count === 1 ? one : many}`;
}

/** "Enrolled · locked for another 7 min". */
export function stateWords(person: PersonView, nowMs: number): string {
  const { lockedUntil, bypassUntil, token } = person;
  const words = [enrolmentWords(person, nowMs)];
  if (token?.suspended === true) words.push("factor suspended until it is reset");
  if (lockedUntil === "administrator") words.push("locked until someone unlocks");
  else if (lockedUntil !== undefined && lockedUntil > nowMs) {
    words.push(`locked for another ${durationWords(lockedUntil - nowMs)}`);
  }
  if (bypassUntil !== undefined && bypassUntil > nowMs) {
    words.push(`bypass code for another ${durationWords(bypassUntil - nowMs)}`);
  }
  return words.join(" · ");
}

function enrolmentWords({ enrolment, requirementUntil }: PersonView, nowMs: number): string {
  switch (enrolment) {
    case "enrolled":
      return "Enrolled";
    case "pending":
      return "Imported, waits for the first login";
    case "in-period":
      return `Not enrolled, ${durationWords((requirementUntil ?? nowMs) - nowMs)} left`;
    case "period-expired":
      return "Not enrolled, the time for it is over";
    case "not-required":
      return "Not enrolled";
  }
}

/** Columns two spaces apart; the last one isn't padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  const safe = rows.map((row) => row.map(auditText));
  for (const row of safe) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  const padded = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return safe.map((row) => `${padded(row).trimEnd()}\n`).join("");
}

/** Coloured only on a terminal that wants it (NO_COLOR is Node's to read). */
export function paint(
  stream: Output,
  style: "bold" | "dim" | "red" | "green",
  text: string,
): string {
  return styleText(style, text, { stream });
}

/** One JSON value on one line. */
export function writeJson(stream: Output, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}
