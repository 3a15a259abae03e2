// Secret files, environment variables and the master key.

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { loadConfig } from "../../src/config/load.ts";
import { CLIENT, makeFolder, MASTER_KEY, told, yaml } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());

function withSecret(location: string, env: Record<string, string> = {}) {
  const loaded = folder.load(yaml({ clients: CLIENT.replace("{ file: vpn }", location) }), { env });
  const secret = "config" in loaded ? loaded.config.radius.clients[0]?.secret : undefined;
  return { secret: secret?.reveal().toString("latin1"), told: told(loaded) };
}

t.test("a secret file loses exactly one newline at its end", (t) => {
  for (const [content, secret] of [
    ["sixteen bytes 01", "sixteen bytes 01"],
    ["sixteen bytes 01\n", "sixteen bytes 01"],
    ["sixteen bytes 01\r\n", "sixteen bytes 01"],
    ["sixteen bytes 01\n\n", "sixteen bytes 01\n"],
    ["sixteen bytes 01 ", "sixteen bytes 01 "],
    ["\nsixteen bytes 01", "\nsixteen bytes 01"],
  ] as const) {
    folder.write("some", content);
    t.equal(withSecret("{ file: some }").secret, secret, JSON.stringify(content));
  }
  t.end();
});

t.test("C04: a secret file that others can read or write is refused with the remedy", (t) => {
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o620, 0o602, 0o666]) {
    const path = folder.write("open", "a shared secret of some length", mode);
    t.same(withSecret("{ file: open }").told, [
      `12:23 radius.clients[0].secret.file: ${path} is open to other users; run: chmod 600 ${path}`,
    ]);
  }
  for (const mode of [0o600, 0o400, 0o700]) {
    folder.write("closed", "a shared secret of some length", mode);
    t.same(withSecret("{ file: closed }").told, [], mode.toString(8));
  }
  t.end();
});

t.test("C04: a link doesn't hide that its target is open", (t) => {
  folder.write("target", "a shared secret of some length", 0o644);
  symlinkSync(join(folder.path, "target"), join(folder.path, "link"));
  t.match(withSecret("{ file: link }").told, [/is open to other users/]);
  t.end();
});

t.test("C04: a master key that is missing or open is refused", (t) => {
  folder.write("open.key", MASTER_KEY, 0o644);
  const tell = (masterKey: string) => told(folder.load(yaml({ masterKey })));
  t.match(tell("{ file: absent.key }"), [
    /master_key.file: .*absent.key does not exist; create it/,
  ]);
  t.match(tell("{ file: open.key }"), [/master_key.file: .*open.key is open to other users/]);
  mkdirSync(join(folder.path, "folder"));
  t.match(tell("{ file: folder }"), [/is not a file; name a regular file/]);
  t.end();
});

t.test("a master key is base64 of exactly 32 bytes", (t) => {
  for (const [what, text] of [
    ["31 bytes", Buffer.alloc(31, 1).toString("base64")],
    ["33 bytes", Buffer.alloc(33, 1).toString("base64")],
    ["hexadecimal", "ab".repeat(32)],
    ["no padding", MASTER_KEY.replace("=", "")],
    ["blanks", ` ${MASTER_KEY}`],
    ["two lines", `${MASTER_KEY}\n\n`],
  ] as const) {
    folder.write("wrong.key", text);
    const lines = told(folder.load(yaml({ masterKey: "{ file: wrong.key }" })));
    t.match(lines, [/master_key: is not base64 of exactly 32 bytes; .*openssl rand/], what);
  }
  t.end();
});

t.test("a secret may come from the environment, which must have it", (t) => {
  const env = { VPN_SECRET: "from the environment", EMPTY: "" };
  t.equal(withSecret("{ env: VPN_SECRET }", env).secret, "from the environment");
  t.match(withSecret("{ env: VPN_SECRE }", env).told, [
    /secret.env: the environment variable VPN_SECRE is not set; set it before starting$/,
  ]);
  t.match(withSecret("{ env: EMPTY }", env).told, [/secret: is empty/]);
  t.match(withSecret("{ env: __proto__ }", env).told, [/is not set/]);
  t.end();
});

t.test("a secret has exactly one place", (t) => {
  for (const location of ["{}", "{ file: vpn, env: VPN }", "{ file: vpn, value: x }"]) {
    t.match(withSecret(location).told, [/secret: must have exactly one of file, env and value/]);
  }
  t.match(withSecret("plain").told, [/secret: must be written as \{ file: … \}/]);
  t.match(withSecret("{ fil: vpn }").told, [/secret.fil: unknown key \(did you mean "file"\?\)/]);
  t.end();
});

t.test("a file with a secret in it that others can read warns", (t) => {
  const text = yaml({ clients: CLIENT.replace("{ file: vpn }", '{ value: "sixteen bytes 01" }') });
  t.same(told(folder.load(text)), []);
  const path = folder.write("open.yaml", text, 0o644);
  t.match(told(loadConfig(path, { env: {} })), [/^1:1 holds a secret and other users can read it/]);
  folder.write("open.yaml", yaml(), 0o644);
  t.same(told(loadConfig(path, { env: {} })), []);
  t.end();
});

t.test("C04: a configuration that everybody may change warns", (t) => {
  const path = folder.write("gatehouse.yaml", yaml(), 0o646);
  t.match(told(loadConfig(path, { env: {} })), [/^1:1 can be changed by every user of this host/]);
  t.end();
});
