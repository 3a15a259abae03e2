// The LDAP door inside the test: the real core and store, a real directory behind it, listeners on
// loopback. Nobody is asked for a code unless the test says so.

import type { Test } from "tap";

import { createDirectory, type DirectoryBackend } from "../../src/backends/directory/directory.ts";
import type { DirectoryUrl } from "../../src/backends/directory/options.ts";
import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { ListenerSettings } from "../../src/doors/ldap/listener.ts";
import { startLdapDoor, type LdapDoor, type LdapDoorOptions } from "../../src/doors/ldap/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { directoryOptions } from "./directory.ts";
import { memoryLog } from "./radius-door.ts";
import { MASTER_KEY, testStore, type TestStore } from "./store.ts";

export interface LdapKit {
  readonly door: LdapDoor;
  readonly directory: DirectoryBackend;
  readonly store: TestStore["store"];
  readonly log: ReturnType<typeof memoryLog>;
  /** Of the first listener. */
  readonly port: number;
  portOf(listener: number): number;
}

export interface LdapKitOptions {
  readonly urls: readonly DirectoryUrl[];
  readonly listeners?: readonly Partial<ListenerSettings>[];
  readonly door?: Partial<LdapDoorOptions>;
  readonly directory?: Parameters<typeof directoryOptions>[1];
}

export function listenerSettings(changes: Partial<ListenerSettings> = {}): ListenerSettings {
  return {
    name: "apps",
    listen: { family: 4, host: "127.0.0.1", port: 0 },
    tls: undefined,
    directory: "corp",
    allowGroups: [],
    mfa: "disabled",
    separator: ",",
    rebindWindowMs: 0,
    proxyProtocol: [],
    operations: ["search", "compare", "whoami", "cancel"],
    referrals: "drop",
    exempt: [],
    ...changes,
  };
}

export async function openLdapDoor(t: Test, options: LdapKitOptions): Promise<LdapKit> {
  const { store, end } = await testStore({ clock: systemClock });
  const log = memoryLog();
  const directory = createDirectory(directoryOptions(options.urls, options.directory).options);
  await directory.start();
  const authenticator = createAuthenticator({
    attempts: store,
    clock: systemClock,
    log,
    masterKey: MASTER_KEY,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 30 * 60_000,
  });
  const door = await startLdapDoor({
    listeners: (options.listeners ?? [{}]).map(listenerSettings),
    directories: new Map([["corp", directory]]),
    authenticator,
    clock: systemClock,
    log,
    audit: (event) => store.record(event),
    ...options.door,
  });
  t.teardown(async () => {
    await door.close({ drainMs: 0 });
    directory.close();
    await end();
  });
  const portOf = (listener: number): number => Number(/\d+$/.exec(door.addresses[listener] ?? ""));
  return { door, directory, store, log, port: portOf(0), portOf };
}
