// `gatehouse check` as a person and as a program see it.

import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { examine } from "../../src/app.ts";
import { check } from "../../src/commands/check.ts";
import { fakeClock } from "../support/clock.ts";
import { CLIENT, makeFolder, yaml } from "../support/configuration.ts";
import { freePort } from "../support/ports.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

const folder = makeFolder();
t.teardown(() => folder.remove());

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const code = await check(
    argv,
    {
      stdout: { write: (text: string) => (written.stdout += text) },
      stderr: { write: (text: string) => (written.stderr += text) },
    },
    examine,
    { env: {} },
  );
  return { code, ...written };
}

t.test("a right configuration ends in 0 and a summary", async (t) => {
  const path = folder.write("right.yaml", yaml());
  const { code, stdout, stderr } = await run("--config", path);
  t.equal(code, 0);
  t.equal(stderr, "");
  t.equal(
    stdout,
    `${path} is right.
  radius     0.0.0.0:1812
  directory  corp: ldaps://ldap.example.org
  client     vpn: 192.0.2.0/24, directory corp, mfa required
  store      ${folder.path}/data/gatehouse.db
`,
  );
});

t.test("mistakes go to stderr, one line each, and end in 2", async (t) => {
  const clients = CLIENT.replace("addresses", "adresses");
  const path = folder.write("wrong.yaml", yaml({ clients, top: "log: { level: loud }\n" }));
  const { code, stdout, stderr } = await run("--config", path);
  t.equal(code, 2);
  t.equal(stdout, "");
  t.equal(
    stderr,
    `${path}:11:7 radius.clients[0].adresses: unknown key (did you mean "addresses"?)
${path}:13:15 log.level: must be debug, info, warn or error
2 mistakes: correct the lines above and run the check again
`,
  );
});

t.test("warnings are marked and don't change the exit code", async (t) => {
  const path = folder.write("weak.yaml", yaml({ clients: `${CLIENT}      mfa: disabled\n` }));
  const { code, stderr } = await run("--config", path);
  t.equal(code, 0);
  t.match(stderr, /weak.yaml:13:12 radius.clients\[0\].mfa: warning: NOBODY is asked/);
});

t.test("a program gets everything as JSON, without secrets", async (t) => {
  const right = await run("--json", "--config", folder.write("right.yaml", yaml()));
  const parsed: unknown = JSON.parse(right.stdout);
  t.match(parsed, { ok: true, problems: [], warnings: [], summary: { listen: ["0.0.0.0:1812"] } });
  t.notOk(right.stdout.includes("a shared secret"));
  const path = folder.write("wrong.yaml", yaml({ top: "eap: {}\n" }));
  const wrong = await run("--json", "--config", path);
  t.equal(wrong.code, 2);
  t.equal(wrong.stderr, "");
  t.same(JSON.parse(wrong.stdout), {
    ok: false,
    problems: [
      { file: path, line: 13, column: 1, path: "eap", message: "not built yet in this version" },
    ],
    warnings: [],
  });
});

t.test("wrong usage ends in 2 and says what is right", async (t) => {
  t.match(await run(), { code: 2, stderr: /name the file with --config FILE/ });
  t.match(await run("--confg", "x"), { code: 2, stderr: /Unknown option '--confg'/ });
  t.match(await run("x"), { code: 2, stderr: /Unexpected argument/ });
  t.match(await run("--config", "absent.yaml"), { code: 2, stderr: /^absent.yaml:1:1 does not/ });
  t.match(await run("--connect", "--config", "absent.yaml"), { code: 2, stderr: /^absent.yaml/ });
  t.match(await run("--help"), { code: 0, stdout: /^usage: gatehouse check --config FILE/ });
});

t.test("--connect tells line by line what works, and what to do about the rest", async (t) => {
  const slapd = await startSlapd({ tls: true });
  t.teardown(() => slapd.stop());
  folder.write("ca.pem", slapd.ca);
  folder.write("bind", `${SERVICE_PASSWORD}\n`);
  const right = `  - name: corp
    urls: ["${slapd.ldapsUrl}"]
    ca: ca.pem
    bind_dn: "${SERVICE_DN}"
    bind_password: { file: bind }
    base: "${BASE}"
`;
  const radius = `  listen: ["127.0.0.1:${await freePort()}"]\n`;
  const path = folder.write("connect.yaml", yaml({ directories: right, radius }));
  const { code, stdout } = await run("--connect", "--config", path);
  t.equal(code, 0);
  const port = new URL(slapd.ldapsUrl).port;
  t.match(stdout, `✓ directory corp ldaps://127.0.0.1:${port}: TLSv1.3, `);
  t.match(stdout, /certificate for .*127\.0\.0\.1.* ends in 82\d days/);
  t.match(stdout, `it takes bind_dn ${SERVICE_DN}`);
  t.match(stdout, /✓ certificate directory-ca corp: CN=Gatehouse development CA ends in 82\d days/);
  t.match(stdout, "user_filter finds a person by name, with a lasting id");
  t.match(stdout, /✓ listen 127\.0\.0\.1:\d+: free/);
  t.match(stdout, /[✓!] store .*gatehouse\.db: can be made, /);
  t.match(stdout, /✓ clock: it is 20/);

  await slapd.kill();
  const down = await run("--connect", "--json", "--config", path);
  t.equal(down.code, 1);
  t.match(JSON.parse(down.stdout), {
    ok: false,
    findings: [{ state: "wrong", said: /ECONNREFUSED/, remedy: /nothing listens there/ }],
  });
});

t.test("--connect looks at the administrators' listener and its certificate's end", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === "object" ? address?.port : 0;
  // Made so long ago that it ends in two weeks.
  await generateCertificates(join(folder.path, "old"), {
    clock: fakeClock(Date.now() - 811 * 86_400_000),
  });
  const configure = async (listen: string): Promise<string> => {
    const admin = `listen: "${listen}", certificate: old/server.pem, key: old/server.key`;
    return folder.write("admin.yaml", yaml({ top: `admin: { ${admin} }\n` }));
  };
  const free = await run("--connect", "--config", await configure(`127.0.0.1:${await freePort()}`));
  t.match(
    free.stdout,
    /^ {2}admin {6}https:\/\/127\.0\.0\.1:\d+, metrics for 127\.0\.0\.0\/8, ::1$/m,
  );
  t.match(free.stdout, /✓ admin 127\.0\.0\.1:\d+: free/);
  t.match(
    free.stdout,
    /! certificate admin: CN=Gatehouse development server ends in 1[34] days\n {4}renew it: /,
  );
  t.match(free.stderr, /warning: expires on /);

  const other = await run("--connect", "--json", "--config", await configure(`127.0.0.1:${port}`));
  t.equal(other.code, 1);
  const { findings }: { findings: { subject: string }[] } = JSON.parse(other.stdout);
  const subject = `admin 127.0.0.1:${port}`;
  t.match(
    findings.find((finding) => finding.subject === subject),
    {
      state: "wrong",
      said: `admin.listen 127.0.0.1:${port}: the port is in use`,
      remedy: `stop the program that has it (ss -lntp 'sport = :${port}')`,
    },
  );
});
