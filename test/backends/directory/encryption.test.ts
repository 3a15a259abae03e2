// LDAPS and StartTLS: the password travels only inside TLS, to the server that was meant.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import t from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions, DirectoryUrl } from "../../../src/backends/directory/options.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, ldapsUrl, startTlsUrl } from "../../support/directory.ts";
import { entry, result, startFaultDirectory, type Script } from "../../support/fault-directory.ts";
import { SERVICE_DN, startSlapd } from "../../support/slapd.ts";

const CHILD = fileURLToPath(new URL("../../support/find-child.ts", import.meta.url));

const slapd = await startSlapd({
  tls: true,
  log: true,
  certificateNames: ["localhost", "127.0.0.1"],
});
const stranger = await startSlapd({
  tls: true,
  log: true,
  certificateNames: ["elsewhere.example"],
});
t.teardown(() => Promise.all([slapd.stop(), stranger.stop()]));

function open(url: DirectoryUrl, changes: Partial<DirectoryOptions> = {}): DirectoryBackend {
  const directory = createDirectory(directoryOptions([url], { ca: slapd.ca, ...changes }).options);
  t.teardown(() => directory.close());
  return directory;
}

const down = { name: "DependencyDown" };

t.test("LDAPS and StartTLS work with the right authority, by name and by address", async (t) => {
  for (const url of [ldapsUrl(slapd), ldapsUrl(slapd, "localhost"), startTlsUrl(slapd)]) {
    const directory = open(url);
    const found = await directory.find("bob");
    if (found.kind !== "found") throw new Error(found.kind);
    t.same(await directory.bind(found.identity, Secret.of("hello")), { kind: "right" }, url.url);
    t.same(await directory.bind(found.identity, Secret.of("wrong")), { kind: "wrong" }, url.url);
  }
});

t.test("D16: another authority or another name: no bind is sent", async (t) => {
  const before = slapd.binds(SERVICE_DN);
  for (const url of [ldapsUrl(slapd), startTlsUrl(slapd)]) {
    await t.rejects(open(url, { ca: stranger.ca }).find("bob"), down, "another authority");
    await t.rejects(open(url, { ca: undefined }).find("bob"), down, "the system's authorities");
  }
  t.equal(slapd.binds(SERVICE_DN), before);
  for (const url of [ldapsUrl(stranger), startTlsUrl(stranger), ldapsUrl(stranger, "localhost")]) {
    await t.rejects(open(url, { ca: stranger.ca }).find("bob"), down, "another name");
  }
  t.equal(stranger.binds(SERVICE_DN), 0);
});

t.test("without a ca the authorities of this host count, and only they", async (t) => {
  const folder = t.testdir({ empty: {} });
  const file = join(folder, "ca.pem");
  writeFileSync(file, slapd.ca);
  const run = (authorities: string): string => {
    const env = { SSL_CERT_FILE: authorities, SSL_CERT_DIR: join(folder, "empty") };
    const args = [CHILD, String(slapd.ldapsPort)];
    const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    return stdout + stderr;
  };
  t.equal(run(file), "found\n");
  t.match(run("/dev/null"), /DependencyDown/);
});

t.test("LDAP-11: a plain answer to LDAPS is no connection", async (t) => {
  const url = { ...ldapsUrl(slapd), port: slapd.port };
  await t.rejects(open(url, { timeoutMs: 500 }).find("bob"), down);
});

t.test("LDAP-11: StartTLS refused or answered wrongly never falls back to clear", async (t) => {
  const granted: Script = ({ id }, peer) => peer.write(result(id, "extended", 0));
  const cases: Record<string, Script> = {
    refused: ({ id }, peer) => peer.write(result(id, "extended", 2)),
    unavailable: ({ id }, peer) => peer.write(result(id, "extended", 52)),
    "another id": ({ id }, peer) => peer.write(result(id + 1, "extended", 0)),
    "another operation": ({ id }, peer) => peer.write(result(id, "bind", 0)),
    "nothing that is LDAP": (_, peer) => peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a plain answer behind it": ({ id }, peer) =>
      peer.write(Buffer.concat([result(id, "extended", 0), result(2, "bind", 0)])),
    "half a message behind it": ({ id }, peer) =>
      peer.write(Buffer.concat([result(id, "extended", 0), Buffer.of(0x30)])),
    closed: (_, peer) => peer.destroy(),
    "granted, then answers in clear": (request, peer) => {
      granted(request, peer);
      setImmediate(() => peer.write(Buffer.concat([result(2, "bind", 0), entry(3, "cn=a", {})])));
    },
    "granted, then silence": granted,
    silence: () => undefined,
  };
  for (const [name, extended] of Object.entries(cases)) {
    const peer = await startFaultDirectory({ extended });
    const url: DirectoryUrl = {
      url: "ldap://fault",
      host: peer.host,
      port: peer.port,
      tls: "start-tls",
    };
    await t.rejects(open(url, { timeoutMs: 300 }).find("alice"), down, name);
    t.same(peer.log, [], `${name}: nothing was asked in clear`);
    await peer.stop();
  }
});
