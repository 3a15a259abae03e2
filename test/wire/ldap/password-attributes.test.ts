import t from "tap";

import {
  isAttributeDescription,
  isPasswordAttribute,
  isPasswordRdn,
} from "../../../src/wire/ldap/password-attributes.ts";

function isPassword(name: string): boolean {
  const bytes = Buffer.from(`<${name}>`, "latin1");
  return isPasswordAttribute(bytes, 1, bytes.length - 1);
}

const PASSWORDS = [
  "userPassword",
  "USERPASSWORD",
  "userpassword",
  "2.5.4.35",
  "oid.2.5.4.35",
  "OID.2.5.4.35;x-1",
  "userPassword;x-foo",
  "userPassword;lang-de;binary",
  "userPassword;",
  "unicodePwd",
  "1.2.840.113556.1.4.90",
  "dBCSPwd",
  "lmPwdHistory",
  "ntPwdHistory",
  "supplementalCredentials",
  "msDS-ManagedPassword",
  "sambaNTPassword",
  "sambaLMPassword;x",
  "1.3.6.1.4.1.7165.2.1.25",
  "krbPrincipalKey",
  "authPassword",
  "pwdHistory",
  "passwordHistory",
  "ipaNTHash",
  "ipatokenOTPkey",
  "nsDS5ReplicaCredentials",
  "unhashed#user#password",
  "olcRootPW",
  "oathSecret",
];

for (const name of PASSWORDS) {
  t.test(`${name} is a password attribute`, async (t) => {
    t.equal(isPassword(name), true);
  });
}

const OTHERS = [
  "",
  ";",
  "cn",
  "userPasswor",
  "userPasswords",
  "xuserPassword",
  "2.5.4.3",
  "2.5.4.350",
  "oid.",
  "userPKCS12",
  "pwdChangedTime",
  "pwdPolicySubentry",
  "ms-Mcs-AdmPwd",
];

for (const name of OTHERS) {
  t.test(`"${name}" is no password attribute`, async (t) => {
    t.equal(isPassword(name), false);
  });
}

t.test("only the octets of the name are looked at", async (t) => {
  const bytes = Buffer.from("userPassword");
  t.equal(isPasswordAttribute(bytes, 0, 11), false);
  t.equal(isPasswordAttribute(bytes, 1, 12), false);
  t.equal(isPasswordAttribute(bytes, 0, 12), true);
  t.equal(isPasswordAttribute(bytes, 0, 40), false, "nothing is read behind the message");
});

t.test("the first RDN of an entry names a password by any of its parts", async (t) => {
  t.equal(isPasswordRdn("uid=bob"), false);
  t.equal(isPasswordRdn("cn=x+userpassword=y"), true);
  t.equal(isPasswordRdn("2.5.4.35=y"), true);
  t.equal(isPasswordRdn(""), false);
});

t.test("an attribute description is letters, digits, hyphens, options or an OID", async (t) => {
  const is = (name: string): boolean =>
    isAttributeDescription(Buffer.from(name, "latin1"), 0, name.length);
  for (const name of ["cn", "x-1", "2.5.4.35", "0.9.2342", "cn;lang-de", "msDS_x", "1.0.10"]) {
    t.equal(is(name), true, name);
  }
  // A server that is generous with any of these would read a name that was not compared.
  const odd = ["", "user Password", " cn", "cn ", "cn\0", "2.5.4.035", "02.5", "2.00", "cn=x", "é"];
  for (const name of [...odd, "{userPassword}", "user#password"])
    t.equal(is(name), false, JSON.stringify(name));
});
