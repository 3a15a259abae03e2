// Large results and many connections through a gateway of its own, with an eye on its memory.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import t from "tap";

import { alice, ALICE_DN, entry, result, startFaultDirectory } from "../support/fault-directory.ts";
import { startGateway } from "../support/gateway.ts";
import { LdapClient } from "../support/ldap-client.ts";
import { bindRequest, searchRequest, whoAmIRequest } from "../support/ldap-requests.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD } from "../support/slapd.ts";

const directory = await startFaultDirectory();
const gateway = await startGateway({
  directory: [
    `urls: ["ldap://127.0.0.1:${directory.port}"]`,
    "allow_cleartext: true",
    `bind_dn: ${SERVICE_DN}`,
    `bind_password: { value: ${SERVICE_PASSWORD} }`,
    `base: ${BASE}`,
  ],
  listeners: { plain: ["tls: none", "mfa: disabled"] },
});
t.teardown(async () => {
  await gateway.end();
  await directory.stop();
});

const residentMb = (): number => {
  const status = readFileSync(`/proc/${gateway.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
};

const LARGE_BYTES = 1024 * 1024 * 1024;

/** Entries of 16 kB until there are LARGE_BYTES of them, as fast as they are taken. */
function sendLarge(): void {
  directory.scripts.search = ({ id, dn }, peer) => {
    if (dn !== BASE) {
      peer.write(Buffer.concat([entry(id, ALICE_DN, alice()), result(id, "search", 0)]));
      return;
    }
    const one = entry(id, ALICE_DN, alice({ jpegPhoto: [Buffer.alloc(16_000, 7)] }));
    const block = Buffer.concat(Array.from({ length: 8 }, () => one));
    let sent = 0;
    const more = (): void => {
      while (sent < LARGE_BYTES) {
        sent += block.length;
        if (!peer.write(block)) return void peer.once("drain", more);
      }
      peer.write(result(id, "search", 0));
    };
    more();
  };
}

await t.test("a result of 1 GB passes in flat memory", async (t) => {
  sendLarge();
  const socket = connect({ host: "127.0.0.1", port: gateway.ldapPort("plain") });
  socket.write(bindRequest(1, ALICE_DN, "secret"));
  await new Promise((resolve) => socket.once("data", resolve));
  const before = residentMb();
  let received = 0;
  let most = before;
  socket.write(searchRequest(2, { base: BASE }));
  const done = result(2, "search", 0);
  await new Promise<void>((resolve) => {
    let chunks = 0;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      chunks += 1;
      if (chunks % 256 === 0) most = Math.max(most, residentMb());
      if (received >= LARGE_BYTES && chunk.subarray(-done.length).equals(done)) resolve();
    });
  });
  t.ok(received > LARGE_BYTES);
  t.ok(most - before < 200, `${before.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
  t.comment(`${before.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
  socket.destroy();
});

await t.test(
  "a thousand idle bound connections cost little, and nobody else notices",
  async (t) => {
    const open = async (): Promise<LdapClient> => {
      const client = await LdapClient.open(gateway.ldapPort("plain"));
      const { resultCode } = await client.ask(bindRequest(1, ALICE_DN, "secret"));
      if (resultCode !== 0) throw new Error(`result code ${resultCode}`);
      return client;
    };
    // One after the other: more than a handful of one person's binds at a time are refused.
    const several = async (count: number): Promise<LdapClient[]> => {
      const clients: LdapClient[] = [];
      while (clients.length < count) clients.push(await open());
      return clients;
    };
    const warm = await several(50);
    const before = residentMb();
    const clients = await several(1_000);
    const eachKb = ((residentMb() - before) * 1024) / clients.length;
    t.ok(eachKb < 60, `${eachKb.toFixed(1)} kB each`);
    t.comment(`${eachKb.toFixed(1)} kB each`);
    const [first] = warm;
    t.match(await first?.ask(whoAmIRequest(2)), { resultCode: 0 });
    for (const client of [...warm, ...clients]) client.end();
  },
);
