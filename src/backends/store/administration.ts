// The administrators' port over SQLite: names to rows, changes to the writer, reads from the reader.

import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { backup, type DatabaseSync } from "node:sqlite";

import type {
  Administration,
  ImportProblem,
  ImportRow,
  NewToken,
  NoPerson,
  PersonName,
} from "../../core/administration.ts";
import type { EventDraft } from "../../core/audit.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type { Accounts } from "./accounts.ts";
import { personRow } from "./attempts.ts";
import { eventText } from "./ledger.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Trail } from "./trail.ts";
import type { WriterThread } from "./writer-thread.ts";
import type { Answers, ImportedRow, TokenRow, Write } from "./writes.ts";

export interface AdministrationOptions {
  readonly accounts: Accounts;
  readonly snapshot: Snapshot;
  readonly trail: Trail;
  readonly writer: WriterThread;
  readonly reader: DatabaseSync;
  readonly clock: Clock;
  readonly recoveryKey: Secret;
  /** Told after a rotation, so that the reader opens what the new key sealed. */
  readonly onNewKey: (key: Uint8Array) => void;
}

export function createAdministration(options: AdministrationOptions): Administration {
  const { accounts, snapshot, trail, writer, clock } = options;

  // Where the directory has said who it is, a name that was somebody else's leads to nobody.
  function findAccount({ directory, id, username }: PersonName): number | NoPerson {
    const nameKey = normaliseUsername(username);
    return snapshot.read(() => {
      const own = id === undefined ? undefined : accounts.findOwn(directory, id, nameKey);
      if (own !== undefined) return own;
      const [named] = accounts.findByName(directory, nameKey);
      if (named === undefined) return "unknown";
      return id === undefined ? named.account : "identity-changed";
    });
  }

  async function change<K extends "reset" | "unlock" | "revoke-bypass">(
    kind: K,
    person: PersonName,
    event: EventDraft,
  ): Promise<Answers[K] | NoPerson> {
    const account = findAccount(person);
    if (typeof account === "string") return account;
    const text = eventText(event);
    const write = { kind, account, now: clock.now(), event: text } as Extract<Write, { kind: K }>;
    return writer.write<K>(write);
  }

  return {
    async importTokens(directory, rows, { replace }, event) {
      const { good, problems } = sortRows(rows);
      const answer = await writer.write<"import">({
        kind: "import",
        directory,
        rows: good,
        replace,
        now: clock.now(),
        event: eventText(event),
      });
      const all = [...problems, ...answer.problems].toSorted((a, b) => a.line - b.line);
      return { imported: answer.imported, problems: all };
    },
    recoveryKey: options.recoveryKey,
    enroll: (identity, token, { replace, recovery = [], byPerson = false }, event) =>
      writer.write<"enroll">({
        kind: "enroll",
        person: personRow(identity),
        token: tokenRow(token),
        replace,
        byPerson,
        recovery,
        now: clock.now(),
        event: eventText(event),
      }),
    replaceRecovery: (identity, hashes, event) =>
      writer.write<"recovery">({
        kind: "recovery",
        person: personRow(identity),
        hashes,
        event: eventText(event),
      }),
    resetToken: (person, event) => change("reset", person, event),
    unlock: (person, event) => change("unlock", person, event),
    revokeBypass: (person, event) => change("revoke-bypass", person, event),
    async lock(person, event) {
      const who = "dn" in person ? personRow(person) : findAccount(person);
      if (typeof who === "string") return who;
      return writer.write<"lock">({ kind: "lock", who, event: eventText(event) });
    },
    changeRequirement: (identity, change, event) =>
      writer.write<"require">({
        kind: "require",
        person: personRow(identity),
        change,
        now: clock.now(),
        event: eventText(event),
      }),
    grantBypass: (identity, codeHash, until, event) =>
      writer.write<"bypass">({
        kind: "bypass",
        person: personRow(identity),
        codeHash,
        until,
        event: eventText(event),
      }),
    async relink(identity, { dryRun }, event) {
      const person = personRow(identity);
      const text = eventText(event);
      if (!dryRun) return writer.write<"relink">({ kind: "relink", person, event: text });
      const named = snapshot.read(() => accounts.findByName(person.directory, person.nameKey));
      return named.some((row) => row.id !== person.id) ? "would-relink" : "not-needed";
    },
    async findPerson(person) {
      const account = findAccount(person);
      if (typeof account === "string") return account;
      return snapshot.read(() => accounts.findPerson(account, clock.now()) ?? "unknown");
    },
    listPeople: async ({ afterUsername, ...rest }) => {
      const after =
        afterUsername === undefined ? {} : { afterUsername: normaliseUsername(afterUsername) };
      return snapshot.read(() => accounts.list({ ...rest, ...after }, clock.now()));
    },
    events: (query, signal) => trail.query(query, signal),
    verifyEvents: (signal) => trail.verify(signal),
    async rotateKey(newKey, event) {
      const key = Uint8Array.from(newKey.reveal());
      const answer = await writer.write<"rotate">({
        kind: "rotate",
        newKey: key,
        event: eventText(event),
      });
      options.onNewKey(key);
      return answer;
    },
    async backup(path, event) {
      // Made here and now, for its owner only: what exists is never replaced (EEXIST).
      closeSync(openSync(path, "wx", 0o600));
      try {
        await backup(options.reader, path);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
      await writer.write<"record">({ kind: "record", event: eventText(event) });
      return { bytes: statSync(path).size };
    },
  };
}

function sortRows(rows: readonly ImportRow[]): {
  good: ImportedRow[];
  problems: ImportProblem[];
} {
  const good: ImportedRow[] = [];
  const problems: ImportProblem[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const nameKey = normaliseUsername(row.username);
    if (nameKey === "") problems.push({ line: row.line, problem: "malformed-username" });
    else if (seen.has(nameKey)) problems.push({ line: row.line, problem: "duplicate-name" });
    else good.push({ ...tokenRow(row), line: row.line, username: row.username, nameKey });
    seen.add(nameKey);
  }
  return { good, problems };
}

function tokenRow(token: NewToken): TokenRow {
  const { algorithm, digits, periodSeconds, lastStep = -1 } = token;
  const secret = Uint8Array.from(token.secret.reveal());
  return { secret, algorithm, digits, periodSeconds, lastStep };
}
