// The configuration as a whole: all mistakes at once with their places, defaults, what is watched,
// and no input that ends in an exception.

import fc from "fast-check";
import { join } from "node:path";
import { inspect } from "node:util";
import t from "tap";
import { stringify } from "yaml";

import { findStorePath, loadConfig } from "../../src/config/load.ts";
import { CLIENT, DIRECTORY, makeFolder, MASTER_KEY, told, yaml } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());

function config(text: string) {
  const loaded = folder.load(text);
  if ("config" in loaded) return loaded.config;
  throw new Error(told(loaded).join("\n"));
}

t.test("what is left out has the default of the contract", (t) => {
  const { radius, directories, store, totp, lockout, enrolment, log } = config(yaml());
  t.match(enrolment, {
    periodMs: 7 * 86_400_000,
    allowFrom: [{ text: "0.0.0.0/0" }, { text: "::/0" }],
  });
  t.match(store, {
    sqlite: join(folder.path, "data/gatehouse.db"),
    durability: "full",
    retentionMs: 90 * 86_400_000,
  });
  t.same(totp, { issuer: "Gatehouse", pastSteps: 1, futureSteps: 1 });
  t.same(lockout, {
    attempts: 6,
    windowMs: 1_800_000,
    durationMs: 600_000,
    countPasswordFailures: true,
    countCodeFailures: true,
  });
  t.same(log, { level: "info" });
  t.same(radius.listen, [{ family: 4, host: "0.0.0.0", port: 1812 }]);
  t.match(directories[0], {
    userFilter: "(uid={username})",
    userDn: undefined,
    idAttribute: undefined,
    lockoutThreshold: undefined,
    nestedGroups: true,
    timeoutMs: 3000,
    urls: [{ host: "ldap.example.org", port: 636, tls: "implicit" }],
  });
  t.match(radius.clients[0], {
    requireMessageAuthenticator: true,
    limitProxyState: true,
    rejectDelayMs: 1000,
    directory: "corp",
    mfa: "required",
    code: "auto",
    separator: ",",
    endUser: { name: "Calling-Station-Id" },
    allowGroups: [],
    reply: [],
  });
  t.end();
});

t.test("C01: five mistakes are told at once, each with its line, column and key", (t) => {
  const client = `    - name: vpn
      adresses: [192.0.2.0/24]
      secret: { file: nothing-here }
      mfa: sometimes
`;
  const top = "lockout: { attempts: 0 }\neap: {}\n";
  t.same(told(folder.load(yaml({ clients: client, top }))), [
    '11:7 radius.clients[0].adresses: unknown key (did you mean "addresses"?)',
    "13:12 radius.clients[0].mfa: must be disabled, enabled, required or always",
    "14:22 lockout.attempts: must be a whole number from 1 to 100",
    "15:1 eap: not built yet in this version",
  ]);
  const fixed = client.replace("adresses", "addresses").replace("- name", "- nam");
  t.same(told(folder.load(yaml({ clients: `${CLIENT}${fixed}`, top }))), [
    '13:7 radius.clients[1].nam: unknown key (did you mean "name"?)',
    "16:12 radius.clients[1].mfa: must be disabled, enabled, required or always",
    "17:22 lockout.attempts: must be a whole number from 1 to 100",
    "18:1 eap: not built yet in this version",
  ]);
  const unreadable = client.replace("adresses", "addresses");
  t.same(told(folder.load(yaml({ clients: unreadable, top: `${top}totp: { isuer: x }\n` }))), [
    `12:23 radius.clients[0].secret.file: ${folder.path}/nothing-here does not exist; ` +
      "create it or correct the path",
    "13:12 radius.clients[0].mfa: must be disabled, enabled, required or always",
    "14:22 lockout.attempts: must be a whole number from 1 to 100",
    "15:1 eap: not built yet in this version",
    '16:9 totp.isuer: unknown key (did you mean "issuer"?)',
  ]);
  t.end();
});

for (const [key, text] of [
  ["eap", yaml({ top: "eap: {}\n" })],
  ["radsec", yaml({ top: "radsec: {}\n" })],
  ["radius.accounting", yaml({ radius: '  accounting: ["0.0.0.0:1813"]\n' })],
  ["store.postgres", yaml({ top: "store: { postgres: { url: x } }\n" })],
  ["radius.clients[0].remember_device", yaml({ clients: `${CLIENT}      remember_device: 1h\n` })],
] as const) {
  t.test(`C01: ${key} belongs to a coming version and is refused by name`, (t) => {
    const [line, ...more] = told(folder.load(text));
    t.match(line, `${key}: not built yet in this version`);
    t.same(more, []);
    t.end();
  });
}

t.test("a key switched off in its coming version's words is accepted", (t) => {
  t.ok(config(yaml({ clients: `${CLIENT}      remember_device: 0\n` })));
  t.end();
});

for (const [setting, expected] of [
  ["lockout: { attempts: 0 }", "attempts: must be a whole number from 1 to 100"],
  ["lockout: { attempts: -1 }", "attempts: must be a whole number from 1 to 100"],
  ["lockout: { attempts: unlimited }", "attempts: must be a whole number from 1 to 100"],
  ["lockout: { attempts: 101 }", "attempts: must be a whole number from 1 to 100"],
  ["lockout: { window: 0 }", "window: must be a duration of 1s to 7d"],
  ["lockout: { duration: -5m }", "duration: must be a duration of 1s to 7d, or 0"],
  ["totp: { past_steps: 1000 }", "past_steps: must be a whole number from 0 to 2"],
  ["totp: { future_steps: 3 }", "future_steps: must be a whole number from 0 to 2"],
  ["enrolment: { period: 0 }", "period: must be a duration of 1d to 365d, such as 1d"],
  ["enrolment: { period: 23h }", "period: must be a duration of 1d to 365d, such as 1d"],
  ["enrolment: { period: 366d }", "period: must be a duration of 1d to 365d, such as 1d"],
  ["enrolment: { period: 36h }", "period: must be whole days, such as 7d"],
  ["totp: { digits: 4 }", "totp.digits: unknown key; remove it (known here: issuer, "],
  ["log: { level: loud }", "log.level: must be debug, info, warn or error"],
  ["log: loud", "log: must be a mapping"],
  ["store: { sqlite: 5 }", "store.sqlite: must be text (put it in quotes)"],
  ["totp: { issuer: [a] }", "totp.issuer: must be text (put it in quotes)"],
] as const) {
  t.test(`C01 C07: ${setting} is refused`, (t) => {
    const [line, ...more] = told(folder.load(yaml({ top: `${setting}\n` })));
    t.ok(line?.includes(expected), `${line}`);
    t.same(more, []);
    t.end();
  });
}

t.test("a lock may last until an administrator unlocks", (t) => {
  for (const zero of ["0", "0s", '"0"']) {
    t.equal(config(yaml({ top: `lockout: { duration: ${zero} }\n` })).lockout.durationMs, 0);
  }
  t.end();
});

t.test("a missing section is named at the top of the file", (t) => {
  t.same(
    told(folder.load("log: { level: info }\n")).map((line) => line.slice(0, 33)),
    [
      '1:1 master_key: missing; add "mas',
      '1:1 directories: missing; add "di',
      '1:1 has no door; add "radius: …" ',
    ],
  );
  t.end();
});

t.test("a file that doesn't exist is a problem, not an exception", (t) => {
  const loaded = loadConfig(join(folder.path, "absent.yaml"));
  t.match(told(loaded), [/^.*1:1 does not exist; create it or correct the path$/]);
  t.match(told(loadConfig(folder.path)), [/is not a file; name a regular file$/]);
  t.end();
});

t.test("every file that was read is watched, also when something is wrong", (t) => {
  const names = ["gatehouse.yaml", "master.key", "bind", "vpn"];
  const files = names.map((name) => join(folder.path, name));
  t.same(folder.load(yaml()).watch, files);
  t.same(folder.load(yaml({ top: "wrong: 1\n" })).watch, files);
  t.end();
});

t.test("the hash changes with the file and with a secret, and only then", (t) => {
  const hash = () => {
    const loaded = folder.load(yaml());
    return "hash" in loaded ? loaded.hash : "none";
  };
  const before = hash();
  t.match(before, /^[0-9a-f]{64}$/);
  t.equal(hash(), before);
  folder.write("vpn", "a shared secret of other length\n");
  t.not(hash(), before);
  folder.write("vpn", "a shared secret of some length\n");
  t.equal(hash(), before);
  t.end();
});

t.test("a configuration can't be changed and doesn't print its secrets", (t) => {
  const loaded = config(yaml({ masterKey: `{ value: "${MASTER_KEY}" }` }));
  t.ok(Object.isFrozen(loaded.radius.clients[0]));
  t.ok(Object.isFrozen(loaded.directories));
  const printed = `${JSON.stringify(loaded)}${inspect(loaded, { depth: 9 })}`;
  for (const secret of [MASTER_KEY, "directory password", "a shared secret"]) {
    t.notOk(printed.includes(secret));
  }
  t.end();
});

t.test("a secret never appears in a message", (t) => {
  const secret = "hunter2hunter2";
  for (const wrong of [
    secret,
    `*${secret}`,
    `!${secret}`,
    `"${secret}`,
    `{ value: "${secret}", env: ${secret} }`,
    `{ value: [${secret}] }`,
    `[${secret}]`,
    `{ value: *${secret} }`,
  ]) {
    const text = yaml({ clients: CLIENT.replace("{ file: vpn }", wrong) });
    const lines = told(folder.load(text));
    t.ok(lines.length > 0, wrong);
    t.notOk(lines.join("\n").includes(secret), lines.join("\n"));
  }
  t.end();
});

t.test("whatever the YAML, loading ends in a configuration or in problems", (t) => {
  const keys = ["master_key", "directories", "radius", "clients", "addresses", "secret", "file"];
  const words = [...keys, "reply", "__proto__", "constructor", "value", "0.0.0.0/0", "{username}"];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(null, true, 0, -1, 1e300, "", "1s", "cn=x", ...words),
      fc.string(),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...words), fc.string()), tie("tree"), { maxKeys: 6 }),
    ),
  }));
  const section = fc.record(
    { master_key: tree, directories: tree, radius: fc.record({ clients: tree, listen: tree }) },
    { requiredKeys: [] },
  );
  const ends = (text: string | Uint8Array) => {
    const loaded = folder.load(text);
    return "config" in loaded || loaded.problems.length > 0;
  };
  fc.assert(
    fc.property(fc.oneof(tree, section), (value) => ends(stringify(value))),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => ends(bytes)),
    { numRuns: 200 },
  );
  t.end();
});

t.test("a right file with one part cut out or doubled is never an exception", (t) => {
  const text = yaml({ directories: DIRECTORY, top: "totp: { issuer: Example }\n" });
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(30), fc.boolean(), (at, length, twice) => {
      const part = twice ? text.slice(at, at + length).repeat(2) : "";
      const loaded = folder.load(text.slice(0, at) + part + text.slice(at + length));
      return "config" in loaded || loaded.problems.length > 0;
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("C09: where the store is can be read from a file that is wrong elsewhere", (t) => {
  const cases: readonly (readonly [text: string, store: string])[] = [
    [`${yaml()}store: { sqlite: /var/lib/x.db }\nunknown: 1\n`, "/var/lib/x.db"],
    ["store:\n  sqlite: here/x.db\nradius:\n\t- bad\n", join(folder.path, "here/x.db")],
    ["store: { sqlite: [1] }\n", join(folder.path, "data/gatehouse.db")],
    ["store: { sqlite: '' }\n", join(folder.path, "data/gatehouse.db")],
    ["*nowhere", join(folder.path, "data/gatehouse.db")],
    ["\u0000\u0001", join(folder.path, "data/gatehouse.db")],
    ["", join(folder.path, "data/gatehouse.db")],
  ];
  for (const [text, store] of cases) {
    t.equal(findStorePath(folder.write("gatehouse.yaml", text)), store, JSON.stringify(text));
  }
  t.equal(findStorePath(join(folder.path, "none.yaml")), join(folder.path, "data/gatehouse.db"));
  t.end();
});
