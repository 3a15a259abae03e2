// What is made from the schema: the file for editors, the list of keys, the example that uses all.

import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";

import { generateCertificates } from "../../certs/certificates.ts";
import { configurationKeys, jsonSchemaText, keysAt } from "../../src/config/keys.ts";
import { fakeClock } from "../support/clock.ts";
import { makeFolder, told } from "../support/configuration.ts";
import { makeRevocationList } from "../support/revocations.ts";

const root = join(import.meta.dirname, "../..");
const example = readFileSync(join(root, "config/gatehouse.example.yaml"), "utf8");

t.test("config/gatehouse.schema.json is current (npm run schema writes it)", (t) => {
  const written = readFileSync(join(root, "config/gatehouse.schema.json"), "utf8");
  t.same(JSON.parse(written), JSON.parse(jsonSchemaText()));
  t.end();
});

t.test("the schema for editors refuses unknown keys everywhere and describes every key", (t) => {
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    if ("properties" in node && typeof node.properties === "object" && node.properties !== null) {
      t.match(node, { additionalProperties: false }, path);
      for (const [key, inner] of Object.entries(node.properties)) {
        if (key !== "$schema") t.type(Reflect.get(Object(inner), "description"), "string", key);
        walk(inner, `${path}.${key}`);
      }
    }
    if ("items" in node) walk(node.items, `${path}[]`);
  };
  walk(JSON.parse(jsonSchemaText()), "");
  t.end();
});

t.test("keys are listed by place", (t) => {
  t.same(keysAt("totp"), ["issuer", "past_steps", "future_steps"]);
  t.ok(keysAt("radius.clients[]").includes("addresses"));
  t.same(keysAt("nowhere[].at.all"), []);
  t.ok(configurationKeys().includes("radius.clients[].reply[].vlan"));
  t.end();
});

t.test("the example uses every key and is right", async (t) => {
  const used = new Set<string>();
  const collect = (value: unknown, path: string): void => {
    if (Array.isArray(value)) for (const item of value) collect(item, `${path}[]`);
    else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        const below = path === "" ? key : `${path}.${key}`;
        used.add(below);
        collect(inner, below);
      }
    }
  };
  collect(parse(example), "");
  t.same(
    configurationKeys().filter((key) => !used.has(key)),
    [],
  );
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  await generateCertificates(join(folder.path, "certs"), { clock: fakeClock() });
  cpSync(join(folder.path, "certs/ca.pem"), join(folder.path, "certs/directory-ca.pem"));
  folder.write("certs/directory-ca.crl", await makeRevocationList(join(folder.path, "certs")));
  cpSync(join(folder.path, "certs/ca.pem"), join(folder.path, "certs/mail-ca.pem"));
  cpSync(join(root, "config/mail"), join(folder.path, "mail"), { recursive: true });
  folder.write("mail-password", "the mail server's password\n");
  const names = ["master.key", "bind", "vpn", "vpn.old", "printers"];
  let text = example.replaceAll("data/master.key", "master.key").replaceAll("secrets/", "");
  folder.write("vpn.old", "an older secret of some length\n");
  folder.write("printers", "yet another secret of some length\n");
  for (const name of names) t.ok(text.includes(name), name);
  t.match(told(folder.load(text)), [/nobody is asked for a code here until 2030-12-31/]);
  text = text.replace("clients:", "client:");
  t.match(told(folder.load(text)), [/radius.client: unknown key \(did you mean "clients"\?\)/]);
  t.end();
});
