// An operators' door for tests: the administrator's port kept in memory, a directory of three
// people, and a real socket. The store has a contract suite of its own; this is only its stand-in.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

import type { Administration, Person } from "../../src/core/administration.ts";
import type { AuditEvent, EventDraft } from "../../src/core/audit.ts";
import { DependencyDown, type Directory, type Identity } from "../../src/core/ports.ts";
import { connectControl, type Operations } from "../../src/doors/control/client.ts";
import type { ControlContext } from "../../src/doors/control/context.ts";
import { localOperations } from "../../src/doors/control/local.ts";
import { listenControl, type ControlServer } from "../../src/doors/control/server.ts";
import type { Log } from "../../src/lib/log.ts";
import { Secret } from "../../src/lib/secret.ts";
import { normaliseUsername } from "../../src/lib/username.ts";
import { fakeClock, type FakeClock } from "./clock.ts";

const nothing = (): void => undefined;
export const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface TestContext extends ControlContext {
  readonly clock: FakeClock;
  readonly events: AuditEvent[];
  readonly people: Map<string, Person>;
  /** Set: the directory can't answer. */
  down: boolean;
}

function directoryOf(name: string, isDown: () => boolean): Directory {
  const usernames = ["alice", "bob", "carol"];
  return {
    name,
    lockoutThreshold: 0,
    async find(username) {
      if (isDown()) throw new DependencyDown(`directory:${name}`, "connection refused");
      const [local = ""] = normaliseUsername(username).split("@");
      if (local === "twins") return { kind: "ambiguous" };
      if (!usernames.includes(local)) return { kind: "not-found" };
      const identity = { directory: name, id: `id-${local}`, username: local, dn: `uid=${local}` };
      return { kind: "found", identity };
    },
    bind: () => Promise.reject(new Error("operators never bind")),
    memberOf: () => Promise.resolve(new Set<string>()),
  };
}

/** One directory per name; everything starts empty. */
export function testContext(names: readonly string[] = ["corp"]): TestContext {
  const events: AuditEvent[] = [];
  const people = new Map<string, Person>();
  const context: TestContext = {
    administration: administrationOf(events, people),
    directories: names.map((name) => directoryOf(name, () => context.down)),
    issuer: "Example",
    bypassKey: Secret.of(Buffer.alloc(32, 7)),
    clock: fakeClock(),
    gateway: {
      health: async () => ({
        status: "degraded",
        version: "0.1.0",
        uptimeMs: 90_000,
        store: { name: "sqlite", state: "up" },
        directories: [{ name: "corp", state: "down", detail: "connection refused" }],
        listeners: [{ name: "radius", state: "up", detail: "127.0.0.1:1812" }],
      }),
      reload: async () => ["log.level is debug now"],
    },
    events,
    people,
    down: false,
  };
  return context;
}

function personOf(directory: string, username: string, id?: string): Person {
  return {
    directory,
    id,
    username,
    enrolment: "not-required",
    token: undefined,
    requirementUntil: undefined,
    lockedUntil: undefined,
    passwordFailures: 0,
    codeFailures: 0,
    bypassUntil: undefined,
  };
}

const TOKEN = { enrolledAt: 1, lastUsedAt: undefined, suspended: false };

function administrationOf(events: AuditEvent[], people: Map<string, Person>): Administration {
  const keyOf = (directory: string, username: string): string =>
    `${directory}/${normaliseUsername(username)}`;
  const record = (event: EventDraft): void => {
    events.push({ ...event, seq: events.length + 1, prev_hash: "", hash: "" });
  };
  const get = ({ directory, username }: { directory: string; username: string }) =>
    people.get(keyOf(directory, username));
  const change = (person: Person, changes: Partial<Person>, event: EventDraft): void => {
    people.set(keyOf(person.directory, person.username), { ...person, ...changes });
    record(event);
  };
  const own = (identity: Identity): Person | undefined => {
    const known = get(identity) ?? personOf(identity.directory, identity.username, identity.id);
    return known.id === identity.id ? known : undefined;
  };
  return {
    async importTokens(directory, rows, { replace }, event) {
      const taken = rows.filter((row) => get({ ...row, directory })?.token && !replace);
      for (const { username, algorithm, digits, periodSeconds } of rows) {
        if (get({ directory, username })?.token && !replace) continue;
        const token = { ...TOKEN, algorithm, digits, periodSeconds };
        const person = { ...personOf(directory, username), enrolment: "pending", token } as const;
        people.set(keyOf(directory, username), person);
      }
      const problems = taken.map(({ line }) => ({ line, problem: "already-has-token" }) as const);
      record({ ...event, count: rows.length - taken.length });
      return { imported: rows.length - taken.length, problems };
    },
    async enroll(identity, { algorithm, digits, periodSeconds }, { replace }, event) {
      const person = own(identity);
      if (person === undefined) return "identity-changed";
      if (person.token !== undefined && !replace) return "already-has-token";
      const token = { ...TOKEN, algorithm, digits, periodSeconds };
      change(person, { enrolment: "enrolled", token }, event);
      return "enrolled";
    },
    async resetToken(name, event) {
      const person = get(name);
      if (person === undefined) return "unknown";
      if (person.token === undefined) return "no-token";
      change(person, { enrolment: "not-required", token: undefined }, event);
      return "reset";
    },
    async unlock(name, event) {
      const person = get(name);
      if (person === undefined) return "unknown";
      if (person.lockedUntil === undefined) return "not-locked";
      change(person, { lockedUntil: undefined }, event);
      return "unlocked";
    },
    async lock(name, event) {
      const person = get(name);
      if (person === undefined) return "unknown";
      change(person, { lockedUntil: "administrator" }, event);
      return "locked";
    },
    async requireFactor(identity, until, event) {
      const person = own(identity);
      if (person === undefined) return "identity-changed";
      const enrolment = until === undefined ? "not-required" : "in-period";
      change(person, { requirementUntil: until, enrolment }, event);
      return "set";
    },
    async grantBypass(identity, _codeHash, until, event) {
      const person = own(identity);
      if (person === undefined) return "identity-changed";
      change(person, { bypassUntil: until }, event);
      return "granted";
    },
    async relink(identity, { dryRun }, event) {
      const person = get(identity);
      if (person === undefined || person.id === identity.id) return "not-needed";
      if (!dryRun) change(person, { id: identity.id }, event);
      return dryRun ? "would-relink" : "relinked";
    },
    findPerson: async (name) => get(name),
    async listPeople({ directory, afterUsername = "", withToken, limit }) {
      return [...people.values()]
        .filter((person) => directory === undefined || person.directory === directory)
        .filter((person) => withToken !== true || person.token !== undefined)
        .filter((person) => person.username > afterUsername)
        .toSorted((a, b) => (a.username < b.username ? -1 : 1))
        .slice(0, limit);
    },
    async events({ afterSeq = 0, username, success, eventType, limit }) {
      return events
        .filter((event) => event.seq > afterSeq)
        .filter((event) => username === undefined || event.username === username)
        .filter((event) => success === undefined || event.success === success)
        .filter((event) => eventType === undefined || event.event_type === eventType)
        .slice(-limit);
    },
    verifyEvents: async () => ({ kind: "intact", events: events.length }),
    async rotateKey(_newKey, progress, event) {
      progress(1, 2);
      progress(2, 2);
      record(event);
      return { resealed: 2 };
    },
    async backup(path, event) {
      if (path.endsWith("taken")) throw Object.assign(new Error("exists"), { code: "EEXIST" });
      record(event);
      return { bytes: 4_096 };
    },
  };
}

/** A folder that is gone after the test. */
export function testFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

export interface Door {
  readonly server: ControlServer;
  readonly operations: Operations;
}

/** The door on a real socket, and a client on it. */
export async function openDoor(t: Test, context: ControlContext): Promise<Door> {
  const server = await listenControl(join(testFolder(t), "gatehouse.sock"), context, SILENT);
  const operations = await connectControl(server.path, "root");
  if (operations === undefined) throw new Error("the door doesn't answer");
  t.teardown(async () => {
    await operations.close();
    if (existsSync(server.path)) await server.close();
  });
  return { server, operations };
}

/** The same operations without a socket. */
export function withoutGateway(context: ControlContext): Operations {
  return localOperations({ ...context, gateway: undefined }, "root", async () => undefined);
}
