// A listener's people and exemptions: recognised by the entry, never by what was typed.

import t from "tap";

import { createListener, createPlace } from "../../../src/doors/ldap/listener.ts";
import type { UpstreamDirectory } from "../../../src/doors/ldap/upstream.ts";
import { listenerSettings } from "../../support/ldap-door.ts";
import { person } from "../../support/store.ts";

const asked: string[] = [];
const directory: UpstreamDirectory = {
  name: "corp",
  find: async (name) => {
    asked.push(`find ${name}`);
    return { kind: "not-found" };
  },
  findEntry: async (dn) => {
    asked.push(`entry ${dn}`);
    return { kind: "not-found" };
  },
  bind: async () => ({ kind: "wrong" }),
  memberOf: async () => new Set(),
  relays: { prepare: () => undefined, acquire: () => Promise.reject(new Error("none")) },
};

const network = (text: string, prefix = 32) => ({
  bytes: Buffer.from(text.split(".").map(Number)),
  prefix,
});

const DN = "cn=Backup\\2c Nightly,ou=services,dc=example,dc=org";
const listener = createListener(
  listenerSettings({
    exempt: [{ dn: DN, addresses: [network("192.0.2.7"), network("198.51.100.0", 24)] }],
    rebindWindowMs: 5_000,
  }),
  directory,
);

t.test(
  "LDAP-20: every spelling of an exempt DN is read as an entry; others are searched",
  async (t) => {
    const spellings = [
      DN,
      "CN=backup\\, nightly , OU=Services,DC=EXAMPLE,dc=org",
      "2.5.4.3=#0c0f4261636b75702c204e696768746c79,ou=services,dc=example,dc=org",
    ];
    for (const name of spellings) {
      asked.length = 0;
      await listener.people.find(name);
      t.match(asked, [/^entry cn=backup/], name);
    }
    for (const name of ["alice", "a=b", "cn=other,dc=example,dc=org", "=", "alice@example.org"]) {
      asked.length = 0;
      await listener.people.find(name);
      t.same(asked, [`find ${name}`]);
    }
  },
);

t.test("an exempt account is exempt from its addresses, and from elsewhere something else", (t) => {
  const service = { ...person("svc"), dn: DN.toUpperCase().replace("\\2C", "\\2c") };
  for (const [address, expected] of [
    ["192.0.2.7", "exempt"],
    ["::ffff:192.0.2.7", "exempt"],
    ["198.51.100.200", "exempt"],
    ["192.0.2.8", "elsewhere"],
    ["::1", "elsewhere"],
    ["", "elsewhere"],
    ["nonsense", "elsewhere"],
  ] as const) {
    t.equal(listener.serviceOf(service, address), expected, address);
  }
  t.equal(listener.serviceOf(person("alice"), "192.0.2.7"), "person");
  t.end();
});

t.test("a balancer is known by its address; a listener without any knows none", (t) => {
  const behind = createListener(
    listenerSettings({ proxyProtocol: [network("192.0.2.0", 24)] }),
    directory,
  );
  t.equal(behind.isBalancer("192.0.2.9"), true);
  t.equal(behind.isBalancer("192.0.3.9"), false);
  t.equal(listener.isBalancer("192.0.2.9"), false);
  t.match(listener.rebind("192.0.2.9"), {
    windowMs: 5_000,
    address: "192.0.2.9",
    setting: "ldap.listeners[apps].rebind_window",
  });
  t.end();
});

t.test("a client's address is a person's only where people's machines connect", (t) => {
  const settings = listenerSettings({
    endUser: "address",
    proxyProtocol: [network("192.0.2.0", 24)],
    exempt: [{ dn: DN, addresses: [network("198.51.100.7")] }],
  });
  const { endUser } = createListener(settings, directory);
  for (const [address, source] of [
    ["203.0.113.9", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["198.51.100.7", undefined],
    ["::ffff:198.51.100.7", undefined],
    ["192.0.2.9", undefined],
    ["nonsense", undefined],
  ] as const) {
    t.equal(endUser(address), source, address);
  }
  t.equal(listener.endUser("203.0.113.9"), undefined, "none is the default");
  t.end();
});

t.test("rules follow a reload for those who hold them", (t) => {
  const place = createPlace(listener);
  const { rules } = place;
  t.equal(rules.referrals, "drop");
  const next = listenerSettings({ referrals: "pass", operations: ["whoami"] });
  place.current = createListener(next, directory);
  t.equal(rules.referrals, "pass");
  t.same([...rules.operations], ["whoami"]);
  t.end();
});
