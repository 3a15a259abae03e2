// Whose address it is that a client has: an application's, which is everybody's, or a person's own.

import t from "tap";

import type { ListenerSettings } from "../../../src/doors/ldap/listener.ts";
import { plainUrl } from "../../support/directory.ts";
import { codeFor } from "../../support/gateway.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { dnOf, openLdapDoor, type LdapKit } from "../../support/ldap-door.ts";
import { bindRequest } from "../../support/ldap-requests.ts";
import { BALANCER, proxyHeader } from "../../support/proxy-header.ts";
import { SERVICE_DN, startSlapd } from "../../support/slapd.ts";
import { event, newToken } from "../../support/store.ts";

const slapd = await startSlapd({ users: 60 });
t.teardown(() => slapd.stop());
const urls = [plainUrl(slapd)];

const APPLICATION = "192.0.2.7";
const HOME = "198.51.100.7";
const ABROAD = "203.0.113.66";

const people: Partial<ListenerSettings> = {
  proxyProtocol: [BALANCER],
  endUser: "address",
  exempt: [{ dn: SERVICE_DN, addresses: [{ bytes: Buffer.from([192, 0, 2, 7]), prefix: 32 }] }],
};

/** The result code of one bind from there, on a connection of its own. */
async function bindFrom(
  { port }: LdapKit,
  address: string,
  uid: string,
  field: string,
  command?: number,
): Promise<number> {
  const client = await LdapClient.open(port, { header: proxyHeader(address, command) });
  const { resultCode } = await client.ask(bindRequest(1, dnOf(uid), field));
  client.end();
  return resultCode;
}

const uidOf = (number: number): string => `u${String(number).padStart(6, "0")}`;

/** Twenty people mistype, each once. */
const mistype = (kit: LdapKit, address: string, command?: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      bindFrom(kit, address, uidOf(index + 1), "mistyped", command),
    ),
  );

async function lastEvents(kit: LdapKit, limit: number) {
  return (await kit.store.events({ limit })).map(({ event_type, reason, client_ip, app }) => ({
    event_type,
    reason,
    client_ip,
    ip: app?.ip,
  }));
}

await t.test("an application's address is nobody's: never blocked, and alarmed", async (t) => {
  const kit = await openLdapDoor(t, { urls, listeners: [{ ...people, endUser: "none" }] });
  await mistype(kit, ABROAD);
  t.equal(await bindFrom(kit, ABROAD, uidOf(30), `pw-${uidOf(30)}`), 0);
  const types = (await lastEvents(kit, 30)).map(({ event_type }) => event_type);
  t.ok(types.includes("password_spray_suspected"));
  t.notOk(types.includes("client_ip_blocked"));
  t.match(await lastEvents(kit, 1), [{ client_ip: undefined, ip: ABROAD }]);
});

await t.test(
  "where people's machines connect, an address from which twenty fail is blocked",
  async (t) => {
    const kit = await openLdapDoor(t, { urls, listeners: [people] });
    await mistype(kit, ABROAD);
    t.equal(await bindFrom(kit, ABROAD, uidOf(30), `pw-${uidOf(30)}`), 49);
    t.match(await lastEvents(kit, 1), [
      { event_type: "ldap_bind", reason: "source-blocked", client_ip: ABROAD, ip: ABROAD },
    ]);
    t.ok((await lastEvents(kit, 30)).some(({ event_type }) => event_type === "client_ip_blocked"));
    t.equal(await bindFrom(kit, HOME, uidOf(30), `pw-${uidOf(30)}`), 0, "and no other");
  },
);

await t.test(
  "there too, nobody can block an application that is listed, or the balancer",
  async (t) => {
    const kit = await openLdapDoor(t, { urls, listeners: [people] });
    await mistype(kit, APPLICATION);
    t.equal(await bindFrom(kit, APPLICATION, uidOf(30), `pw-${uidOf(30)}`), 0);
    // LOCAL: the connection is the balancer's own.
    const local = 0x20;
    await mistype(kit, "0.0.0.0", local);
    t.equal(await bindFrom(kit, "0.0.0.0", uidOf(31), `pw-${uidOf(31)}`, local), 0);
    const told = await lastEvents(kit, 50);
    t.notOk(told.some(({ event_type }) => event_type === "client_ip_blocked"));
    t.same(new Set(told.map(({ client_ip }) => client_ip)), new Set([undefined]));
  },
);

await t.test(
  "strangers can't lock people out where they have logged in with a code before",
  async (t) => {
    const uid = uidOf(40);
    const kit = await openLdapDoor(t, { urls, listeners: [{ ...people, mfa: "required" }] });
    const found = await kit.directory.find(uid);
    if (found.kind !== "found") throw new Error(`${uid} isn't there`);
    await kit.store.enroll(found.identity, newToken, { replace: false }, event());
    const field = (steps: number): string =>
      `pw-${uid},${codeFor(Buffer.from(newToken.secret.reveal()), steps)}`;
    t.equal(await bindFrom(kit, HOME, uid, field(-1)), 0);
    // One after the other: of those that are under way at once some may be refused uncounted.
    for (let guess = 1; guess <= 6; guess += 1) {
      t.equal(await bindFrom(kit, ABROAD, uid, `guess-${guess},123456`), 49);
    }
    t.equal(await bindFrom(kit, ABROAD, uid, field(0)), 49);
    t.match(await lastEvents(kit, 1), [{ reason: "account-locked", client_ip: ABROAD }]);
    t.equal(await bindFrom(kit, HOME, uid, field(0)), 0);
    t.match(await lastEvents(kit, 1), [{ reason: undefined, client_ip: HOME }]);
  },
);
