// Several directories behind one face: two OpenLDAP servers with the same people in them.

import t from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import { createRouter } from "../../../src/backends/directory/router.ts";
import { DependencyDown } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { BASE, startSlapd, type Slapd } from "../../support/slapd.ts";

const servers = [await startSlapd(), await startSlapd()] as const;
const opened: DirectoryBackend[] = [];
t.teardown(async () => {
  for (const directory of opened) directory.close();
  for (const server of servers) await server.stop();
});

function open(server: Slapd, name: string, domains: string[], userFilter: string) {
  const changes = { name, domains, userFilter, timeoutMs: 1_000 };
  const directory = createDirectory(directoryOptions([plainUrl(server)], changes).options);
  opened.push(directory);
  return directory;
}

const corp = open(servers[0], "corp", ["corp.example", "CORP"], "(uid={username})");
// Everybody but bob.
const partners = open(
  servers[1],
  "partners",
  ["partner.example"],
  "(&(uid={username})(!(uid=bob)))",
);
const router = createRouter([corp, partners]);
const whereIs = async (typed: string): Promise<string> => {
  const found = await router.find(typed);
  return found.kind === "found" ? found.identity.directory : found.kind;
};

t.test("a name's domain says where it belongs; without one, two people are refused", async (t) => {
  const cases: Record<string, string> = {
    "alice@corp.example": "corp",
    "CORP\\alice": "corp",
    "alice@PARTNER.example": "partners",
    "bob@partner.example": "not-found",
    bob: "corp",
    alice: "ambiguous",
    "alice@elsewhere.example": "not-found",
    // Both bases are above it.
    [`uid=alice,ou=people,${BASE}`]: "ambiguous",
    [`uid=bob,ou=people,${BASE}`]: "corp",
    "": "malformed",
  };
  for (const [typed, place] of Object.entries(cases)) t.equal(await whereIs(typed), place, typed);
});

t.test("a password and groups are asked of the person's own directory", async (t) => {
  const found = await router.find("bob");
  if (found.kind !== "found") throw new Error("bob is not found");
  t.same(await router.bind(found.identity, Secret.of("hello")), { kind: "right" });
  t.same(await router.bind(found.identity, Secret.of("no")), { kind: "wrong" });
  const vpn = `cn=vpn,ou=groups,${BASE}`;
  t.same(await router.memberOf(found.identity, [vpn]), new Set([vpn]));
});

t.test("one directory that hangs delays nobody of another, once that is known", async (t) => {
  servers[1].pause();
  t.teardown(() => servers[1].resume());
  await t.rejects(router.find("mallory@partner.example"), DependencyDown);
  const startedAt = performance.now();
  for (let tries = 0; tries < 5; tries += 1) {
    t.equal(await whereIs(`${" ".repeat(tries)}bob`), "corp");
  }
  const tookMs = performance.now() - startedAt;
  t.ok(tookMs < 500, `${Math.round(tookMs)} ms for five`);
  await t.rejects(router.find("nobody"), DependencyDown, "nobody can say that there is nobody");
  servers[1].resume();
  t.equal(await whereIs("mallory@partner.example"), "partners");
});

t.test("one directory down: its people are told so, the others don't notice", async (t) => {
  await servers[1].kill();
  t.equal(await whereIs("carol@corp.example"), "corp");
  await t.rejects(router.find("carol@partner.example"), DependencyDown);
  t.equal(await whereIs("jürgen"), "corp", "found elsewhere");
  await t.rejects(router.find("nobody"), DependencyDown, "nobody can say that there is nobody");
  await servers[1].start();
  t.equal(await whereIs("carol@partner.example"), "partners");
});
