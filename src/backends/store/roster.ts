// Pages of everyone the store knows. Reads only; what a person is stands in accounts.ts.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";

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

const FROM = "FROM accounts a LEFT JOIN tokens t ON t.account = a.id";

export function createRoster({ reader, snapshot, accounts, clock }: RosterOptions): Roster {
  const dnOf = reader.prepare("SELECT dn FROM accounts WHERE id = ?");
  const organization = reader.prepare("SELECT value FROM meta WHERE key = 'organization'");

  function listed(account: number): Listed | undefined {
    const person = accounts.findPerson(account, clock.now());
    return person && { account, dn: String(dnOf.get(account)?.["dn"] ?? ""), person };
  }

  return {
    page: async (query) =>
      snapshot.read(() => {
        const { where, values } = select(query);
        const total = reader.prepare(`SELECT count(*) AS n ${FROM} WHERE ${where}`);
        const way = query.order === "username" ? "ASC" : "DESC";
        const page = reader.prepare(
          `SELECT a.id ${FROM} WHERE ${where}
           ORDER BY a.name_key ${way}, a.id ${way} LIMIT ? OFFSET ?`,
        );
        const rows = page.all(...values, query.limit, query.skip);
        const people = rows.map((row) => listed(Number(row["id"])));
        return {
          total: Number(total.get(...values)?.["n"]),
          people: people.filter((one) => one !== undefined),
        };
      }),
    find: async (account) => snapshot.read(() => listed(account)),
    organizationId: async () => snapshot.read(() => String(organization.get()?.["value"])),
  };
}

function select({ search, username, hasToken, isRequired }: RosterQuery): {
  where: string;
  values: SQLInputValue[];
} {
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
  if (hasToken !== undefined) conditions.push(`t.id IS ${hasToken ? "NOT NULL" : "NULL"}`);
  if (isRequired !== undefined) {
    conditions.push(`a.requirement_until IS ${isRequired ? "NOT NULL" : "NULL"}`);
  }
  return { where: conditions.length === 0 ? "1" : conditions.join(" AND "), values };
}
