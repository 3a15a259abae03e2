// Which old password a change gives as proof, and how the request goes on.

import t from "tap";

import {
  type PasswordChangeRequest,
  readAdd,
  readModify,
  readPasswordModify,
  withOldPassword,
} from "../../../src/doors/ldap/password-change.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { decodeExtended } from "../../../src/wire/ldap/request.ts";
import {
  addRequest,
  modifyRequest,
  passwordModifyRequest,
  type RequestControl,
} from "../../support/ldap-requests.ts";
import { BOB } from "../../support/ldap-session.ts";

function modify(
  changes: Parameters<typeof modifyRequest>[1],
  controls?: RequestControl[],
): PasswordChangeRequest | "odd" | undefined {
  const message = modifyRequest(5, changes, controls === undefined ? {} : { controls });
  return readModify(message, peekEnvelope(message));
}

function extended(fields: Parameters<typeof passwordModifyRequest>[1]): PasswordChangeRequest {
  const message = passwordModifyRequest(5, fields);
  const envelope = peekEnvelope(message);
  return readPasswordModify(message, envelope, decodeExtended(message, envelope).value);
}

function given(request: PasswordChangeRequest | "odd" | undefined): unknown {
  if (request === undefined || request === "odd") return request;
  const { person, oldPassword } = request.change;
  return [person, oldPassword?.reveal().toString()];
}

const quoted = (text: string): Buffer => Buffer.from(`"${text}"`, "utf16le");

const GIVEN: readonly [
  title: string,
  request: PasswordChangeRequest | "odd" | undefined,
  expected: unknown,
][] = [
  ["a Password Modify of one's own", extended({ old: "hello", new: "bye" }), [undefined, "hello"]],
  ["a Password Modify of somebody's", extended({ person: BOB, new: "bye" }), [BOB, undefined]],
  [
    "a replaced password",
    modify([{ operation: 2, type: "userPassword", values: ["x"] }]),
    [BOB, undefined],
  ],
  ["another attribute", modify([{ operation: 1, type: "sn", values: ["hello"] }]), undefined],
  [
    "a password removed by its value",
    modify([
      { operation: 1, type: "userPassword", values: ["hello"] },
      { operation: 0, type: "userPassword", values: ["bye"] },
    ]),
    [BOB, "hello"],
  ],
  [
    "Active Directory's change, by name",
    modify([
      { operation: 1, type: "unicodePwd", values: [quoted("hällo")] },
      { operation: 0, type: "unicodePwd", values: [quoted("bye")] },
    ]),
    [BOB, "hällo"],
  ],
  [
    "Active Directory's change, by OID and with an option",
    modify([{ operation: 1, type: "1.2.840.113556.1.4.90;x", values: [quoted("hello")] }]),
    [BOB, "hello"],
  ],
  ["all values removed", modify([{ operation: 1, type: "userPassword" }]), [BOB, undefined]],
  [
    "two old ones",
    modify([
      { operation: 1, type: "userPassword", values: ["a"] },
      { operation: 1, type: "userPassword", values: ["b"] },
    ]),
    "odd",
  ],
  ["a count", modify([{ operation: 3, type: "userPassword", values: ["1"] }]), "odd"],
];

for (const [title, request, expected] of GIVEN) {
  t.test(`${title} gives ${JSON.stringify(expected) ?? "nothing to judge"}`, async (t) => {
    t.same(given(request), expected);
  });
}

t.test(
  "an Add gives nothing to prove, and sets a password by an attribute or by its name",
  async (t) => {
    const read = (name: string, types: string[]): unknown => {
      const message = addRequest(1, name, types);
      return given(readAdd(message, peekEnvelope(message)));
    };
    t.equal(read(BOB, ["cn", "sn"]), undefined);
    t.same(read(BOB, ["cn", "USERPASSWORD;x"]), [BOB, undefined]);
    t.same(read("2.5.4.35=x,dc=example", ["cn"]), ["2.5.4.35=x,dc=example", undefined]);
  },
);

const BROKEN: readonly [title: string, value: Buffer][] = [
  ["without quotes", Buffer.from("hello", "utf16le")],
  ["in another encoding", Buffer.from('"hello"')],
  ["half a character long", quoted("x").subarray(0, -1)],
  ["of one quote", Buffer.from('"', "utf16le")],
  ["with half a pair", Buffer.from('"\ud800"', "utf16le")],
];

for (const [title, value] of BROKEN) {
  t.test(`an old unicodePwd ${title} is refused`, async (t) => {
    const change = [{ operation: 1, type: "unicodePwd", values: [value] }];
    t.throws(() => modify(change), { name: "WireError", code: "bad-value" });
  });
}

t.test("an old password that isn't UTF-8 is refused", async (t) => {
  const change = [{ operation: 1, type: "userPassword", values: [Buffer.of(0xff, 0xfe)] }];
  t.throws(() => modify(change), { name: "WireError", code: "bad-utf8" });
});

t.test("the request goes on with the old password that was found, or as it came", async (t) => {
  const bare = Secret.of("hello");
  const own = { new: "bye" };
  t.same(
    withOldPassword(extended({ ...own, old: "hello,123456" }), bare),
    passwordModifyRequest(5, { ...own, old: "hello" }),
  );
  const unchanged = extended({ ...own, old: "hello" });
  t.equal(withOldPassword(unchanged, bare), unchanged.message, "not even copied");
  const without = extended(own);
  t.equal(withOldPassword(without, bare), without.message, "nothing is put where nothing was");
  t.equal(withOldPassword(unchanged, undefined), unchanged.message);
});

t.test("in Active Directory's form it goes on in quotes; controls stay", async (t) => {
  const controls = [{ oid: "1.3.6.1.4.1.42.2.27.8.5.1", isCritical: false }];
  const changes = (old: string): Parameters<typeof modifyRequest>[1] => [
    { operation: 1, type: "unicodePwd", values: [quoted(old)] },
    { operation: 0, type: "unicodePwd", values: [quoted("bye")] },
  ];
  const request = modify(changes("hällo,123456"), controls);
  if (request === undefined || request === "odd") throw new Error("no change");
  t.same(
    withOldPassword(request, Secret.of("hällo")),
    modifyRequest(5, changes("hällo"), { controls }),
  );
});

t.test("what a change holds can't be printed", async (t) => {
  t.notMatch(JSON.stringify(extended({ old: "hello" }).change), "hello");
});
