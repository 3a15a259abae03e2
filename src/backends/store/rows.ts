// Rows as arrays: node:sqlite builds an object with a name per column for each row otherwise, which on
// the way of a login costs as much as the read itself. Columns are named once, beside their SQL.

import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite";

export type Row = readonly SQLOutputValue[];

/** What to select, by the name it is known under here: `{ id: "a.id" }`. */
export type Columns = Readonly<Record<string, string>>;

/** The list for a SELECT. */
export function selected(columns: Columns): string {
  return Object.values(columns).join(", ");
}

/** Where in a row each of them stands. */
export function positions<C extends Columns>(columns: C): { readonly [K in keyof C]: number } {
  const entries = Object.keys(columns).map((name, index) => [name, index] as const);
  return Object.fromEntries(entries) as { readonly [K in keyof C]: number };
}

type Values = readonly SQLInputValue[];

/** At most one row; undefined if there is none. */
export function prepareOne(
  database: DatabaseSync,
  sql: string,
): (...values: Values) => Row | undefined {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  // The types don't know of setReturnArrays.
  return (...values) => statement.get(...values) as unknown as Row | undefined;
}

export function prepareMany(
  database: DatabaseSync,
  sql: string,
): (...values: Values) => readonly Row[] {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return (...values) => statement.all(...values) as unknown as readonly Row[];
}

/** 0 for NULL and for no row at all. */
export function numberAt(row: Row | undefined, at: number): number {
  const value = row?.[at];
  return typeof value === "number" ? value : 0;
}

/** "" for NULL. */
export function textAt(row: Row, at: number): string {
  const value = row[at];
  return typeof value === "string" ? value : "";
}

/** Undefined for NULL. */
export function optionalNumberAt(row: Row, at: number): number | undefined {
  const value = row[at];
  return typeof value === "number" ? value : undefined;
}
