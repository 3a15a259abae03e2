// An operators' door for tests: the real store, a directory of three people, and a real socket.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

import type { Store } from "../../src/backends/store/store.ts";
import type { Person } from "../../src/core/administration.ts";
import type { AuditEvent } from "../../src/core/audit.ts";
import { DependencyDown, type Identity } from "../../src/core/ports.ts";
import { connectControl, type Operations } from "../../src/doors/control/client.ts";
import type { ControlContext, KnownDirectory } from "../../src/doors/control/context.ts";
import { localOperations } from "../../src/doors/control/local.ts";
import { listenControl, type ControlServer } from "../../src/doors/control/server.ts";
import type { Log } from "../../src/lib/log.ts";
import { createPasswordHasher } from "../../src/lib/password-hash.ts";
import { Secret } from "../../src/lib/secret.ts";
import { normaliseUsername } from "../../src/lib/username.ts";
import type { FakeClock } from "./clock.ts";
import { testStore } from "./store.ts";

const nothing = (): void => undefined;
export const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface TestContext extends ControlContext {
  readonly clock: FakeClock;
  readonly administration: Store;
  /** All there are, oldest first. */
  events(): Promise<readonly AuditEvent[]>;
  people(): Promise<readonly Person[]>;
  /** Names of service accounts. */
  readonly exempt: Set<string>;
  /** Set: the directory can't answer. */
  down: boolean;
}

const APP_DN = "cn=app,ou=services";

function identityOf(directory: string, username: string): Identity {
  return { directory, id: `id-${username}`, username, dn: `uid=${username}` };
}

function directoryOf(name: string, isDown: () => boolean): KnownDirectory {
  const usernames = ["alice", "bob", "carol"];
  return {
    name,
    async find(username) {
      if (isDown()) throw new DependencyDown(`directory:${name}`, "connection refused");
      const [local = ""] = normaliseUsername(username).split("@");
      if (local === "twins") return { kind: "ambiguous" };
      if (!usernames.includes(local)) return { kind: "not-found" };
      return { kind: "found", identity: identityOf(name, local) };
    },
    async findEntry(dn) {
      if (isDown()) throw new DependencyDown(`directory:${name}`, "connection refused");
      if (dn !== APP_DN) return { kind: "not-found" };
      return { kind: "found", identity: { directory: name, id: "id-app", username: dn, dn } };
    },
    async *everybody() {
      if (isDown()) throw new DependencyDown(`directory:${name}`, "connection refused");
      yield usernames.map((local) => identityOf(name, local));
    },
    bind: () => Promise.reject(new Error("operators never bind")),
    memberOf: async ({ username }, groups) => new Set(groups.filter((dn) => dn.includes(username))),
  };
}

/** For as long as `t`. One directory per name; everything starts empty. */
export async function testContext(
  t: Test,
  names: readonly string[] = ["corp"],
): Promise<TestContext> {
  const test = await testStore();
  // After the doors on it have closed.
  t.teardown(() => test.end());
  const { store, clock } = test;
  const context: TestContext = {
    // A copy, so that a test may put something else in the place of one method.
    administration: { ...store },
    administrators: store.administrators,
    passwords: createPasswordHasher(clock),
    directories: names.map((name) => directoryOf(name, () => context.down)),
    issuer: "Example",
    periodMs: 7 * 86_400_000,
    isExempt: ({ username }) => context.exempt.has(username),
    exempt: new Set(),
    bypassKey: Secret.of(Buffer.alloc(32, 7)),
    clock,
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
      tryLogin: () => Promise.reject(new Error("not in this test")),
    },
    events: () => store.events({ limit: 1_000 }),
    people: () => store.listPeople({ limit: 10_000 }),
    down: false,
  };
  return context;
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
