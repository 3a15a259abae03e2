// What check --connect goes through for a whole configuration: every directory, with the groups that any
// door asks it about.

import t from "tap";

import type { Finding } from "../../src/core/finding.ts";
import { examine } from "../../src/gateway/doctor.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { makeFolder } from "../support/configuration.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

const servers = [await startSlapd(), await startSlapd()] as const;
const folder = makeFolder();
t.teardown(async () => {
  folder.remove();
  await Promise.all(servers.map((server) => server.stop()));
});

const group = (cn: string): string => `"cn=${cn},ou=groups,${BASE}"`;
const directory = (name: string, url: string): string => `  - name: ${name}
    urls: ["${url}"]
    allow_cleartext: true
    bind_dn: "${SERVICE_DN}"
    bind_password: { value: ${SERVICE_PASSWORD} }
    base: "${BASE}"
    domains: [${name}.example]
`;

async function examineGroups(radius: string, ldap: string): Promise<Record<string, string[]>> {
  const loaded = folder.load(`master_key: { file: master.key }
store: { sqlite: gatehouse.db }
directories:
${directory("corp", servers[0].url)}${directory("partners", servers[1].url)}radius:
  listen: ["127.0.0.1:0"]
  clients:
    - { name: vpn, addresses: [192.0.2.1], secret: { file: vpn }, ${radius} }
ldap:
  listeners:
    - { name: apps, listen: "127.0.0.1:0", tls: none, directory: partners, ${ldap} }
`);
  if ("problems" in loaded) throw new Error(JSON.stringify(loaded.problems));
  const found: Finding[] = [];
  await examine(loaded.config, false, systemClock, (finding) => found.push(finding));
  const about = (name: string): string[] =>
    found
      .filter(({ subject, said }) => subject.includes(` ${name} `) && said.includes("group"))
      .map(({ state, said }) => `${state} ${said}`);
  return { corp: about("corp"), partners: about("partners") };
}

t.test(
  "each directory is asked for the groups that its own clients and listeners name",
  async (t) => {
    const [vpn, staff, typo] = ["vpn", "staff", "vnp"].map(group);
    const every = ["right it knows every group that allow_groups and reply name"];
    const unknown = [`doubtful it knows no group ${typo?.replaceAll('"', "")}: nobody is in it`];
    const reply = `reply: [{ group: ${staff}, vlan: 5 }]`;
    t.same(
      await examineGroups(`directory: corp, allow_groups: [${vpn}]`, `allow_groups: [${vpn}]`),
      {
        corp: every,
        partners: every,
      },
    );
    t.same(await examineGroups(`directory: corp, ${reply}`, `allow_groups: [${typo}]`), {
      corp: every,
      partners: unknown,
    });
    t.same(
      await examineGroups(`directory: corp, reply: [{ group: ${typo}, vlan: 5 }]`, "mfa: required"),
      {
        corp: unknown,
        partners: [],
      },
    );
    // Without a directory of its own a client asks all those that may have the group.
    t.same(await examineGroups(`allow_groups: [${vpn}, ${typo}]`, "mfa: required"), {
      corp: unknown,
      partners: unknown,
    });
  },
);
