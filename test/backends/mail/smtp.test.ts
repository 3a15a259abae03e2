// The way to a mail server: encrypted where that was asked for, to the right one, with the right login;
// and what an examination says of it.

import t from "tap";

import { generateCertificates } from "../../../certs/certificates.ts";
import { examineMail } from "../../../src/backends/mail/examine.ts";
import { openSmtp, type SmtpSettings } from "../../../src/backends/mail/smtp.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { startMailServer, type MailServer } from "../../support/mail-server.ts";
import { freePort } from "../../support/ports.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PASSWORD = "a-password-of-the-tests";
const login = { user: "gatehouse", password: PASSWORD };
const [plain, startTls, implicit] = await Promise.all([
  startMailServer(),
  startMailServer({ tls: "start-tls", login }),
  startMailServer({ tls: "implicit", login }),
]);
t.teardown(() => Promise.all([plain, startTls, implicit].map((server) => server.stop())));
await generateCertificates(t.testdir());
const strangers = readFileSync(join(t.testdirName, "ca.pem"), "utf8");

const MESSAGE = {
  from: { name: "Gatehouse", address: "mfa@example.org" },
  to: "alice@example.org",
  subject: "a subject",
  text: "a text\n",
  messageId: "<1@example.org>",
  date: new Date(0),
};

function settings(
  server: Pick<MailServer, "port" | "ca">,
  tls: SmtpSettings["server"]["tls"],
  more: Partial<SmtpSettings> & { readonly password?: string; readonly host?: string } = {},
): SmtpSettings {
  const { password = PASSWORD, host = "127.0.0.1", ...rest } = more;
  const { port, ca } = server;
  return {
    server: { url: `${tls === "implicit" ? "smtps" : "smtp"}://${host}:${port}`, host, port, tls },
    login: { user: "gatehouse", password: Secret.of(password) },
    ca: ca === "" ? undefined : ca,
    ...rest,
  };
}

for (const [tls, server] of [
  ["start-tls", startTls],
  ["implicit", implicit],
] as const) {
  await t.test(`${tls}: mails and the login travel encrypted`, async (t) => {
    const connection = openSmtp(settings(server, tls));
    t.same(await connection.send(MESSAGE), { kind: "sent" });
    t.same(await connection.send({ ...MESSAGE, to: "bob@example.org" }), { kind: "sent" });
    connection.close();
    t.match(server.taken(), [
      { to: ["alice@example.org"], tls: true, login: "gatehouse", text: "a text\n" },
      { to: ["bob@example.org"], tls: true },
    ]);
  });

  await t.test(`${tls}: a certificate that nobody vouches for gets nothing`, async (t) => {
    const before = server.taken().length;
    for (const ca of [undefined, strangers]) {
      const connection = openSmtp(settings(server, tls, { ca }));
      t.match(await connection.send(MESSAGE), { kind: "server-down", reason: /certificate/ });
      connection.close();
    }
    t.equal(server.taken().length, before);
  });

  await t.test(`${tls}: a wrong password is an outage, and stands nowhere`, async (t) => {
    const connection = openSmtp(settings(server, tls, { password: "wrong-password" }));
    const outcome = await connection.send(MESSAGE);
    connection.close();
    t.match(outcome, { kind: "server-down", reason: /535/ });
    t.notMatch(JSON.stringify(outcome), /wrong-password/);
  });
}

await t.test(
  "a server without STARTTLS gets neither login nor mail where it is asked for",
  async (t) => {
    const connection = openSmtp(settings(plain, "start-tls"));
    t.match(await connection.send(MESSAGE), { kind: "server-down", reason: /STARTTLS/ });
    connection.close();
    t.same(plain.taken(), []);
  },
);

await t.test("in clear, STARTTLS that is offered isn't taken either", async (t) => {
  const connection = openSmtp(settings(startTls, "none"));
  t.same(await connection.send(MESSAGE), { kind: "sent" });
  connection.close();
  t.match(startTls.taken().at(-1), { tls: false });
});

await t.test("check says whether mail would be taken, and sends none", async (t) => {
  const before = startTls.taken().length;
  t.match(await examineMail(settings(startTls, "start-tls")), {
    state: "right",
    subject: `mail smtp://127.0.0.1:${startTls.port}`,
    said: "answers, with STARTTLS, and gatehouse may log in",
  });
  t.match(await examineMail(settings(plain, "none", { login: undefined })), {
    state: "right",
    said: "answers, in clear",
  });
  const wrong = await examineMail(settings(implicit, "implicit", { password: "wrong" }));
  t.match(wrong, { state: "doubtful", said: /535/, remedy: /mails wait/ });
  const port = await freePort();
  const nobody = await examineMail(settings({ port, ca: "" }, "none"));
  t.match(nobody, { state: "doubtful", said: /ECONNREFUSED/ });
  t.equal(startTls.taken().length, before);
});
