import t from "tap";

import { decodeControls } from "../../../src/wire/ldap/control.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { decodeAnswer, type Entry } from "../../../src/wire/ldap/message.ts";
import { decodeExtended, decodePasswordModify } from "../../../src/wire/ldap/request.ts";
import {
  kindOfEntry,
  type Promises,
  replaceContents,
  rewriteBind,
  rewriteRootDse,
  withoutPasswords,
} from "../../../src/wire/ldap/rewrite.ts";
import { entry } from "../../support/fault-directory.ts";
import {
  bindRequest,
  element,
  passwordModifyRequest,
  request,
  text,
} from "../../support/ldap-requests.ts";

t.test(
  "a rewritten Bind keeps id, version and the controls that are kept; name and password change",
  async (t) => {
    const controls = [{ oid: "1.2.3" }, { oid: "1.3.6.1.4.1.42.2.27.8.5.1", isCritical: false }];
    const message = bindRequest(70_000, "UID=Bob , DC=Example", "hello,123456", { controls });
    const envelope = peekEnvelope(message);
    const [, policy] = decodeControls(message, envelope);
    if (policy === undefined) throw new Error("no control");
    t.same(
      rewriteBind(message, envelope, [policy], "uid=bob,dc=example", Buffer.from("hello")),
      bindRequest(70_000, "uid=bob,dc=example", "hello", { controls: controls.slice(1) }),
    );
    t.same(
      rewriteBind(message, envelope, [], "uid=bob", Buffer.from("hello")),
      bindRequest(70_000, "uid=bob", "hello"),
    );
  },
);

for (const length of [0, 1, 5, 127, 128, 300, 70_000]) {
  t.test(
    `an old password is replaced by one of ${length} octets, and every length follows`,
    async (t) => {
      const fields = { person: "uid=bob", new: "x".repeat(200) };
      const message = passwordModifyRequest(9, { ...fields, old: "hello,123456" });
      const { value } = decodeExtended(message, peekEnvelope(message));
      const { oldPassword } = decodePasswordModify(message, value);
      if (oldPassword === undefined) throw new Error("no old password");
      const old = "y".repeat(length);
      t.same(
        replaceContents(message, oldPassword, Buffer.from(old)),
        passwordModifyRequest(9, { ...fields, old }),
      );
    },
  );
}

t.test("the first of several empty elements is replaced where the range says", async (t) => {
  const message = element(0x30, text(""), text(""), text("x"));
  t.same(
    replaceContents(message, { from: 4, to: 4 }, Buffer.from("ab")),
    element(0x30, text("ab"), text(""), text("x")),
  );
  t.same(
    replaceContents(message, { from: 6, to: 6 }, Buffer.from("ab")),
    element(0x30, text(""), text("ab"), text("x")),
  );
});

t.test("a range that is no element's contents is refused", async (t) => {
  t.throws(() => replaceContents(text("abc"), { from: 3, to: 4 }, Buffer.of()), {
    name: "WireError",
  });
});

const BOB = "uid=bob,dc=example,dc=com";

function names(message: Buffer): string[] {
  return (decodeAnswer(message) as Entry).attributes.map(({ name }) => name);
}

function kind(message: Buffer): string {
  return kindOfEntry(message, peekEnvelope(message));
}

t.test("an entry is plain, has passwords, or is the root", async (t) => {
  t.equal(kind(entry(1, BOB, { cn: ["b"], mail: ["b@example.org"] })), "plain");
  t.equal(kind(entry(1, BOB, {})), "plain");
  for (const name of ["userPassword", "USERPASSWORD;x-1", "2.5.4.35", "sambaNTPassword"]) {
    t.equal(kind(entry(1, BOB, { cn: ["b"], [name]: ["x"], sn: ["b"] })), "passwords", name);
    t.equal(kind(entry(1, BOB, { [name]: [] })), "passwords", `${name}, its name only`);
  }
  t.equal(kind(entry(1, "", { namingContexts: ["dc=example"] })), "root-dse");
});

t.test("a value that looks like a password attribute is none", async (t) => {
  t.equal(
    kind(entry(1, "cn=userPassword", { description: ["userPassword", "2.5.4.35"] })),
    "plain",
  );
});

t.test("an entry loses its password attributes and nothing else", async (t) => {
  const before = { cn: ["b"], userPassword: ["{SSHA}x", "y"], mail: ["b@example.org"] };
  const more = { "unicodePwd;x": ["z"], jpegPhoto: [Buffer.alloc(70_000, 1)] };
  const message = entry(300, BOB, { ...before, ...more });
  t.same(
    withoutPasswords(message, peekEnvelope(message)),
    entry(300, BOB, { cn: ["b"], mail: ["b@example.org"], jpegPhoto: more.jpegPhoto }),
  );
  const only = entry(1, BOB, { userPassword: ["x"] });
  t.same(withoutPasswords(only, peekEnvelope(only)), entry(1, BOB, {}));
});

t.test("controls of an entry stay", async (t) => {
  const bare = entry(1, BOB, { cn: ["b"], userPassword: ["x"] });
  const { operationAt } = peekEnvelope(bare);
  const controls = [{ oid: "1.2.3", isCritical: true, value: Buffer.from("state") }];
  const message = request(1, bare.subarray(operationAt), { controls });
  const stripped = entry(1, BOB, { cn: ["b"] });
  t.same(
    withoutPasswords(message, peekEnvelope(message)),
    request(1, stripped.subarray(peekEnvelope(stripped).operationAt), { controls }),
  );
});

const promises: Promises = {
  extensions: new Set(["1.3.6.1.4.1.4203.1.11.3"]),
  controls: new Set(["1.2.840.113556.1.4.319"]),
  startTls: false,
};

const ROOT = {
  namingContexts: ["dc=example,dc=com"],
  supportedSASLMechanisms: ["PLAIN", "GSSAPI"],
  supportedLDAPVersion: ["3"],
  SupportedControl: ["1.2.840.113556.1.4.319", "2.16.840.1.113730.3.4.18"],
  supportedExtension: [
    "1.3.6.1.4.1.4203.1.11.1",
    "1.3.6.1.4.1.4203.1.11.3",
    "1.3.6.1.4.1.1466.20037",
  ],
  altServer: ["ldap://other.example.org"],
};

function root(
  attributes: Readonly<Record<string, readonly string[]>>,
  more: Partial<Promises> = {},
): Entry {
  const message = entry(1, "", attributes);
  const bytes = rewriteRootDse(message, peekEnvelope(message), { ...promises, ...more });
  return decodeAnswer(bytes) as Entry;
}

function valuesOf({ attributes }: Entry, name: string): string[] {
  const found = attributes.find((one) => one.name.toLowerCase() === name);
  return found?.values.map((value) => value.toString()) ?? [];
}

t.test(
  "a root DSE promises what is kept: no SASL, no other servers, no more than is allowed",
  async (t) => {
    const rewritten = root(ROOT);
    t.same(
      rewritten.attributes.map(({ name }) => name),
      ["namingContexts", "supportedLDAPVersion", "SupportedControl", "supportedExtension"],
    );
    t.same(valuesOf(rewritten, "supportedcontrol"), ["1.2.840.113556.1.4.319"]);
    t.same(valuesOf(rewritten, "supportedextension"), ["1.3.6.1.4.1.4203.1.11.3"]);
  },
);

t.test(
  "StartTLS is promised where the listener offers it, whatever the directory does",
  async (t) => {
    for (const supportedExtension of [ROOT.supportedExtension, ["1.2.3"]]) {
      const values = valuesOf(
        root({ supportedExtension }, { startTls: true }),
        "supportedextension",
      );
      t.ok(values.includes("1.3.6.1.4.1.1466.20037"));
      t.notOk(values.includes("1.2.3"));
    }
    t.same(valuesOf(root({ cn: ["x"] }, { startTls: true }), "supportedextension"), []);
  },
);

t.test("a list of which nothing is left isn't sent; names without values stay names", async (t) => {
  t.same(names(entry(1, "", ROOT)).length, 6);
  t.same(
    root({ supportedControl: ["1.2.3"], cn: ["x"] }).attributes.map(({ name }) => name),
    ["cn"],
  );
  const types = root({ supportedControl: [], supportedSASLMechanisms: [], cn: [] });
  t.same(types.attributes, [
    { name: "supportedControl", values: [] },
    { name: "cn", values: [] },
  ]);
});

t.test("an entry that can't be read is refused", async (t) => {
  const attribute = element(0x30, text("userPassword"), element(0x31));
  const broken: readonly Buffer[] = [
    element(0x64),
    element(0x64, text("uid=a"), element(0x30, Buffer.of(0x30, 5))),
    element(0x64, text("uid=a"), element(0x30, attribute), text("more")),
  ];
  for (const operation of broken) {
    const message = request(1, operation);
    const read = (): unknown =>
      kind(message) === "passwords" && withoutPasswords(message, peekEnvelope(message));
    t.throws(read, { name: "WireError" });
  }
});
