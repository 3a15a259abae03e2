// The LDAP door inside the test: the real core and store, a real directory behind it, listeners on
// loopback. Nobody is asked for a code unless the test says so.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { createDirectory, type DirectoryBackend } from "../../src/backends/directory/directory.ts";
import type { DirectoryUrl } from "../../src/backends/directory/options.ts";
import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { ListenerSettings, ListenerTls } from "../../src/doors/ldap/listener.ts";
import { startLdapDoor, type LdapDoor, type LdapDoorOptions } from "../../src/doors/ldap/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Secret } from "../../src/lib/secret.ts";
import { directoryOptions } from "./directory.ts";
import { LdapClient, type LdapClientOptions } from "./ldap-client.ts";
import { bindRequest } from "./ldap-requests.ts";
import { memoryLog } from "./radius-door.ts";
import { BASE } from "./slapd.ts";
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
  /** Called between a decision of the core and the door that hears of it. */
  readonly decided?: (kit: Pick<LdapKit, "door">) => void;
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
    endUser: "none",
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
  let close = async (): Promise<void> => undefined;
  t.teardown(async () => {
    await close();
    directory.close();
    await end();
  });
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
    authenticator: {
      ...authenticator,
      async login(attempt) {
        const decision = await authenticator.login(attempt);
        options.decided?.({ door });
        return decision;
      },
    },
    helpText: () => undefined,
    clock: systemClock,
    log,
    audit: (event) => store.record(event),
    ...options.door,
  });
  close = () => door.close({ drainMs: 0 });
  const portOf = (listener: number): number => Number(/\d+$/.exec(door.addresses[listener] ?? ""));
  return { door, directory, store, log, port: portOf(0), portOf };
}

/** Two sets of certificates, "" and "other/". */
export interface Certificates {
  /** PEM of the first set's authority. */
  readonly ca: string;
  read(name: string): string;
  tlsOf(set?: "" | "other/", changes?: Partial<ListenerTls>): ListenerTls;
}

export async function certificates(t: Test): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-ldap-door-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  await generateCertificates(folder);
  await generateCertificates(join(folder, "other"));
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  return {
    ca: read("ca.pem"),
    read,
    tlsOf: (set = "", changes = {}) => ({
      begins: "implicit",
      certificate: read(`${set}server.pem`),
      key: Secret.of(read(`${set}server.key`)),
      clientCa: undefined,
      ...changes,
    }),
  };
}

export const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;

/** Bound with the password alone; the Bind has the id 1. */
export async function bound(
  port: number,
  uid = "u000001",
  options: LdapClientOptions = {},
): Promise<LdapClient> {
  const client = await LdapClient.open(port, options);
  const { resultCode } = await client.ask(bindRequest(1, dnOf(uid), `pw-${uid}`));
  if (resultCode !== 0) throw new Error(`${uid} can't bind: ${resultCode}`);
  return client;
}
