// Which client an address belongs to.

import t from "tap";

import { createClientTable } from "../../../src/doors/radius/clients.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { client, corp, nameOf, network, openDoor, request } from "../../support/radius-door.ts";

const directories = new Map([["corp", corp]]);

function tableOf(networks: Record<string, string>): (address: string) => string | undefined {
  const clients = Object.entries(networks).map(([text, name]) =>
    client({ name, addresses: [network(text)] }),
  );
  const table = createClientTable(clients, directories);
  return (address) => table.find(address, 0)?.settings.name;
}

t.test("RAD-13 C03: the longest prefix wins, whatever the order of the list", async (t) => {
  const find = tableOf({
    "0.0.0.0/0": "world",
    "192.0.2.7": "host",
    "192.0.0.0/9": "half",
    "192.0.2.0/24": "net",
  });
  t.equal(find("192.0.2.7"), "host");
  t.equal(find("192.0.2.8"), "net");
  t.equal(find("192.0.3.1"), "half");
  t.equal(find("192.128.0.1"), "world");
  t.equal(find("192.0.2.7"), "host", "and again, from memory");
});

t.test("RAD-13: an address outside every network has no client", async (t) => {
  const find = tableOf({ "192.0.2.0/28": "net", "2001:0db8:0000:0000/64": "six" });
  const strangers = ["192.0.2.16", "192.0.1.255", "2001:db8:0:1::1", "::1", "nonsense", ""];
  for (const address of strangers) t.equal(find(address), undefined, address);
  t.equal(find("192.0.2.15"), "net");
  t.equal(find("2001:db8::1"), "six");
  t.equal(find("2001:db8::ffff:1%eth0"), "six");
});

t.test("RAD-13: an IPv4 address in IPv6 clothes is the IPv4 client's", async (t) => {
  const find = tableOf({ "192.0.2.0/24": "four", "0000:0000:0000/0": "six" });
  t.equal(find("::ffff:192.0.2.7"), "four");
  t.equal(find("::192.0.2.7"), "six");
});

t.test("RAD-14: the secret is chosen by the source address alone", async (t) => {
  const kit = await openDoor({
    clients: [
      client({ name: "one", addresses: [network("192.0.2.1")], secret: Secret.of("secret-one") }),
      client({ name: "two", addresses: [network("192.0.2.2")], secret: Secret.of("x".repeat(80)) }),
    ],
  });
  const one = request({ secret: "secret-one" });
  t.equal(await nameOf(kit, one, { address: "192.0.2.1" }, "secret-one"), "Access-Accept");
  t.equal(await nameOf(kit, one, { address: "192.0.2.2" }), "bad-message-authenticator");
  const two = request({ secret: "x".repeat(80) });
  t.equal(await nameOf(kit, two, { address: "192.0.2.2" }, "x".repeat(80)), "Access-Accept");
  t.equal(await nameOf(kit, two, { address: "192.0.2.3" }), "unknown-source");
});

t.test("a client whose directory isn't there is a fault of ours, at once", async (t) => {
  t.throws(() => createClientTable([client({ directory: "none" })], directories), /none/);
});

t.test("a reload takes effect with the next packet", async (t) => {
  const kit = await openDoor();
  kit.door.reload({ clients: [client({ secret: Secret.of("another") })], directories });
  t.equal(await nameOf(kit, request()), "bad-message-authenticator");
  t.equal(await nameOf(kit, request({ secret: "another" }), {}, "another"), "Access-Accept");
});
