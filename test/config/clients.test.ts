// RADIUS clients: secrets, networks, Message-Authenticator, second factor, replies.

import t from "tap";

import { CLIENT, DIRECTORY, makeFolder, told, yaml } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());
folder.write("short", "eleven byte\n");
folder.write("twelve", "twelve bytes\n");
folder.write("long", `${"x".repeat(64)}\n`);
folder.write("testing", "testing123\n");
folder.write("empty", "");
folder.write("newline", "\n");

/** The client of the shared configuration with lines replaced or added. */
function client(changes: Record<string, string>, name = "vpn"): string {
  const settings = { addresses: "[192.0.2.0/24]", secret: "{ file: vpn }", ...changes };
  const lines = Object.entries(settings).map(([key, value]) => `      ${key}: ${value}\n`);
  return `    - name: ${name}\n${lines.join("")}`;
}

function tell(clients: string, parts = {}): string[] {
  return told(folder.load(yaml({ clients, ...parts })));
}

function first(changes: Record<string, string>) {
  const loaded = folder.load(yaml({ clients: client(changes) }));
  if ("problems" in loaded) throw new Error(told(loaded).join("\n"));
  const [built] = loaded.config.radius.clients;
  if (built === undefined) throw new Error("no client");
  return { client: built, warnings: told(loaded) };
}

t.test("C02 RAD-14: an empty secret is refused", (t) => {
  for (const file of ["empty", "newline"]) {
    const lines = tell(client({ secret: `{ file: ${file} }` }));
    t.same(lines, ["12:15 radius.clients[0].secret: is empty; put the secret there"]);
  }
  t.match(tell(client({ secret: '{ value: "" }' })), [/secret.value: must not be empty$/]);
  t.end();
});

t.test("C02 RAD-14: a secret under 12 bytes warns, 12 and 64 bytes don't", (t) => {
  const { warnings } = first({ secret: "{ file: short }" });
  t.match(warnings, [/^12:15 radius.clients\[0\].secret: is shorter than 12 bytes/]);
  t.same(first({ secret: "{ file: twelve }" }).warnings, []);
  t.equal(first({ secret: "{ file: long }" }).client.secret.byteLength, 64);
  t.end();
});

t.test("C02: testing123 works on loopback only", (t) => {
  const secret = "{ file: testing }";
  t.same(first({ secret, addresses: '[127.0.0.0/8, "::1"]' }).warnings, []);
  for (const addresses of ["[192.0.2.1]", "[127.0.0.1, 192.0.2.1]", "[126.0.0.0/7]"]) {
    t.match(tell(client({ secret, addresses })), [/secret: "testing123" is known to everyone/]);
  }
  t.match(tell(client({ previous_secret: secret })), [/previous_secret: "testing123" is known/]);
  t.end();
});

t.test("C02: the same secret at two clients warns and names the other", (t) => {
  const second = client({ addresses: "[192.0.3.0/24]" }, "wifi");
  const lines = tell(`${CLIENT}${second}`);
  const message = `is the same as client "vpn"'s; give each client its own`;
  t.same(lines, [`15:15 radius.clients[1].secret: ${message}`]);
  t.match(first({ previous_secret: "{ file: vpn }" }).warnings, [/is the same as secret; remove/]);
  t.end();
});

t.test("C03: overlapping networks are accepted, the very same one isn't", (t) => {
  const wifi = (addresses: string) => client({ addresses, secret: "{ file: wifi }" }, "wifi");
  t.same(tell(`${CLIENT}${wifi("[192.0.0.0/16, 192.0.2.5]")}`), []);
  const both = 'is listed twice, at clients "wifi" and "vpn"; keep one';
  const [line, ...more] = tell(`${CLIENT}${wifi("[192.0.9.0/24, 192.0.2.0/24]")}`);
  t.equal(line, `14:33 radius.clients[1].addresses[1]: 192.0.2.0/24 ${both}`);
  t.same(more, []);
  t.match(tell(client({ addresses: '["::1", "0::1"]' })), [/::1 is listed twice/]);
  t.end();
});

t.test("C03: everywhere needs any_address and require_message_authenticator: true", (t) => {
  for (const network of ["0.0.0.0/0", "::/0"]) {
    const addresses = `["${network}"]`;
    t.match(tell(client({ addresses })), [/takes packets from everywhere; list the client's/]);
    t.same(first({ addresses, any_address: "true" }).warnings, []);
    for (const require_message_authenticator of ["auto", "false"]) {
      const settings = { addresses, any_address: "true", require_message_authenticator };
      t.match(tell(client(settings)), [/authenticator: must be true where .* is listed$/]);
    }
  }
  t.end();
});

t.test("C06: no second factor wants a reason and a date, and always warns", (t) => {
  const exception = (until: string) => `{ reason: "printers", until: "${until}" }`;
  const warnings = (changes: Record<string, string>) => first(changes).warnings;
  t.match(warnings({ mfa: "disabled" }), [/mfa: NOBODY is asked for a code here/]);
  // The tests' clock stands at 2027-01-15.
  t.match(warnings({ mfa: "disabled", mfa_exception: exception("2027-01-15") }), [
    /mfa: nobody is asked for a code here until 2027-01-15: "printers"$/,
  ]);
  t.match(warnings({ mfa: "disabled", mfa_exception: exception("2027-01-14") }), [
    /mfa_exception.until: the exception ended on 2027-01-14/,
  ]);
  t.match(warnings({ mfa: "enabled" }), [/log in with their password alone/]);
  t.same(warnings({ mfa: "required" }), []);
  t.match(tell(client({ mfa: "disabled", mfa_exception: exception("2027-02-30") })), [
    /until: must be a date such as/,
  ]);
  t.match(tell(client({ mfa: "disabled", mfa_exception: "{ until: 2027-02-01 }" })), [
    /mfa_exception.reason: missing/,
  ]);
  t.end();
});

t.test("a setting that weakens the protocol warns", (t) => {
  for (const key of ["require_message_authenticator", "limit_proxy_state"]) {
    t.match(first({ [key]: "false" }).warnings, [`radius.clients[0].${key}: false l`]);
  }
  t.same(first({ require_message_authenticator: "auto" }).warnings, []);
  t.end();
});

t.test("a separator can't be taken for a code, and an empty one doesn't go with auto", (t) => {
  for (const separator of [",", ":", "::", "#!/", "~"]) {
    t.equal(first({ separator: `"${separator}"` }).client.separator, separator);
  }
  for (const separator of ["-", "1", "a", " ", ",,,,", "é", "\\t"]) {
    t.match(tell(client({ separator: `"${separator}"` })), [/separator: must be empty or 1 to 3/]);
  }
  for (const code of ["append", "challenge"]) t.ok(first({ separator: '""', code }));
  t.match(tell(client({ separator: '""' })), [/separator: an empty separator needs code: append/]);
  t.end();
});

t.test(
  "a client's directory must exist, and be named unless names tell it by their domain",
  (t) => {
    const two = `${DIRECTORY}${DIRECTORY.replace("corp", "other")}`;
    t.match(tell(CLIENT, { directories: two }), [
      /directory: missing; .* choose one of: corp, other; or list the domains of "corp"$/,
    ]);
    t.match(tell(client({ directory: "cord" })), [/there is no directory "cord"; known: corp$/]);
    t.same(tell(client({ directory: "other" }), { directories: two }), []);
    const routed = `${DIRECTORY}    domains: [a.example]\n${DIRECTORY.replace("corp", "other")}    domains: [b.example]\n`;
    t.same(tell(CLIENT, { directories: routed }), []);
    t.end();
  },
);

t.test("a directory that is wrong itself isn't called missing", (t) => {
  const broken = DIRECTORY.replace("ldaps", "https");
  t.match(tell(client({ directory: "corp" }), { directories: broken }), [/directories\[0\].urls/]);
  t.end();
});

t.test("two clients can't have one name", (t) => {
  const twin = client({ addresses: "[192.0.3.0/24]", secret: "{ file: wifi }" });
  t.same(tell(`${CLIENT}${twin}`), [
    '13:13 radius.clients[1].name: "vpn" is taken; choose another name',
  ]);
  t.end();
});

t.test("groups must be DNs", (t) => {
  t.match(tell(client({ allow_groups: "[vpn-users]" })), [
    /allow_groups\[0\]: "vpn-users" is not a DN/,
  ]);
  t.match(tell(client({ reply: "[{ group: staff, vlan: 1 }]" })), [/group: "staff" is not a DN/]);
  t.end();
});

t.test("a reply rule becomes attributes of a packet", (t) => {
  const attributes = "{ Filter-Id: admin, Session-Timeout: 3600, Cisco-AVPair: [a=1, b=2] }";
  const reply = `[{ group: "cn=a", vlan: 20 }, { group: "cn=b", attributes: ${attributes} }]`;
  const [vlan, named] = first({ reply }).client.reply;
  t.same(
    vlan?.attributes.map(({ type }) => type),
    [64, 65, 81],
  );
  t.same(
    named?.attributes.map(({ type }) => type),
    [11, 27, 26, 26],
  );
  t.equal(named?.group, "cn=b");
  const [tagged] = first({ reply: '[{ group: "cn=a", vlan: 20, tag: 1 }]' }).client.reply;
  t.same(tagged?.attributes[0]?.value, Buffer.of(1, 0, 0, 13));
  t.end();
});

t.test("a reply that can't be sent is refused", (t) => {
  for (const [rule, expected] of [
    ["vlan: 5000", "reply[0].vlan: a VLAN must be a whole number from 1 to 4094"],
    ["vlan: 20, attributes: { Class: x }", "reply[0]: must have either vlan or attributes"],
    ["vlan: 20, tag: 32", "reply[0].tag: must be a whole number"],
    ["attributes: { Class: x }, tag: 1", "reply[0].tag: belongs to vlan"],
    ["attributes: { Filter-Id:1: x }", "takes no tag"],
    ["attributes: { Filter-Ids: x }", "did you mean Filter-Id?"],
    ["attributes: { Session-Timeout: soon }", "reply[0].attributes.Session-Timeout: "],
    ["attributes: { State: x }", "can't be set in an Accept"],
    ["attributes: { Class: true }", "must be text or a whole number"],
    ["attributes: { Class: [] }", "must not be an empty list"],
  ] as const) {
    const [line, ...more] = tell(client({ reply: `[{ group: "cn=a", ${rule} }]` }));
    t.ok(line?.includes(expected), `${line}`);
    t.same(more, []);
  }
  t.match(tell(client({ reply: '[{ group: "cn=a" }]' })), [/must have either vlan or attributes/]);
  t.end();
});

t.test("the person's own address is an attribute known here, or none", (t) => {
  t.match(first({ end_user: "NAS-Port" }).client.endUser, { name: "NAS-Port" });
  t.equal(first({ end_user: "none" }).client.endUser, undefined);
  t.match(tell(client({ end_user: "Nonsense-Id" })), [/"Nonsense-Id" is not an attribute known/]);
  t.end();
});

t.test("the reject delay is 1 to 10 seconds", (t) => {
  t.equal(first({ reject_delay: "10s" }).client.rejectDelayMs, 10_000);
  for (const delay of ["0", "500ms", "11s", "2", "true"]) {
    t.match(tell(client({ reject_delay: delay })), [
      /reject_delay: must be a duration of 1s to 10s/,
    ]);
  }
  t.end();
});
