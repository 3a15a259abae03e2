// The mail server in the configuration: encrypted off this host, one sender, texts that can be read.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import type { MailConfig } from "../../src/config/config.ts";
import { generateCertificates } from "../../certs/certificates.ts";
import { makeFolder, told, yaml } from "../support/configuration.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());
await generateCertificates(folder.path);
folder.write("password", "the password of the mail server\n");

const FROM = 'from: "Gatehouse <mfa@example.org>"';
const load = (mail: string): ReturnType<typeof folder.load> =>
  folder.load(yaml({ top: `mail: { ${mail} }\n` }));

function mail(text: string): MailConfig {
  const loaded = load(text);
  if (!("config" in loaded)) throw new Error(told(loaded).join("\n"));
  if (loaded.config.mail === undefined) throw new Error("there is mail");
  return loaded.config.mail;
}

await t.test("without mail there is none", async (t) => {
  const loaded = folder.load(yaml());
  t.ok("config" in loaded && loaded.config.mail === undefined);
});

for (const [smtp, more, server] of [
  ["smtp://localhost:25", "", { host: "localhost", port: 25, tls: "none" }],
  ["smtp://127.0.0.1", "", { host: "127.0.0.1", port: 25, tls: "none" }],
  ["smtp://[::1]:2525", "", { host: "::1", port: 2525, tls: "none" }],
  ["smtp://localhost", ", ca: ca.pem", { host: "localhost", port: 25, tls: "start-tls" }],
  ["smtp://mail.example.org:587", "", { port: 587, tls: "start-tls" }],
  ["smtp://mail.example.org", "", { host: "mail.example.org", port: 25, tls: "start-tls" }],
  ["smtps://mail.example.org", "", { port: 465, tls: "implicit" }],
] as const) {
  await t.test(`${smtp}${more} is asked with TLS: ${server.tls}`, async (t) => {
    const config = mail(`smtp: "${smtp}", ${FROM}${more}`);
    t.match(config, { server, login: undefined, templates: {} });
    t.same(config.from, { name: "Gatehouse", address: "mfa@example.org" });
    t.same(told(load(`smtp: "${smtp}", ${FROM}${more}`)), []);
  });
}

await t.test("in clear to another host is spelled out, and said loudly", async (t) => {
  const text = `smtp: "smtp://192.0.2.1", ${FROM}, allow_cleartext: true`;
  t.equal(mail(text).server.tls, "none");
  t.match(told(load(text)), [
    /mail\.allow_cleartext: mails and the login cross the network in clear/,
  ]);
  t.match(told(load(`smtp: "smtps://192.0.2.1", ${FROM}, allow_cleartext: true`)), [
    /mail\.allow_cleartext: has no use with smtps/,
  ]);
});

await t.test("a login has a name and a password, whose text stands nowhere", async (t) => {
  const server = `smtp: "smtps://mail.example.org", ${FROM}`;
  const { login } = mail(`${server}, user: mfa, password: { file: password }`);
  t.equal(login?.user, "mfa");
  t.equal(login?.password.reveal().toString(), "the password of the mail server");
  t.equal(JSON.stringify(login), '{"user":"mfa","password":"[secret]"}');
  t.match(told(load(`${server}, user: mfa`)), [/mail\.password: missing; a login has user and/]);
  t.match(told(load(`${server}, password: { file: password }`)), [/mail\.user: missing; a login/]);
  t.match(told(load(`${server}, user: mfa, password: { file: nothing }`)), [/does not exist/]);
  folder.write("open", "x\n", 0o644);
  t.match(told(load(`${server}, user: mfa, password: { file: open }`)), [/chmod 600/]);
});

for (const [text, problem] of [
  [FROM, /mail\.smtp: missing/],
  ['smtp: "smtp://localhost"', /mail\.from: missing/],
  [`smtp: "mail.example.org", ${FROM}`, /"mail\.example\.org" is not a mail server/],
  [`smtp: "http://mail.example.org", ${FROM}`, /is not a mail server/],
  [`smtp: "smtp://user:pass@mail.example.org", ${FROM}`, /is not a mail server.* the login apart/],
  [`smtp: "smtp://mail.example.org:0", ${FROM}`, /is not a mail server/],
  [`smtp: "smtp://mail.example.org:65536", ${FROM}`, /is not a mail server/],
  ['smtp: "smtp://localhost", from: Gatehouse', /"Gatehouse" is not a sender/],
  ['smtp: "smtp://localhost", from: "a@x.org, b@x.org"', /is not a sender/],
  ['smtp: "smtp://localhost", from: "a@x.org\\r\\nBcc: b@x.org"', /is not a sender/],
  ['smtp: "smtp://localhost", from: "G\\nBcc: b@x.org <a@x.org>"', /is not a sender/],
  [`smtp: "smtp://localhost", ${FROM}, to: x`, /mail\.to: unknown key/],
  [`smtp: "smtps://localhost", ${FROM}, ca: nothing.pem`, /mail\.ca: .* does not exist/],
  [
    `smtp: "smtp://192.0.2.1", ${FROM}, allow_cleartext: true, ca: ca.pem`,
    /mail\.ca: has no use where the mail server is asked without TLS/,
  ],
] as const) {
  await t.test(`{ ${text} } is refused`, async (t) => {
    const loaded = load(text);
    t.notOk("config" in loaded);
    t.match(told(loaded), [problem]);
  });
}

const SERVER = `smtp: "smtp://localhost", ${FROM}, templates: texts`;

await t.test("T27: texts of a folder take the place of ours, and are watched", async (t) => {
  mkdirSync(join(folder.path, "texts"));
  folder.write(
    "texts/enrolment-begins.txt",
    "Subject: By {deadline}\n\nHallo {username}!\n",
    0o644,
  );
  folder.write("texts/README.md", "anything");
  t.same(mail(SERVER).templates, {
    "enrolment-begins": { subject: "By {deadline}", paragraphs: ["Hallo {username}!"] },
  });
  const { watch } = load(SERVER);
  t.ok(watch.includes(join(folder.path, "texts/enrolment-begins.txt")));
  t.ok(watch.includes(join(folder.path, "texts")));
});

for (const [name, text, problem] of [
  [
    "enrolment-start.txt",
    "Subject: a\n\nb\n",
    /enrolment-start\.txt is no mail of ours; there are/,
  ],
  ["enrolment-ended.txt", "Hello\n", /enrolment-ended\.txt must begin with "Subject: …"/],
  ["enrolment-ended.txt", "Subject: a\n\n{password}\n", /has \{password\}, which means nothing/],
  ["enrolment-ended.txt", Buffer.from([0x53, 0xff]), /is not text in UTF-8/],
] as const) {
  await t.test(`${name} as ${JSON.stringify(text.toString("latin1"))} is refused`, async (t) => {
    folder.write(`texts/${name}`, text);
    t.match(told(load(SERVER)), [problem]);
    rmSync(join(folder.path, "texts", name));
  });
}

await t.test("a folder of texts that isn't there is refused", async (t) => {
  t.match(told(load(SERVER.replace("texts", "nowhere"))), [/nowhere is not a folder/]);
});
