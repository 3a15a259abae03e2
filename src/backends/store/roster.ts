// Pages of everyone the store knows. Reads only; what a person is stands in accounts.ts.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

import type { Listed, Roster, RosterQuery } from "../../core/roster.ts";
import type { Clock } from "../../lib/clock.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type { Accounts } from "./accounts.ts";
import type { Snapshot } from "./snapshot.ts";

export interface RosterOptions {
  readonly reader: DatabaseSync;
  readonly snapshot: Snapshot;
  readonly accounts: Accounts;
  readonly clock: Clock;
}

type Way = "ASC" | "DESC";

export function createRoster({ reader, snapshot, accounts, clock }: RosterOptions): Roster {
  const dnOf = reader.prepare("SELECT dn FROM accounts WHERE id = ?");
  const organization = reader.prepare("SELECT value FROM meta WHERE key = 'organization'");
  // There are a dozen different ones at most, and each is wanted again.
  const statements = new Map<string, StatementSync>();

  function prepare(sql: string): StatementSync {
    const known = statements.get(sql) ?? reader.prepare(sql);
    statements.set(sql, known);
    return known;
  }

  function listed(account: number): Listed | undefined {
    const person = accounts.findPerson(account, clock.now());
    return person && { account, dn: String(dnOf.get(account)?.["dn"] ?? ""), person };
  }

  function count({ where, values }: Selection): number {
    return Number(prepare(`SELECT count(*) AS n FROM accounts a${where}`).get(...values)?.["n"]);
  }

  // Who has no token is counted as everybody less those who have: SQLite counts a table at once, and
  // would look at each of 100,000 people otherwise.
  function total(query: RosterQuery): number {
    const { hasToken, ...rest } = query;
    if (hasToken === undefined) return count(select(query));
    const isAll = select(rest).where === "";
    const withToken = isAll
      ? Number(prepare("SELECT count(*) AS n FROM tokens").get()?.["n"])
      : count(select({ ...rest, hasToken: true }));
    return hasToken ? withToken : count(select(rest)) - withToken;
  }

  function page(query: RosterQuery): number[] {
    const { where, values } = select(query);
    const way: Way = query.order === "username" ? "ASC" : "DESC";
    // As the index has them: pages far behind cost no sorting.
    const order = `ORDER BY a.name_key ${way}, a.directory ${way}, a.id ${way} LIMIT ? OFFSET ?`;
    const rows = prepare(`SELECT a.id FROM accounts a${where} ${order}`);
    return rows.all(...values, query.limit, query.skip).map((row) => Number(row["id"]));
  }

  return {
    page: async (query) =>
      snapshot.read(() => ({
        total: total(query),
        people: page(query)
          .map(listed)
          .filter((one) => one !== undefined),
      })),
    find: async (account) => snapshot.read(() => listed(account)),
    organizationId: async () => snapshot.read(() => String(organization.get()?.["value"])),
  };
}

interface Selection {
  /** With the word itself in front; "" for everybody. */
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

function select({
  search,
  username,
  hasToken,
  isRequired,
}: Omit<RosterQuery, "limit" | "skip" | "order">): Selection {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  if (search !== undefined) {
    // Not LIKE: what is typed is text, not a pattern.
    conditions.push("instr(a.name_key, ?) > 0");
    values.push(normaliseUsername(search));
  }
  if (username !== undefined) {
    conditions.push("a.name_key = ?");
    values.push(normaliseUsername(username));
  }
  if (hasToken !== undefined) {
    const not = hasToken ? "" : "NOT ";
    conditions.push(`${not}EXISTS (SELECT 1 FROM tokens t WHERE t.account = a.id)`);
  }
  if (isRequired !== undefined) {
    conditions.push(`a.requirement_until IS ${isRequired ? "NOT NULL" : "NULL"}`);
  }
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return { where, values };
}
