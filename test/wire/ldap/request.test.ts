import t from "tap";

import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import {
  decodeAbandon,
  decodeAdd,
  decodeBind,
  decodeExtended,
  decodeModify,
  decodeModifyDn,
  decodeOnlyValue,
  decodePasswordModify,
  decodeSearch,
  type Range,
  visitCompare,
} from "../../../src/wire/ldap/request.ts";
import {
  abandonRequest,
  addRequest,
  bindRequest,
  compareRequest,
  element,
  extendedRequest,
  filter,
  modifyDnRequest,
  modifyRequest,
  passwordModifyRequest,
  request,
  saslRequest,
  searchRequest,
  text,
} from "../../support/ldap-requests.ts";

const of = (message: Buffer, range: Range | undefined): string =>
  range === undefined ? "-" : message.toString("utf8", range.from, range.to);

/** A visitor that collects names. */
function collecting(): { names: string[]; visit: (b: Buffer, from: number, to: number) => void } {
  const names: string[] = [];
  return { names, visit: (bytes, from, to) => names.push(bytes.toString("latin1", from, to)) };
}

t.test("a simple Bind is version, name and password", async (t) => {
  const message = bindRequest(1, "uid=bob", "hello");
  const { version, name, authentication } = decodeBind(message, peekEnvelope(message));
  t.same([version, name.toString(), authentication.kind], [3, "uid=bob", "simple"]);
  if (authentication.kind !== "simple") return;
  t.equal(authentication.password.reveal().toString(), "hello");
  t.notMatch(JSON.stringify(authentication), "hello");
});

t.test("a Bind by SASL is its mechanism; any other kind is unknown", async (t) => {
  const sasl = saslRequest(1, "PLAIN");
  t.same(decodeBind(sasl, peekEnvelope(sasl)).authentication, { kind: "sasl", mechanism: "PLAIN" });
  for (const tag of [0x81, 0x89, 0x8a, 0x8b, 0xa0]) {
    const other = request(1, element(0x60, element(2, Buffer.of(3)), text(""), element(tag, "")));
    t.same(decodeBind(other, peekEnvelope(other)).authentication, { kind: "unknown" });
  }
});

t.test("a search is its base and its scope; its filter is shown", async (t) => {
  const message = searchRequest(2, {
    base: "ou=people",
    scope: 1,
    filter: filter.and(filter.equality("uid", "bob"), filter.present("userPassword")),
    attributes: ["cn", "mail"],
  });
  const { names, visit } = collecting();
  const { base, scope } = decodeSearch(message, peekEnvelope(message), visit);
  t.same([base.toString(), scope], ["ou=people", 1]);
  t.same(names, ["uid", "userPassword"]);
});

t.test("Compare, Add and Modify show what they name", async (t) => {
  const compare = compareRequest(3, "userPassword;x-1");
  const compared = collecting();
  visitCompare(compare, peekEnvelope(compare), compared.visit);
  t.same(compared.names, ["userPassword;x-1"]);

  const add = addRequest(4, "uid=z", ["objectClass", "userPassword"]);
  const added = collecting();
  t.equal(decodeAdd(add, peekEnvelope(add), added.visit).toString(), "uid=z");
  t.same(added.names, ["objectClass", "userPassword"]);

  const modify = modifyRequest(5, [
    { operation: 1, type: "userPassword", values: ["old", "older"] },
    { operation: 0, type: "userPassword", values: ["new"] },
    { operation: 2, type: "sn" },
  ]);
  const changes: unknown[] = [];
  decodeModify(modify, peekEnvelope(modify), ({ operation, type, values }) => {
    changes.push([operation, of(modify, type), of(modify, values)]);
  });
  t.same(changes, [
    [1, "userPassword", "\x04\x03old\x04\x05older"],
    [0, "userPassword", "\x04\x03new"],
    [2, "sn", ""],
  ]);
});

t.test("of the values of a change the only one is read; two are refused", async (t) => {
  const read = (values: Buffer): string =>
    of(values, decodeOnlyValue(values, { from: 0, to: values.length }));
  t.equal(read(Buffer.alloc(0)), "-");
  t.equal(read(text("old")), "old");
  t.throws(() => read(Buffer.concat([text("old"), text("older")])), { code: "bad-value" });
  t.throws(() => read(element(0x24, text("old"))), { code: "bad-tag" });
});

t.test("ModifyDN is its new RDN, Abandon its id", async (t) => {
  const rename = modifyDnRequest(6, "uid=robert");
  t.equal(decodeModifyDn(rename, peekEnvelope(rename)), "uid=robert");
  const superior = request(
    6,
    element(0x6c, text("uid=a"), text("uid=b"), element(1, Buffer.of(0)), element(0x80, "ou=c")),
  );
  t.equal(decodeModifyDn(superior, peekEnvelope(superior)), "uid=b");
  const abandon = abandonRequest(7, 70_000);
  t.equal(decodeAbandon(abandon, peekEnvelope(abandon)), 70_000);
});

t.test(
  "a Password Modify may name person, old and new password, or none (RFC 3062 §2)",
  async (t) => {
    const cases = [
      [{}, "-", undefined],
      [{ person: "uid=bob" }, "-", "uid=bob"],
      [{ old: "hello", new: "bye" }, "hello", undefined],
      [{ person: "uid=bob", old: "", new: "bye" }, "", "uid=bob"],
    ] as const;
    for (const [fields, old, person] of cases) {
      const message = passwordModifyRequest(8, fields);
      const { oid, value } = decodeExtended(message, peekEnvelope(message));
      t.equal(oid, "1.3.6.1.4.1.4203.1.11.1");
      const { userIdentity, oldPassword } = decodePasswordModify(message, value);
      t.equal(userIdentity, person);
      t.equal(of(message, oldPassword), old);
    }
    const bare = extendedRequest(9, "1.3.6.1.4.1.4203.1.11.1");
    t.equal(decodeExtended(bare, peekEnvelope(bare)).value, undefined);
    t.same(decodePasswordModify(bare, undefined), {
      userIdentity: undefined,
      oldPassword: undefined,
    });
  },
);

const three = element(2, Buffer.of(3));

const REFUSED: readonly [
  title: string,
  message: Buffer,
  read: (m: Buffer) => unknown,
  code: string,
][] = [
  ["a Bind without contents", request(1, element(0x60)), bind, "too-short"],
  [
    "a Bind without a version",
    request(1, element(0x60, text("a"), element(0x80, "b"))),
    bind,
    "bad-tag",
  ],
  ["a Bind without authentication", request(1, element(0x60, three, text("a"))), bind, "too-short"],
  [
    "a Bind with something behind",
    request(1, element(0x60, three, text("a"), element(0x80, "b"), text("c"))),
    bind,
    "trailing-bytes",
  ],
  ["a search with the scope 4", searchRequest(1, { scope: 4 }), search, "bad-value"],
  ["a search without an attribute list", request(1, element(0x63, text(""))), search, "too-short"],
  [
    "a Compare with something behind",
    request(1, element(0x6e, text("a"), element(0x30, text("b"), text("c")), text("d"))),
    compare,
    "trailing-bytes",
  ],
  [
    "a Modify with the operation 4",
    modifyRequest(1, [{ operation: 4, type: "sn" }]),
    modify,
    "bad-value",
  ],
  [
    "an Add with two types",
    request(
      1,
      element(0x68, text("a"), element(0x30, element(0x30, text("b"), text("c"), element(0x31)))),
    ),
    add,
    "bad-tag",
  ],
  ["an extended operation without a name", request(1, element(0x77)), extended, "too-short"],
  [
    "a new password with something behind",
    extendedRequest(1, "1.2", Buffer.concat([element(0x30), text("x")])),
    password,
    "trailing-bytes",
  ],
  [
    "a new password out of order",
    extendedRequest(1, "1.2", element(0x30, element(0x82, "x"), element(0x81, "y"))),
    password,
    "trailing-bytes",
  ],
  [
    "a new RDN that isn't UTF-8",
    request(1, element(0x6c, text("a"), text(Buffer.of(0xff)), element(1, Buffer.of(0)))),
    rename,
    "bad-utf8",
  ],
];

function bind(message: Buffer): void {
  decodeBind(message, peekEnvelope(message));
}
function search(message: Buffer): void {
  decodeSearch(message, peekEnvelope(message), () => undefined);
}
function compare(message: Buffer): void {
  visitCompare(message, peekEnvelope(message), () => undefined);
}
function modify(message: Buffer): void {
  decodeModify(message, peekEnvelope(message), () => undefined);
}
function add(message: Buffer): void {
  decodeAdd(message, peekEnvelope(message), () => undefined);
}
function extended(message: Buffer): void {
  decodeExtended(message, peekEnvelope(message));
}
function password(message: Buffer): void {
  decodePasswordModify(message, decodeExtended(message, peekEnvelope(message)).value);
}
function rename(message: Buffer): void {
  decodeModifyDn(message, peekEnvelope(message));
}

for (const [title, message, read, code] of REFUSED) {
  t.test(`${title} is refused: ${code}`, async (t) => {
    t.throws(() => read(message), { name: "WireError", code });
  });
}
