// What becomes of each kind of request, before a Bind and after it.

import t from "tap";

import { judge, promisesOf, type Situation } from "../../../src/doors/ldap/policy.ts";
import type { ListenerRules } from "../../../src/doors/ldap/rules.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { OPERATION_NAMES } from "../../../src/wire/ldap/operation.ts";
import {
  addRequest,
  compareRequest,
  deleteRequest,
  element,
  extendedRequest,
  filter,
  modifyDnRequest,
  modifyRequest,
  passwordModifyRequest,
  request,
  searchRequest,
  startTlsRequest,
  text,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { OPEN, STANDARD } from "../../support/ldap-session.ts";

const BOUND: Situation = { rules: OPEN, isTls: false, isBound: true };
const UNBOUND: Situation = { rules: OPEN, isTls: false, isBound: false };
const CANCEL = "1.3.6.1.1.8";

function judged(message: Buffer, situation: Situation): string {
  const judgement = judge(message, peekEnvelope(message), situation);
  if (judgement.kind === "refuse") return judgement.refusal;
  if (judgement.kind !== "forward") return judgement.kind;
  return judgement.message === message ? "forward" : "forward changed";
}

const standard = (more: Partial<ListenerRules> = {}): Situation => ({
  rules: { ...STANDARD, ...more },
  isTls: true,
  isBound: true,
});

const OPERATIONS: readonly [name: string, message: Buffer][] = [
  ["search", searchRequest(1)],
  ["compare", compareRequest(1, "cn")],
  ["whoami", whoAmIRequest(1)],
  ["cancel", extendedRequest(1, CANCEL)],
  ["add", addRequest(1, "cn=x", ["cn"])],
  ["modify", modifyRequest(1, [{ operation: 2, type: "sn", values: ["x"] }])],
  ["delete", deleteRequest(1, "cn=x")],
  ["modrdn", modifyDnRequest(1, "cn=x")],
];

t.test("the list of operations is the configuration's", async (t) => {
  t.same([...OPERATIONS.map(([name]) => name), "password_modify"], [...OPERATION_NAMES]);
});

for (const [name, message] of OPERATIONS) {
  t.test(`${name} goes on where it is allowed, and nowhere else`, async (t) => {
    t.equal(judged(message, BOUND), "forward");
    const others = new Set(OPERATION_NAMES.filter((one) => one !== name));
    const situation = { ...BOUND, rules: { ...OPEN, operations: others } };
    t.equal(judged(message, situation), "operation-not-allowed");
    t.equal(judged(message, standard()) === "forward", STANDARD.operations.has(name as never));
  });
}

for (const [name, message] of OPERATIONS) {
  if (name === "whoami") continue;
  t.test(`${name} before a Bind is refused`, async (t) => {
    t.equal(judged(message, UNBOUND), "not-bound");
  });
}

const root = { base: "", scope: 0 } as const;

const PUBLIC: readonly [title: string, message: Buffer, expected: string][] = [
  ["the root DSE", searchRequest(1, root), "forward"],
  ["below the root", searchRequest(1, { ...root, scope: 1 }), "not-bound"],
  ["everything", searchRequest(1, { ...root, scope: 2 }), "not-bound"],
  ["OpenLDAP's schema", searchRequest(1, { base: "cn=Subschema", scope: 0 }), "forward"],
  ["389 Directory Server's schema", searchRequest(1, { base: "cn=schema", scope: 0 }), "forward"],
  [
    "Active Directory's schema",
    searchRequest(1, {
      base: "CN=Aggregate,CN=Schema,CN=Configuration,DC=corp,DC=example",
      scope: 0,
    }),
    "forward",
  ],
  ["below the schema", searchRequest(1, { base: "cn=schema", scope: 1 }), "not-bound"],
  ["an entry called schema", searchRequest(1, { base: "cn=schema,dc=x", scope: 0 }), "not-bound"],
  ["any entry", searchRequest(1, { base: "dc=example,dc=com", scope: 0 }), "not-bound"],
  ["who am I", whoAmIRequest(1), "who-am-i"],
  ["another extended operation", extendedRequest(1, "1.2.3"), "unknown-extended-operation"],
];

for (const [title, message, expected] of PUBLIC) {
  t.test(`before a Bind: ${title}: ${expected}`, async (t) => {
    t.equal(judged(message, UNBOUND), expected);
  });
}

const PASSWORDS = ["userPassword", "USERPASSWORD;x-1", "2.5.4.35", "unicodePwd", "sambaNTPassword"];

for (const name of PASSWORDS) {
  t.test(`${name} isn't compared with, whatever the operation`, async (t) => {
    const hidden = filter.and(filter.present("cn"), filter.not(filter.equality(name, "x")));
    const filters = [
      filter.equality(name, "x"),
      filter.present(name),
      filter.substrings(name, "h"),
      filter.greaterOrEqual(name, "h"),
      filter.lessOrEqual(name, "h"),
      filter.approximate(name, "h"),
      filter.extensible(name, "x"),
      filter.extensible(undefined, "x"),
      hidden,
    ];
    for (const one of filters) {
      t.equal(judged(searchRequest(1, { filter: one }), BOUND), "password-attribute");
    }
    t.equal(judged(compareRequest(1, name), BOUND), "password-attribute");
    t.equal(
      judged(modifyDnRequest(1, `cn=a+${name.split(";")[0]}=x`), BOUND),
      "password-attribute",
    );
  });
}

t.test(
  "to ask for a password attribute is no offence: it is taken out of what comes",
  async (t) => {
    t.equal(judged(searchRequest(1, { attributes: ["cn", "userPassword"] }), BOUND), "forward");
  },
);

t.test("a name that some server might read as a password attribute is malformed", async (t) => {
  for (const name of [" userPassword", "userPassword ", "2.5.4.035", "userPassword\0", ""]) {
    const message = searchRequest(1, { filter: filter.equality(name, "x") });
    const expected = name === "" ? "password-attribute" : "malformed-request";
    t.equal(judged(message, BOUND), expected, JSON.stringify(name));
  }
});

const setsPassword = modifyRequest(1, [{ operation: 2, type: "userPassword", values: ["x"] }]);

t.test(
  "a password is set only where password_modify is allowed, and then it is asked about",
  async (t) => {
    const without = standard({ operations: new Set(["search", "add", "modify"]) });
    const allowed = standard({ operations: new Set(["add", "modify", "password_modify"]) });
    const messages = [
      setsPassword,
      addRequest(1, "cn=x", ["cn", "userPassword"]),
      addRequest(1, "cn=x+userPassword=y", ["cn"]),
    ];
    for (const message of messages) {
      t.equal(judged(message, without), "password-attribute");
      t.equal(judged(message, allowed), "change-password");
    }
    t.equal(judged(passwordModifyRequest(1, { new: "x" }), without), "operation-not-allowed");
    t.equal(judged(passwordModifyRequest(1, { new: "x" }), allowed), "change-password");
  },
);

t.test("a Modify that tries several old passwords, or counts one up, is refused", async (t) => {
  const removes = { operation: 1, type: "userPassword" } as const;
  const odd = [
    [
      { ...removes, values: ["a"] },
      { ...removes, values: ["b"] },
    ],
    [{ operation: 3, type: "userPassword", values: ["1"] }],
  ];
  for (const changes of odd)
    t.equal(judged(modifyRequest(1, changes), BOUND), "password-attribute");
  t.equal(judged(modifyRequest(1, [removes]), BOUND), "change-password");
});

t.test("a new password wants TLS, then permission, then somebody who is bound", async (t) => {
  const message = passwordModifyRequest(1, { old: "x", new: "y" });
  const rules = { ...OPEN, tls: "start_tls" } as const;
  const implicit = { ...OPEN, tls: "implicit" } as const;
  t.equal(judged(message, { rules, isTls: false, isBound: true }), "confidentiality-required");
  const earlier = { rules: implicit, isTls: false, isBound: true };
  t.equal(judged(message, earlier), "confidentiality-required", "connected before there was TLS");
  t.equal(judged(message, { rules, isTls: true, isBound: false }), "not-authenticated");
  t.equal(judged(message, { rules, isTls: true, isBound: true }), "change-password");
});

t.test("StartTLS is known where there is TLS, and has no value", async (t) => {
  const withValue = extendedRequest(1, "1.3.6.1.4.1.1466.20037", Buffer.from("x"));
  t.equal(judged(startTlsRequest(1), UNBOUND), "unknown-extended-operation");
  for (const tls of ["start_tls", "implicit"] as const) {
    const situation = { ...UNBOUND, rules: { ...OPEN, tls } };
    t.equal(judged(startTlsRequest(1), situation), "start-tls");
    t.equal(judged(withValue, situation), "malformed-request");
  }
});

t.test(
  "a known extended operation that isn't allowed is refused, an unknown one isn't known",
  async (t) => {
    const none = standard({ operations: new Set() });
    t.equal(judged(whoAmIRequest(1), none), "operation-not-allowed");
    t.equal(judged(extendedRequest(1, CANCEL), none), "operation-not-allowed");
    // Transactions and "verify credentials" among others.
    for (const oid of ["1.3.6.1.1.21.1", "1.3.6.1.4.1.4203.666.6.5", "nonsense", ""]) {
      t.equal(judged(extendedRequest(1, oid), BOUND), "unknown-extended-operation", oid);
    }
  },
);

const INSIDE: readonly [title: string, message: Buffer, expected: string][] = [
  ["a scope that doesn't exist", searchRequest(1, { scope: 7 }), "malformed-request"],
  ["an unknown filter", searchRequest(1, { filter: element(0xaf) }), "malformed-request"],
  [
    "a modification that doesn't exist",
    modifyRequest(1, [{ operation: 9, type: "sn" }]),
    "malformed-request",
  ],
  ["a new RDN that is none", modifyDnRequest(1, "robert"), "malformed-name"],
  ["an Add below no DN", addRequest(1, "robert", ["cn"]), "malformed-name"],
  [
    "a new password that can't be read",
    extendedRequest(1, "1.3.6.1.4.1.4203.1.11.1", Buffer.of(0x30, 0xff)),
    "malformed-request",
  ],
  [
    "20,001 filters",
    searchRequest(1, {
      filter: element(0xa0, Buffer.concat(Array.from({ length: 20_000 }, () => filter.and()))),
    }),
    "too-many-attributes",
  ],
  [
    "20,001 changes",
    modifyRequest(
      1,
      Array.from({ length: 20_001 }, () => ({ operation: 2, type: "a" })),
    ),
    "too-many-attributes",
  ],
  [
    "5,000 attributes",
    searchRequest(1, { attributes: Array.from({ length: 5_000 }, () => "a") }),
    "too-many-attributes",
  ],
];

for (const [title, message, expected] of INSIDE) {
  t.test(
    `what is wrong inside an operation is its own answer: ${title}: ${expected}`,
    async (t) => {
      t.equal(judged(message, BOUND), expected);
    },
  );
}

t.test("what can't be taken apart ends the session", async (t) => {
  const broken = [
    request(1, element(0x63, text("x"))),
    searchRequest(1, { filter: element(0xa2, filter.present("a"), filter.present("b")) }),
    request(1, element(0x6e, text("x"), text("y"))),
    request(1, element(0x77, text("x"))),
    request(1, element(0x7e)),
  ];
  for (const message of broken) {
    t.throws(() => judge(message, peekEnvelope(message), BOUND), { name: "WireError" });
  }
});

t.test("a root DSE promises what the listener allows", async (t) => {
  t.same([...promisesOf({ rules: OPEN, isTls: false }).extensions].toSorted(), [
    CANCEL,
    "1.3.6.1.4.1.4203.1.11.1",
    "1.3.6.1.4.1.4203.1.11.3",
  ]);
  const none = { ...OPEN, operations: new Set<never>(), tls: "start_tls" } as const;
  t.match(promisesOf({ rules: none, isTls: false }), { extensions: new Set(), startTls: true });
  t.equal(promisesOf({ rules: none, isTls: true }).startTls, false, "once is enough");
  t.equal(promisesOf({ rules: OPEN, isTls: false }).startTls, false, "where there is none");
});
