// What a directory's answer to a bind means: only a plain success is "right".

import t from "tap";

import { bindResultOf, BindExchange } from "../../../src/backends/directory/bind.ts";
import { Secret } from "../../../src/lib/secret.ts";
import type { PasswordPolicy, Result } from "../../../src/wire/ldap/message.ts";

function answer(resultCode: number, diagnosticMessage = "", policy?: PasswordPolicy): string {
  const told = { policy, pageCookie: undefined };
  const result: Result = { kind: "bind", id: 1, resultCode, diagnosticMessage, ...told };
  const meaning = bindResultOf(result);
  if (meaning === undefined) return "unavailable";
  return meaning.kind === "refused" ? meaning.reason : meaning.kind;
}

t.test("result codes: success, wrong, refused, or nothing decided", async (t) => {
  const cases: Record<number, string> = { 0: "right", 49: "wrong" };
  for (const code of [7, 8, 13]) cases[code] = "stronger-auth-required";
  for (const code of [19, 32, 34, 48, 50, 53]) cases[code] = "directory-refused";
  for (const code of [1, 2, 3, 10, 11, 12, 14, 51, 52, 54, 80, 4096]) cases[code] = "unavailable";
  for (const [code, meaning] of Object.entries(cases)) {
    t.equal(answer(Number(code)), meaning, code);
  }
});

t.test("D12: Active Directory's sub-codes tell a refusal from a wrong password", async (t) => {
  const cases: Record<string, string> = {
    "525": "wrong",
    "52e": "wrong",
    "530": "logon-hours",
    "531": "logon-workstation",
    "532": "password-expired",
    "533": "directory-disabled",
    "701": "account-expired",
    "773": "must-change-password",
    "775": "directory-locked",
    "999": "wrong",
  };
  for (const [code, meaning] of Object.entries(cases)) {
    const text = `80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data ${code}, v1db1`;
    t.equal(answer(49, text), meaning, code);
  }
  t.equal(answer(0, "data 532"), "right", "only where the bind failed");
});

t.test("D11: a success with a password policy's objection is no success", async (t) => {
  const cases: [number, PasswordPolicy, string][] = [
    [0, { error: 0, graceLogins: undefined }, "password-expired"],
    [0, { error: 1, graceLogins: undefined }, "directory-locked"],
    [0, { error: 2, graceLogins: undefined }, "must-change-password"],
    [0, { error: 7, graceLogins: undefined }, "directory-refused"],
    [0, { error: undefined, graceLogins: 0 }, "password-expired"],
    [0, { error: undefined, graceLogins: 3 }, "right"],
    [0, { error: undefined, graceLogins: undefined }, "right"],
    [49, { error: 0, graceLogins: undefined }, "password-expired"],
    [49, { error: 1, graceLogins: undefined }, "directory-locked"],
    [49, { error: undefined, graceLogins: undefined }, "wrong"],
  ];
  for (const [code, policy, meaning] of cases) {
    t.equal(answer(code, "", policy), meaning, `${code} ${JSON.stringify(policy)}`);
  }
});

t.test("LDAP-04 O07: an empty password or name can't even become a bind", async (t) => {
  const nothing = (): void => undefined;
  for (const [dn, password] of [
    ["cn=a", ""],
    ["", "secret"],
  ]) {
    const question = {
      dependency: "directory:x",
      dn: dn ?? "",
      password: Secret.of(password ?? ""),
      deadlineAt: 0,
    };
    t.throws(() => new BindExchange(question, nothing, nothing), /needs a name and a password/);
  }
});
