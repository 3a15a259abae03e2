// Service accounts, as the configuration names them and as the directory does.

import t from "tap";

import { exemptIn } from "../../src/gateway/exempt.ts";
import { makeFolder, yaml } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());

const LISTENER = `ldap:
  listeners:
    - name: apps
      listen: "127.0.0.1:389"
      tls: none
      exempt: [{ dn: "cn=App, ou=services,dc=example,dc=org", addresses: [127.0.0.1] }]
`;

t.test(
  "an account is known by its entry in its own directory, however it is spelled",
  async (t) => {
    const loaded = folder.load(yaml({ top: LISTENER }));
    if (!("config" in loaded)) throw new Error("the configuration of the tests is wrong");
    const isExempt = exemptIn(loaded.config);
    const entry = { directory: "corp", id: "id", username: "app" };
    t.equal(isExempt({ ...entry, dn: "CN=app,OU=Services,DC=example,DC=org" }), true);
    t.equal(isExempt({ ...entry, dn: "cn=app,ou=people,dc=example,dc=org" }), false);
    const elsewhere = { ...entry, directory: "lab", dn: "cn=app,ou=services,dc=example,dc=org" };
    t.equal(isExempt(elsewhere), false);
  },
);
