// Checks on an LDAP proxy that need the door, its sockets and a directory behind it.

import t, { type Test } from "tap";

import { plainUrl } from "../../support/directory.ts";
import {
  ALICE_DN,
  entry,
  notice,
  policyControl,
  result,
  startFaultDirectory,
  type FaultDirectory,
} from "../../support/fault-directory.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { bound, dnOf, openLdapDoor } from "../../support/ldap-door.ts";
import {
  abandonRequest,
  bindRequest,
  element,
  extendedRequest,
  modifyRequest,
  passwordModifyRequest,
  searchRequest,
  startTlsRequest,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const MESSAGE_ID_MAX = 2 ** 31 - 1;
const ALL = ["search", "compare", "whoami", "cancel", "modify", "password_modify"] as const;

const slapd = await startSlapd({ users: 500, unauthenticatedBinds: true });
t.teardown(() => slapd.stop());
const listeners = [{ operations: ALL }];
const { port } = await openLdapDoor(t, { urls: [plainUrl(slapd)], listeners });

/** A door before a scripted directory, and a client on which alice is bound. */
async function scripted(
  t: Test,
): Promise<{ directory: FaultDirectory; port: number; client: LdapClient }> {
  const directory = await startFaultDirectory();
  t.teardown(() => directory.stop());
  const { port } = await openLdapDoor(t, { urls: [plainUrl(directory)], listeners });
  const client = await LdapClient.open(port);
  await client.ask(bindRequest(1, ALICE_DN, "secret"));
  t.teardown(() => client.end());
  return { directory, port, client };
}

await t.test(
  "LDAP-02: what is wrong inside an operation is its own answer, protocolError; the session stays",
  async (t) => {
    const search = (scope: number): Buffer => searchRequest(2, { base: BASE, scope });
    const garbage = extendedRequest(2, "1.3.6.1.4.1.4203.1.11.1", Buffer.from("garbage"));
    const unknownFilter = { base: BASE, filter: element(0xaf, "x") };
    const wrong: [kind: string, asked: Buffer][] = [
      ["search", search(7)],
      ["search", searchRequest(2, unknownFilter)],
      ["modify", modifyRequest(2, [{ operation: 9, type: "cn", values: ["x"] }])],
      ["extended", garbage],
    ];
    const client = await bound(port);
    for (const [kind, asked] of wrong) {
      t.match(await client.ask(asked), { id: 2, kind, resultCode: 2 });
      t.match(await client.ask(whoAmIRequest(3)), { id: 3, resultCode: 0 });
      t.match(client.messages.at(-1)?.toString(), `dn:${dnOf("u000001")}`, "and still bound");
    }
    client.end();
  },
);

await t.test(
  "LDAP-04: a directory that takes empty passwords makes nobody a success",
  async (t) => {
    const direct = await LdapClient.open(slapd.port);
    const own = dnOf("u000001");
    t.match(await direct.ask(bindRequest(1, own, "")), { resultCode: 0 }, "it does");
    direct.end();
    const client = await LdapClient.open(port);
    t.match(await client.ask(bindRequest(1, own, "")), { resultCode: 53 });
    t.match(await client.ask(searchRequest(2, { base: BASE })), { resultCode: 50 });
    client.end();
  },
);

await t.test(
  "LDAP-12: an Abandon has no answer, and stops the search at once without its end",
  async (t) => {
    const client = await bound(port);
    client.send(abandonRequest(2, 99), whoAmIRequest(3));
    t.match(await client.next(), { id: 3, resultCode: 0 }, "an unknown id is ignored");
    client.send(searchRequest(4, { base: BASE }), abandonRequest(5, 4));
    for (const id of [6, 7]) {
      client.send(whoAmIRequest(id));
      t.match(await client.answerTo(id), { resultCode: 0 });
    }
    const ends = client.messages.filter((message) => message[4] === 4 && message[5] === 0x65);
    t.same(ends, [], "its result never comes");
    t.ok(client.messages.every((message) => message[4] !== 2 && message[4] !== 5));
    client.end();
  },
);

await t.test("LDAP-12: neither a Bind nor a StartTLS can be abandoned", async (t) => {
  const client = await LdapClient.open(port);
  const own = dnOf("u000002");
  client.send(bindRequest(1, own, `pw-u000002`), abandonRequest(2, 1));
  t.match(await client.next(), { id: 1, kind: "bind", resultCode: 0 });
  client.send(startTlsRequest(3), abandonRequest(4, 3));
  t.match(await client.next(), { id: 3, kind: "extended", resultCode: 2 }, "there is no TLS here");
  client.end();
});

await t.test(
  "LDAP-13: message ids are the client's own on both sides and never collide; 0 is no request's",
  async (t) => {
    const { directory, client } = await scripted(t);
    const seen: number[] = [];
    let answer = (): void => undefined;
    directory.scripts.search = ({ id }, peer) => {
      seen.push(id);
      answer = () => void peer.write(result(id, "search", 0));
    };
    for (const id of [MESSAGE_ID_MAX, 1, 2]) {
      client.send(searchRequest(id, { base: BASE }));
      while (seen.at(-1) !== id) await new Promise(setImmediate);
      t.match(await client.ask(searchRequest(id, { base: BASE })), { id, resultCode: 2 }, "in use");
      answer();
      t.match(await client.next(), { id, resultCode: 0 });
    }
    t.same(seen, [MESSAGE_ID_MAX, 1, 2]);
    t.match(await client.ask(searchRequest(0, { base: BASE })), { id: 0, resultCode: 2 });
    await client.closed();
    t.equal(client.messages.at(-1)?.includes("1.3.6.1.4.1.1466.20036"), true, "a notice");
    t.same(seen.length, 3);
  },
);

await t.test(
  "LDAP-23: a directory's notice ends the session it came to, with a notice of our own",
  async (t) => {
    const { directory, port, client } = await scripted(t);
    const other = await LdapClient.open(port);
    await other.ask(bindRequest(1, ALICE_DN, "secret"));
    directory.scripts.extended = (_, peer) => peer.write(notice());
    client.send(whoAmIRequest(2));
    t.match(await client.next(), { id: 0, resultCode: 52 });
    t.equal(client.messages.at(-1)?.includes("1.3.6.1.4.1.1466.20036"), true);
    t.notSame(client.messages.at(-1), notice(), "not the directory's");
    await client.closed();
    t.equal(other.isClosed, false);
    delete directory.scripts.extended;
    t.match(await other.ask(whoAmIRequest(2)), { id: 2, resultCode: 0 });
    other.end();
  },
);

await t.test(
  "LDAP-24: whatever a directory's refusal reveals is invalidCredentials, the same octets",
  async (t) => {
    const { directory, port } = await scripted(t);
    const microsoft = (word: string) => ({
      text: `80090308: LdapErr: DSID-0C09042F, data ${word}, v1`,
    });
    const refusals: [code: number, more: Parameters<typeof result>[3]][] = [
      [49, {}],
      [49, { text: "the password is wrong" }],
      ...["525", "52e", "530", "531", "532", "533", "701", "773", "775"].map(
        (word): [number, Parameters<typeof result>[3]] => [49, microsoft(word)],
      ),
      [32, { text: "no such object" }],
      [19, { text: "Account locked" }],
      [53, { text: "account inactivated" }],
      [34, {}],
      [48, {}],
      [50, {}],
      [0, { control: policyControl({ error: 0 }) }],
      [49, { control: policyControl({ error: 1 }) }],
    ];
    const octets = new Set<string>();
    for (const [code, more] of refusals) {
      directory.scripts.bind = ({ id }, peer) => peer.write(result(id, "bind", code, more));
      const client = await LdapClient.open(port);
      const { resultCode } = await client.ask(bindRequest(1, ALICE_DN, `guess ${octets.size}`));
      t.equal(resultCode, 49, `${code} ${more?.text ?? ""}`);
      octets.add(client.messages[0]?.toString("hex") ?? "");
      client.end();
    }
    t.equal(octets.size, 1);
  },
);

await t.test("LDAP-18: a search for types alone doesn't name a password attribute", async (t) => {
  const { directory, client } = await scripted(t);
  directory.scripts.search = ({ id }, peer) => {
    const types = entry(id, ALICE_DN, { userPassword: [], cn: [], "userPassword;x-old": [] });
    peer.write(Buffer.concat([types, result(id, "search", 0)]));
  };
  client.send(searchRequest(2, { base: ALICE_DN, typesOnly: true }));
  await client.answerTo(2);
  t.same(client.messages[1], entry(2, ALICE_DN, { cn: [] }));
});

await t.test(
  "LDAP-17: a new password is never for nobody, nor without the old one's check",
  async (t) => {
    const client = await LdapClient.open(port);
    const change = { person: dnOf("u000003"), old: "pw-u000003", new: "another" };
    t.match(await client.ask(passwordModifyRequest(1, change)), { resultCode: 8 });
    t.match(await client.ask(bindRequest(2, dnOf("u000003"), "pw-u000003")), { resultCode: 0 });
    const wrong = { ...change, old: "wrong" };
    t.match(await client.ask(passwordModifyRequest(3, wrong)), { resultCode: 49 });
    client.end();
  },
);

await t.test("LDAP-26: a name of 300 octets is told from another to its last", async (t) => {
  const { directory, client } = await scripted(t);
  const long = `uid=${"x".repeat(300)}`;
  directory.scripts.bind = ({ id, bytes }, peer) =>
    peer.write(result(id, "bind", bytes.includes(`${long}1,`) ? 0 : 49));
  directory.scripts.search = ({ id, dn }, peer) => {
    const uid = dn.split(",")[0]?.slice(4) ?? "";
    const attributes = { uid: [uid], entryUUID: [`7f1c1e5e-0000-4000-8000-${uid.slice(-12)}`] };
    peer.write(Buffer.concat([entry(id, dn, attributes), result(id, "search", 0)]));
  };
  const bind = (id: number, last: string): Promise<{ resultCode: number }> =>
    client.ask(bindRequest(id, `${long}${last},ou=people,${BASE}`, "secret"));
  t.match(await bind(2, "1"), { resultCode: 0 });
  t.match(await bind(3, "2"), { resultCode: 49 });
});
