// What clients in use do, through the LDAP door and with the directory itself: the same octets.

import { once } from "node:events";
import ldapjs from "ldapjs";
import { Attribute, Change, Client, ServerSideSortingRequestControl } from "ldapts";
import t from "tap";

import { peekEnvelope } from "../../src/wire/ldap/envelope.ts";
import { createFramer } from "../../src/wire/ldap/frame.ts";
import { codeFor } from "../support/gateway.ts";
import { dnOf, startLdapGateway } from "../support/ldap-gateway.ts";
import { ldapTool, type Ran } from "../support/ldap-tools.ts";
import { fieldOf, secretOf } from "../support/operator.ts";
import { startRecorder } from "../support/recorder.ts";
import { BASE } from "../support/slapd.ts";

// Missing in its types.
declare module "ldapjs" {
  interface Client {
    abandon(messageId: number, callback: (error: unknown) => void): void;
  }
  export const ServerSideSortingRequestControl: new (options: { readonly value: object }) => object;
}

const operations = "search, compare, whoami, cancel, add, modify, delete, modrdn";
const { gateway, slapd, ca, caFile, url, enrollAll } = await startLdapGateway(
  t,
  {
    plain: ["tls: none", `operations: [${operations}]`],
    ldaps: [`operations: [${operations}, password_modify]`],
    start_tls: ["tls: start_tls", `operations: [${operations}]`],
  },
  { write: true },
);
/** Each has its own person: every bind wants a new code. */
const TOOLS = Array.from({ length: 10 }, (_, at) => `u00001${at}`);
enrollAll(["alice", "bob", "carol", "mallory", "u000020", ...TOOLS]);

const WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3";
const PEOPLE = `ou=people,${BASE}`;
const GROUP = `cn=new,ou=groups,${BASE}`;
const RENAMED = `cn=renamed,ou=groups,${BASE}`;
const TEN = "(uid=u00000*)";
const SORT = {
  attributeType: "uid",
  orderingRule: "caseIgnoreOrderingMatch",
  reverseOrder: true,
} as const;
const NEW_GROUP = { objectClass: "groupOfNames", cn: "new", member: dnOf("bob") };

interface At {
  readonly url: string;
  /** What that person types there. */
  readonly typed: (uid: string) => string;
}

const bare = (uid: string): string => fieldOf(uid).replace(/,.*$/, "");

async function withLdapts(at: At, uid: string, isStartTls = false): Promise<unknown> {
  const client = new Client({ url: at.url, tlsOptions: at.url.startsWith("ldaps") ? { ca } : {} });
  if (isStartTls) await client.startTLS({ ca });
  await client.bind(dnOf(uid), at.typed(uid));
  const modification = new Attribute({ type: "description", values: ["grün"] });
  const told = [
    await client.search(PEOPLE, { filter: TEN, paged: { pageSize: 3 } }),
    await client.search(
      PEOPLE,
      { filter: TEN },
      new ServerSideSortingRequestControl({ value: SORT }),
    ),
    await client.exop(WHO_AM_I),
    await client.compare(dnOf("bob"), "cn", "bob"),
    await client.compare(dnOf("bob"), "cn", "robert"),
    await client.compare(`uid=gone,${PEOPLE}`, "cn", "x").catch(String),
    await client.add(GROUP, NEW_GROUP),
    await client.add(GROUP, NEW_GROUP).catch(String),
    await client.modify(GROUP, new Change({ operation: "add", modification })),
    await client.modifyDN(GROUP, RENAMED),
    await client.search(RENAMED, { scope: "base" }),
    await client.del(RENAMED),
  ];
  await client.unbind();
  return told;
}

/** What a call reports, of success or failure. */
function outcome(
  start: (done: (error: unknown, result?: unknown) => void) => void,
): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  start((error, result) => resolve(error === null || error === undefined ? result : String(error)));
  return promise;
}

async function withLdapjs(at: At, uid: string): Promise<unknown> {
  const client = ldapjs.createClient({ url: at.url, tlsOptions: { ca } });
  const search = (base: string, options: ldapjs.SearchOptions, controls: ldapjs.Control[] = []) =>
    outcome((done) =>
      client.search(base, options, controls, (error, found) => {
        const entries: string[] = [];
        if (error !== null) return done(error);
        found.on("searchEntry", (entry) => entries.push(String(entry)));
        found.on("error", done);
        found.on("end", () => done(undefined, entries));
      }),
    );
  const sorted = new ldapjs.ServerSideSortingRequestControl({ value: SORT });
  const change = new ldapjs.Change({
    operation: "add",
    modification: new ldapjs.Attribute({ type: "description", values: ["grün"] }),
  });
  const isDone = (done: (error: unknown) => void) => (error: unknown) => done(error);
  const told = [
    await outcome((done) => client.bind(dnOf(uid), at.typed(uid), isDone(done))),
    await search(PEOPLE, { scope: "one", filter: TEN, paged: { pageSize: 4 } }),
    await search(PEOPLE, { scope: "one", filter: TEN }, [sorted]),
    await outcome((done) => client.exop(WHO_AM_I, "", (error, value) => done(error, value))),
    await outcome((done) => client.compare(dnOf("bob"), "cn", "bob", done)),
    await outcome((done) => client.compare(dnOf("bob"), "cn", "robert", done)),
    await outcome((done) => client.add(GROUP, NEW_GROUP, isDone(done))),
    await outcome((done) => client.modify(GROUP, change, isDone(done))),
    await outcome((done) => client.modifyDN(GROUP, RENAMED, isDone(done))),
    await search(RENAMED, { scope: "base" }),
    await outcome((done) => client.del(RENAMED, isDone(done))),
    await outcome((done) => client.del(RENAMED, isDone(done))),
  ];
  client.unbind();
  await once(client, "close");
  return told;
}

/** One after the other, each a connection of its own. */
async function withTools(at: At): Promise<unknown> {
  const ldif = `dn: ${GROUP}\nobjectClass: groupOfNames\ncn: new\nmember: ${dnOf("bob")}\n`;
  const change = `dn: ${GROUP}\nchangetype: modify\nadd: description\ndescription: new\n`;
  const find = ["-LLL", "-b", PEOPLE];
  const all: [program: string, args: readonly string[], input?: string][] = [
    ["ldapsearch", [...find, "-E", "pr=3/noprompt", TEN]],
    ["ldapsearch", [...find, "-E", "sss=-uid:caseIgnoreOrderingMatch", TEN, "uid"]],
    ["ldapwhoami", []],
    ["ldapcompare", [dnOf("bob"), "cn:bob"]],
    ["ldapcompare", [dnOf("bob"), "cn:robert"]],
    ["ldapadd", [], ldif],
    ["ldapmodify", [], change],
    ["ldapmodrdn", ["-r", GROUP, "cn=renamed"]],
    ["ldapsearch", ["-LLL", "-b", RENAMED, "-s", "base"]],
    ["ldapdelete", [RENAMED]],
  ];
  const told: Ran[] = [];
  for (const [index, [program, args, input = ""]] of all.entries()) {
    const uid = TOOLS[index] ?? "";
    const as = ["-x", "-H", at.url, "-D", dnOf(uid), "-w", at.typed(uid)];
    told.push(await ldapTool(program, [...as, ...args], { caFile, input }));
  }
  return told;
}

const CLIENTS = {
  ldapts: (at: At): Promise<unknown> => withLdapts(at, "alice"),
  ldapjs: (at: At): Promise<unknown> => withLdapjs(at, "bob"),
  "ldap-utils": withTools,
};
/** A Bind's, an entry, a Search's, a Modify's, an Add's, a Delete's, … */
const ANSWERS = new Set([0x61, 0x64, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78]);

for (const [name, run] of Object.entries(CLIENTS)) {
  await t.test(`${name}: the same octets as from the directory itself`, async (t) => {
    const direct = await startRecorder(slapd.port);
    const through = await startRecorder(gateway.ldapPort("plain"));
    t.teardown(() => Promise.all([direct.stop(), through.stop()]));
    const at = ({ port }: { port: number }): string => `ldap://127.0.0.1:${port}`;
    const expected = await run({ url: at(direct), typed: bare });
    t.same(await run({ url: at(through), typed: fieldOf }), expected);
    t.equal(through.octets().toString("hex"), direct.octets().toString("hex"));
    const tags = new Set<number>();
    createFramer(1_000_000).push(direct.octets(), (one) => tags.add(peekEnvelope(one).tag));
    t.same(tags, ANSWERS, "and there was one of every kind");
  });
}

await t.test("the same over ldaps and with StartTLS", async (t) => {
  const expected = await withLdapts({ url: slapd.url, typed: bare }, "carol");
  const ldaps = { url: url("ldaps", "ldaps"), typed: fieldOf };
  t.same(await withLdapts(ldaps, "carol"), expected);
  const later = { url: url("ldap", "start_tls"), typed: (uid: string) => fieldOf(uid, 1) };
  t.same(await withLdapts(later, "carol", true), expected);
});

await t.test("an Abandon has no answer, and what follows it has", async (t) => {
  const client = ldapjs.createClient({ url: url("ldaps", "ldaps"), tlsOptions: { ca } });
  await outcome((done) => client.bind(dnOf("mallory"), fieldOf("mallory"), (error) => done(error)));
  client.search(BASE, { scope: "sub" }, (_, found) => {
    // ldapjs tells it when it is over.
    found.on("error", () => undefined);
    found.on("searchRequest", ({ messageId }) => client.abandon(messageId, () => undefined));
  });
  const whoAmI = await outcome((done) => client.exop(WHO_AM_I, "", done));
  t.equal(whoAmI, `dn:${dnOf("mallory")}`);
  client.unbind();
  await once(client, "close");
});

await t.test("ldappasswd changes a password, with a code for the bind", async (t) => {
  const person = dnOf("u000020");
  const as = ["-x", "-H", url("ldaps", "ldaps"), "-D", person];
  const change = [...as, "-w", fieldOf("u000020"), "-s", "another"];
  t.match(await ldapTool("ldappasswd", change, { caFile }), { code: 0, stdout: "" });
  const field = `another,${codeFor(secretOf("u000020"), 1)}`;
  t.match(await ldapTool("ldapwhoami", [...as, "-w", field], { caFile }), { code: 0 });
});
