// What an administrator is told about a directory server that isn't as the configuration says.

import { createServer } from "node:net";

import t from "tap";

import { examineDirectory } from "../../../src/backends/directory/examine.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { Finding } from "../../../src/core/finding.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, ldapsUrl, plainUrl } from "../../support/directory.ts";
import { freePort } from "../../support/ports.ts";
import { BASE, SERVICE_DN, startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ tls: true, passwordPolicy: true });
t.teardown(() => slapd.stop());

async function examine(
  changes: Partial<DirectoryOptions> = {},
  groups: readonly string[] = [],
): Promise<Finding[]> {
  const { options } = directoryOptions([ldapsUrl(slapd)], { ca: slapd.ca, ...changes });
  const found: Finding[] = [];
  await examineDirectory(options, groups, (finding) => found.push(finding));
  return found;
}

t.test("all is well: a line for each step, and nothing to do", async (t) => {
  const found = await examine();
  t.same(new Set(found.map(({ state }) => state)), new Set(["right"]));
  t.equal(found.length, 4);
  t.match(found[3], { said: /locks after 1000 wrong passwords in 15 min/ });
  t.equal(found[0]?.subject, `directory corp ${slapd.ldapsUrl}`);
});

t.test("the first thing that is wrong, with its remedy", async (t) => {
  const nobody = { host: "127.0.0.1", port: await freePort() };
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  t.teardown(() => silent.close());
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const quiet = { ...ldapsUrl(slapd), port };
  const notTls = { ...ldapsUrl(slapd), port: slapd.port };
  const cases: [string, Partial<DirectoryOptions>, RegExp, RegExp][] = [
    ["nobody there", { urls: [plainUrl(nobody)] }, /ECONNREFUSED/, /is the directory running/],
    ["no such name", { urls: [ldapsUrl(slapd, "dc1.invalid")] }, /ENOTFOUND|EAI_AGAIN/, /DNS/],
    ["silence", { urls: [quiet], timeoutMs: 200 }, /no connection in time/, /firewalls/],
    ["no TLS there", { urls: [notTls] }, /./, /636|hung up/],
    ["unknown authority", { ca: undefined }, /./, /directories\[\]\.ca/],
    ["another name", { urls: [ldapsUrl(slapd, "localhost.localdomain")] }, /./, /name|DNS/],
    ["wrong password", { bindPassword: Secret.of("x") }, /wrong name or password/, /ldapwhoami/],
    ["no such account", { bindDn: `cn=x,${BASE}` }, /wrong name or password/, /ldapwhoami/],
    ["no such base", { base: `ou=x,${BASE}` }, /knows no base/, /write the base/],
    ["no such people", { userFilter: "(cn={username}x)" }, /finds nobody/, /compare user_filter/],
    ["no lasting id", { idAttribute: "x-id" }, /an entry without an id/, /id_attribute/],
    [
      "another attribute",
      { usernameAttribute: "sn2" },
      /an entry without sn2/,
      /username_attribute/,
    ],
    ["another template", { userDn: `cn={username},${BASE}` }, /doesn't lead to/, /compare user_dn/],
  ];
  for (const [name, changes, said, remedy] of cases) {
    const found = await examine(changes);
    const first = found.find(({ state }) => state === "wrong");
    t.match(first, { said, remedy }, name);
    t.equal(found.filter(({ state }) => state === "wrong").length, 1, name);
  }
});

t.test("groups that nobody can be in want attention", async (t) => {
  const [vpn, staff] = ["vpn", "staff"].map((cn) => `cn=${cn},ou=groups,${BASE}`);
  const right = await examine({}, [vpn ?? "", staff ?? ""]);
  t.match(right[3], { state: "right", said: /knows every group that allow_groups/ });
  const wrong = await examine({}, [vpn ?? "", `cn=vnp,ou=groups,${BASE}`]);
  t.match(wrong[3], { state: "doubtful", said: /no group cn=vnp,.*nobody/, remedy: /correct it/ });
  t.equal(wrong.length, 5);
});

t.test("D15: a wrong password is sent once, however many servers there are", async (t) => {
  const urls = [ldapsUrl(slapd), ldapsUrl(slapd, "localhost"), plainUrl(slapd)];
  const dn = `uid=carol,ou=people,${BASE}`;
  const found = await examine({ urls, bindDn: dn, bindPassword: Secret.of("wrong") });
  t.equal(slapd.read("carol", "pwdFailureTime").length, 1);
  t.equal(found.filter(({ state }) => state === "wrong").length, 1);
  t.match(found.at(-1), { state: "doubtful", said: /isn't tried here/, remedy: /bind_password/ });
});

t.test("passwords in clear, and a certificate that soon ends, want attention", async (t) => {
  const plain = await examine({ urls: [plainUrl(slapd)] });
  t.match(plain[0], { state: "doubtful", said: /in clear/, remedy: /ldaps/ });
  const soon = { ...systemClock, now: () => systemClock.now() + 800 * 86_400_000 };
  const [first] = await examine({ clock: soon });
  t.match(first, { state: "doubtful", said: /ends in 2\d days/, remedy: /renew it/ });
});

t.test("a server that answers nothing after the first step ends it in time", async (t) => {
  slapd.pause();
  t.teardown(() => slapd.resume());
  const found = await examine({ urls: [plainUrl(slapd)], timeoutMs: 100 });
  t.match(found.at(-1), { state: "wrong", said: "no answer in time" });
  t.notOk(JSON.stringify(found).includes(SERVICE_DN));
});
