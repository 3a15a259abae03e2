// Which controls reach the directory.

import t from "tap";

import { ALLOWED_CONTROLS, judgeControls, keepControls } from "../../../src/doors/ldap/controls.ts";
import { CONTROL } from "../../../src/wire/ldap/control.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import {
  abandonRequest,
  bindRequest,
  compareRequest,
  deleteRequest,
  element,
  filter,
  modifyRequest,
  type RequestControl,
  searchRequest,
  text,
} from "../../support/ldap-requests.ts";

type Build = (controls: readonly RequestControl[]) => Buffer;

const BUILD: Readonly<Record<string, Build>> = {
  bind: (controls) => bindRequest(1, "uid=bob", "hello", { controls }),
  search: (controls) => searchRequest(1, { controls }),
  compare: (controls) => compareRequest(1, "cn", { controls }),
  modify: (controls) => modifyRequest(1, [], { controls }),
  delete: (controls) => deleteRequest(1, "cn=x", { controls }),
};

/** The refusal, or the OIDs that stay. */
function judged(kind: string, ...controls: RequestControl[]): string {
  const message = (BUILD[kind] ?? BUILD["search"])?.(controls) ?? Buffer.alloc(0);
  const envelope = peekEnvelope(message);
  const judgement = judgeControls(message, envelope);
  if (judgement.kind === "refuse") return judgement.refusal;
  const kept = keepControls(message, envelope, judgement);
  t.equal(judgement.areAll, kept === message);
  return judgement.controls.map(({ oid }) => oid).join(" ");
}

const attribute = (name: string): Buffer => element(0x30, text(name));
const VALUES: Readonly<Record<string, Buffer>> = {
  [CONTROL.assertion]: filter.present("cn"),
  [CONTROL.matchedValues]: element(0x30, filter.present("cn")),
  [CONTROL.sort]: element(0x30, attribute("cn")),
  [CONTROL.preRead]: attribute("cn"),
  [CONTROL.postRead]: attribute("cn"),
};

const { proxiedAuthorization, proxiedAuthorizationDraft, ...allowed } = CONTROL;

const GOES_WITH: Readonly<Record<string, readonly string[]>> = {
  search: [
    "pagedResults",
    "sort",
    "virtualListView",
    "matchedValues",
    "subentries",
    "manageDsaIt",
    "assertion",
    "dontUseCopy",
    "showDeleted",
    "showRecycled",
    "extendedDn",
    "searchOptions",
    "attributeScopedQuery",
    "securityDescriptorFlags",
    "domainScope",
    "passwordPolicy",
    "sessionTracking",
  ],
  bind: ["authorizationIdentity", "passwordPolicy", "sessionTracking"],
  compare: ["dontUseCopy", "manageDsaIt", "assertion", "passwordPolicy", "sessionTracking"],
  modify: [
    "manageDsaIt",
    "assertion",
    "preRead",
    "postRead",
    "permissiveModify",
    "securityDescriptorFlags",
    "domainScope",
    "passwordPolicy",
    "sessionTracking",
  ],
  delete: [
    "manageDsaIt",
    "assertion",
    "preRead",
    "treeDelete",
    "domainScope",
    "passwordPolicy",
    "sessionTracking",
  ],
};

for (const [kind, names] of Object.entries(GOES_WITH)) {
  t.test(`with ${kind} go ${names.join(", ")}, and no others`, async (t) => {
    for (const [name, oid] of Object.entries(allowed)) {
      const value = VALUES[oid];
      const control = { oid, isCritical: true, ...(value !== undefined && { value }) };
      const expected = names.includes(name) ? oid : "unknown-critical-control";
      t.equal(judged(kind, control), expected, name);
    }
  });
}

t.test("a root DSE lists every control that goes with anything", async (t) => {
  t.same([...ALLOWED_CONTROLS].toSorted(), Object.values(allowed).toSorted());
});

t.test("an unlisted control that isn't critical is taken out; the rest stays", async (t) => {
  const paging = { oid: CONTROL.pagedResults, isCritical: true, value: Buffer.from("x") };
  // Dereference: it would show attributes of other entries.
  const dereference = { oid: "1.3.6.1.4.1.4203.666.5.16", value: Buffer.from("x") };
  t.equal(judged("search", dereference, paging, { oid: "1.2.3" }), CONTROL.pagedResults);
  t.equal(judged("search", dereference), "");
  t.equal(judged("search", { ...dereference, isCritical: true }), "unknown-critical-control");
  const message = searchRequest(1, { controls: [dereference, paging] });
  const envelope = peekEnvelope(message);
  const judgement = judgeControls(message, envelope);
  if (judgement.kind !== "keep") throw new Error("refused");
  t.same(keepControls(message, envelope, judgement), searchRequest(1, { controls: [paging] }));
});

t.test(
  "LDAP-15: nobody acts as somebody else, and who asks for that without criticality is malformed",
  async (t) => {
    for (const oid of [proxiedAuthorization, proxiedAuthorizationDraft]) {
      const value = Buffer.from("dn:cn=admin");
      t.equal(judged("search", { oid, isCritical: true, value }), "proxied-authorisation");
      t.equal(judged("search", { oid, isCritical: false, value }), "malformed-request");
      t.equal(judged("search", { oid, value }), "malformed-request");
    }
  },
);

t.test("a sort by more than 1,000 keys is more than is asked for", async (t) => {
  const value = element(0x30, Buffer.concat(Array.from({ length: 1_001 }, () => attribute("cn"))));
  t.equal(judged("search", { oid: CONTROL.sort, value }), "malformed-request");
});

const all = (name: string): RequestControl[] => [
  { oid: CONTROL.assertion, value: filter.not(filter.equality(name, "x")) },
  { oid: CONTROL.matchedValues, value: element(0x30, filter.equality(name, "x")) },
  { oid: CONTROL.sort, value: element(0x30, attribute(name)) },
];

for (const name of ["userPassword", "USERPASSWORD;x-1", "2.5.4.35"]) {
  t.test(`${name} is neither filtered by, sorted by nor read through a control`, async (t) => {
    for (const control of all(name)) {
      t.equal(judged("search", control), "password-attribute", control.oid);
      t.equal(judged("search", { ...control, isCritical: true }), "password-attribute");
    }
    for (const oid of [CONTROL.preRead, CONTROL.postRead]) {
      t.equal(judged("modify", { oid, value: attribute(name) }), "password-attribute");
    }
  });
}

t.test("a read of what isn't named could hold a password", async (t) => {
  for (const value of [element(0x30), attribute("*"), attribute("+"), attribute("@person")]) {
    t.equal(judged("modify", { oid: CONTROL.postRead, value }), "password-attribute");
  }
  t.equal(judged("modify", { oid: CONTROL.postRead, value: attribute("1.1") }), CONTROL.postRead);
});

t.test("a value that can't be read is malformed, critical or not", async (t) => {
  for (const isCritical of [true, false]) {
    t.equal(judged("search", { oid: CONTROL.assertion, isCritical }), "malformed-request");
    const value = Buffer.of(0x30, 0xff);
    t.equal(judged("search", { oid: CONTROL.sort, isCritical, value }), "malformed-request");
    const spaced = { oid: CONTROL.sort, isCritical, value: element(0x30, attribute(" cn")) };
    t.equal(judged("search", spaced), "malformed-request");
  }
});

t.test("with an Abandon goes nothing", async (t) => {
  const bare = abandonRequest(9, 2);
  t.same(judgeControls(bare, peekEnvelope(bare)), { kind: "keep", controls: [], areAll: true });
});
