// People in thousands of groups, on a real directory: the right answer or an outage, in bounded time.

import t from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const GROUPS = 9_900;
const generous = await startSlapd({ groups: GROUPS, sizeLimit: 20_000 });
const strict = await startSlapd({ groups: GROUPS });
t.teardown(() => Promise.all([generous.stop(), strict.stop()]));

async function memberOf(
  slapd: typeof generous,
  username: string,
  groups: readonly string[],
  nestedGroups = true,
): Promise<string[]> {
  const { options } = directoryOptions([plainUrl(slapd)], { timeoutMs: 20_000, nestedGroups });
  const directory = createDirectory(options);
  try {
    const found = await directory.find(username);
    if (found.kind !== "found") throw new Error(found.kind);
    const identity: Identity = found.identity;
    const dns = groups.map((cn) => `cn=${cn},ou=groups,${BASE}`);
    return [...(await directory.memberOf(identity, dns))].map((dn) => dn.slice(3, dn.indexOf(",")));
  } finally {
    directory.close();
  }
}

t.test("D14: one of 9,900 groups, and none of those that aren't", async (t) => {
  t.same(await memberOf(generous, "mallory", ["g09899", "staff"]), ["g09899"]);
  t.same(await memberOf(generous, "alice", ["g09899", "loop"]), ["loop"], "among 9,900 others");
});

t.test("D14: more groups than the directory lists: each is asked for by its name", async (t) => {
  t.same(await memberOf(strict, "mallory", ["g00000", "g09899"]), ["g00000", "g09899"]);
  const groups = ["g09899", "staff", "missing"];
  t.same(await memberOf(strict, "mallory", groups, false), ["g09899"]);
});

t.test("D14: what those groups are in nobody can say: an outage that says so", async (t) => {
  await t.rejects(memberOf(strict, "mallory", ["g09899", "staff"]), {
    name: "DependencyDown",
    message: /more groups than the directory lists.*size limit/,
  });
  t.same(await memberOf(strict, "alice", ["everyone"]), ["everyone"], "nobody else is affected");
});
