// Options of a directory's client for tests, with what it reported.

import type { DirectoryOptions, DirectoryUrl } from "../../src/backends/directory/options.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Secret } from "../../src/lib/secret.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, type Slapd } from "./slapd.ts";

export interface Reported {
  readonly down: string[];
  readonly unusable: string[];
  readonly servers: string[];
  recovered: number;
}

/** For the people of test/support/slapd.ts; `changes` replace single options. */
export function directoryOptions(
  urls: readonly DirectoryUrl[],
  changes: Partial<DirectoryOptions> = {},
): { options: DirectoryOptions; reported: Reported } {
  const reported: Reported = { down: [], unusable: [], servers: [], recovered: 0 };
  const options: DirectoryOptions = {
    name: "corp",
    urls,
    ca: undefined,
    crl: undefined,
    bindDn: SERVICE_DN,
    bindPassword: Secret.of(SERVICE_PASSWORD),
    base: BASE,
    userFilter: "(&(objectClass=person)(uid={username}))",
    userDn: undefined,
    usernameAttribute: "uid",
    mailAttribute: "mail",
    idAttribute: undefined,
    domains: ["example.org", "EXAMPLE"],
    nestedGroups: true,
    lockoutThreshold: undefined,
    timeoutMs: 3_000,
    // Seldom enough not to disturb a test that counts what arrives.
    checkIntervalMs: 60_000,
    clock: systemClock,
    onDown: (reason) => reported.down.push(reason),
    onRecovered: () => {
      reported.recovered += 1;
    },
    onServer: ({ url }, problem) => reported.servers.push(`${url} ${problem ?? "answers"}`),
    onUnusable: (reason) => reported.unusable.push(reason),
    ...changes,
  };
  return { options, reported };
}

export function plainUrl({ host, port }: { host: string; port: number }): DirectoryUrl {
  return { url: `ldap://${host}:${port}`, host, port, tls: "none" };
}

/** `host` as the certificate is expected to name it. */
export function ldapsUrl({ ldapsPort }: { ldapsPort: number }, host = "127.0.0.1"): DirectoryUrl {
  return { url: `ldaps://${host}:${ldapsPort}`, host, port: ldapsPort, tls: "implicit" };
}

export function startTlsUrl({ port }: Slapd, host = "127.0.0.1"): DirectoryUrl {
  return { url: `ldap://${host}:${port}`, host, port, tls: "start-tls" };
}
