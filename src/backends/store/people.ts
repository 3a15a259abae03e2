// Which row a person is: by the directory's immutable id, never by name alone. Invariants: a name that
// comes back with another id finds nothing of its former owner; an import is bound exactly once.

import type { DatabaseSync } from "node:sqlite";

import type { PersonRow } from "./writes.ts";

export interface People {
  /** The row, made or bound where needed; undefined when the name belongs to somebody else. */
  settle(person: PersonRow): number | undefined;
  /** Gives the rows that carry this name, but another id, to this person. */
  relink(person: PersonRow): boolean;
}

export function createPeople(database: DatabaseSync): People {
  const byIdentity = database.prepare(
    "SELECT id, username FROM accounts WHERE directory = ? AND immutable_id = ?",
  );
  const byName = database.prepare(
    "SELECT id, immutable_id FROM accounts WHERE name_key = ? AND directory = ? ORDER BY id",
  );
  const bind = database.prepare(
    "UPDATE accounts SET immutable_id = ?, username = ?, dn = ? WHERE id = ?",
  );
  const rename = database.prepare(
    "UPDATE accounts SET username = ?, name_key = ?, dn = ? WHERE id = ?",
  );
  // A name belongs to one person at a time: its former owner keeps the row, and is found by the id.
  const giveUpName = database.prepare(
    `UPDATE accounts SET name_key = name_key || char(0) || id
     WHERE name_key = ? AND directory = ? AND id <> ? AND immutable_id IS NOT NULL`,
  );
  const insert = database.prepare(
    `INSERT INTO accounts (directory, immutable_id, username, name_key, dn)
     VALUES (?, ?, ?, ?, ?)`,
  );
  const remove = database.prepare("DELETE FROM accounts WHERE id = ?");

  function create(person: PersonRow): number {
    const { directory, id, username, nameKey, dn } = person;
    return Number(insert.run(directory, id, username, nameKey, dn).lastInsertRowid);
  }

  return {
    settle(person) {
      const known = byIdentity.get(person.directory, person.id);
      if (known !== undefined) {
        const account = Number(known["id"]);
        if (known["username"] !== person.username) {
          rename.run(person.username, person.nameKey, person.dn, account);
          giveUpName.run(person.nameKey, person.directory, account);
        }
        return account;
      }
      const named = byName.all(person.nameKey, person.directory);
      const pending = named.find((row) => row["immutable_id"] === null);
      if (pending !== undefined) {
        bind.run(person.id, person.username, person.dn, Number(pending["id"]));
        return Number(pending["id"]);
      }
      return named.length > 0 ? undefined : create(person);
    },
    relink(person) {
      const named = byName.all(person.nameKey, person.directory);
      const other = named.find((row) => row["immutable_id"] !== person.id);
      if (other === undefined) return false;
      // The person's own row, if any, gives way to the one with the history and the token.
      const own = byIdentity.get(person.directory, person.id);
      if (own !== undefined) remove.run(Number(own["id"]));
      bind.run(person.id, person.username, person.dn, Number(other["id"]));
      return true;
    },
  };
}
