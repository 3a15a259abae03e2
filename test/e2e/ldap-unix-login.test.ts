// Logins to a Unix host by PAM, with nslcd and with SSSD, as docs/ldap-recipes.md sets them up.

import t from "tap";

import { codeFor } from "../support/gateway.ts";
import { APP_DN, startLdapGateway } from "../support/ldap-gateway.ts";
import { fieldOf, secretOf } from "../support/operator.ts";
import { recipe } from "../support/recipe.ts";
import { startNslcd, startSssd } from "../support/unix-login.ts";

const { url, caFile, enrollAll, events } = await startLdapGateway(
  t,
  { hosts: [`exempt: [{ dn: "${APP_DN}", addresses: [127.0.0.1] }]`] },
  { posix: true },
);
const people = Array.from({ length: 4 }, (_, at) => `u00000${at}`);
enrollAll(people);

const here = {
  "ldaps://ldap.example.org": url("ldaps", "hosts"),
  "/etc/ssl/certs/gatehouse-ca.pem": caFile,
};
const kinds = {
  nslcd: { start: startNslcd, configuration: recipe("nslcd", "text", here), prompt: "Password: " },
  SSSD: { start: startSssd, configuration: recipe("SSSD", "ini", here), prompt: "Password,code:" },
};

for (const [at, [name, kind]] of Object.entries(kinds).entries()) {
  const [person = "", another = ""] = people.slice(2 * at);
  await t.test(`${name}: password,code: in; whatever else: refused`, async (t) => {
    const login = await kind.start({ configuration: kind.configuration, somebody: person });
    t.teardown(() => login.stop());
    t.match(login.find(another), new RegExp(`^${another}:\\*:2000${2 * at + 1}:20000:${another}:`));
    const field = fieldOf(person);
    const first = await login.logIn(person, field);
    t.match(first, { isIn: true });
    t.equal(first.text.startsWith(kind.prompt), true, first.text);
    const wrong = codeFor(secretOf(person)) === "000000" ? "111111" : "000000";
    for (const typed of [field, `pw-${person},${wrong}`, `pw-${person}`]) {
      t.match(await login.logIn(person, typed), { isIn: false, text: /Authentication failure/ });
    }
    t.match(await login.logIn(another, fieldOf(another)), { isIn: true }, "somebody else");
    const told = events("--type", "ldap_bind", "--user", person);
    t.same(
      told.map(({ success, reason }) => reason ?? success),
      [true, "mfa-code-replayed", "mfa-code-incorrect", "mfa-code-missing"],
    );
  });
}
