// LOG-01: every secret there is goes through every flow, at the most talkative level; then everything
// the gateway wrote is searched for each of them, in every spelling somebody might have let through.

import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { decodeBase32, encodeBase32 } from "../../src/lib/base32.ts";
import {
  codeFor,
  radclient,
  SHARED_SECRET,
  startGateway,
  type TestGateway,
} from "../support/gateway.ts";
import { ask } from "../support/http.ts";
import { SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";
import { spellings } from "../support/spellings.ts";

t.setTimeout(280_000);

const OLD_MASTER_KEY = Buffer.alloc(32, 9);
const NEW_MASTER_KEY = Buffer.from("a new master key, 32 bytes long!");
const IMPORTED_KEY = Buffer.from("imported-marker-key!");
const OTHER_SECRET = "not-the-shared-secret";
const WRONG_PASSWORD = "no-such-password";

const certificates = t.testdir();
await generateCertificates(certificates);
const pem = (name: string): string => readFileSync(join(certificates, name), "utf8");
const keyPair = `certificate: ${certificates}/server.pem, key: ${certificates}/server.key`;

const slapd = await startSlapd();
const gateway = await startGateway({
  directory: slapd.url,
  logLevel: "debug",
  more: `admin: { listen: "127.0.0.1:0", ${keyPair} }\n`,
});
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});

/** What was written where somebody could read it. */
const written: string[] = [];
const secrets = new Map<string, Buffer>([
  ["the old master key", OLD_MASTER_KEY],
  ["the new master key", NEW_MASTER_KEY],
  ["an imported TOTP key", IMPORTED_KEY],
  ["the shared secret", Buffer.from(SHARED_SECRET)],
  ["a wrong shared secret", Buffer.from(OTHER_SECRET)],
  ["the service account's password", Buffer.from(SERVICE_PASSWORD)],
  ["a password", Buffer.from("alice-password")],
  ["a wrong password", Buffer.from(WRONG_PASSWORD)],
  ["the listener's private key", Buffer.from(pem("server.key").split("\n")[1] ?? "", "base64")],
]);
const codes: string[] = [];

/** Its exit code; what it printed is kept for the search. */
function command(...args: string[]): number | null {
  const { status, stdout, stderr } = gateway.command(...args);
  written.push(stdout, stderr);
  return status;
}

async function useEveryFlow(on: TestGateway): Promise<void> {
  // Its purpose is to print the key: read, not searched.
  const enrolled = on.command("token", "enroll", "alice", "--json");
  const { secret, recoveryCodes }: { secret: string; recoveryCodes: string[] } = JSON.parse(
    enrolled.stdout,
  );
  const key = decodeBase32(secret) ?? Buffer.alloc(0);
  const [recoveryCode = "", unused = ""] = recoveryCodes;
  secrets.set("a recovery code", Buffer.from(recoveryCode));
  secrets.set("a recovery code nobody has used", Buffer.from(unused));
  secrets.set("an enrolled TOTP key", key);
  const code = codeFor(key);
  const later = codeFor(key, 1);
  codes.push(code, later);
  const replies = [
    await radclient(on, "alice", `${WRONG_PASSWORD},${code}`),
    await radclient(on, "alice", `alice-password,${code}`),
    await radclient(on, "alice", `alice-password,${code}`),
  ];
  const challenge = await radclient(on, "alice", "alice-password");
  const state = [`State = ${challenge.state ?? ""}`];
  replies.push(challenge, await radclient(on, "alice", later, state));
  replies.push(await radclient(on, "alice", `alice-password,${recoveryCode}`));
  replies.push(await radclient(on, "alice", `alice-password,${recoveryCode}`));
  t.same(
    replies.map((reply) => reply.code),
    ["Reject", "Accept", "Reject", "Challenge", "Accept", "Accept", "Reject"].map(
      (word) => `Access-${word}`,
    ),
    "the flows are what they should be",
  );
  for (const attribute of ["CHAP-Password", "MS-CHAP-Password"]) {
    raw(on, SHARED_SECRET, `User-Name = "alice", ${attribute} = "alice-password"`);
  }
  raw(on, SHARED_SECRET, 'User-Name = "alice", EAP-Message = 0x0201000a01616c696365');
  raw(on, OTHER_SECRET, 'User-Name = "alice", User-Password = "alice-password"');
}

function raw(on: TestGateway, secret: string, attributes: string): void {
  const args = ["-x", "-r", "1", "-t", "1", `127.0.0.1:${on.port}`, "auth", secret];
  const input = `${attributes}, Message-Authenticator = 0x00\n`;
  spawnSync("radclient", args, { input, encoding: "utf8" });
}

await useEveryFlow(gateway);

const tokens = join(gateway.folder, "tokens.csv");
writeFileSync(
  tokens,
  `bob,${encodeBase32(IMPORTED_KEY)}\ncarol,${encodeBase32(IMPORTED_KEY)}!\nmallory\n`,
);
t.equal(command("token", "import", tokens), 1, "two of its lines are bad");
for (const args of [
  ["token", "list"],
  ["user", "show", "alice", "--json"],
  ["token", "reset", "bob"],
  ["events", "--json", "--limit", "1000"],
  ["health", "--json"],
]) {
  t.equal(command(...args), 0, args.join(" "));
}
const newKey = join(gateway.folder, "new.key");
writeFileSync(newKey, `${NEW_MASTER_KEY.toString("base64")}\n`);
chmodSync(newKey, 0o600);
t.equal(command("key", "rotate", "--new-key", newKey), 0);
t.equal(command("backup", join(gateway.folder, "data", "backup.db")), 0);

await t.test("whoever watches the gateway is answered", async (t) => {
  const ca = pem("ca.pem");
  for (const path of ["/healthz", "/readyz", "/metrics", "/nothing", "/%zz"]) {
    const answer = await ask(`${gateway.adminUrl}${path}`, { ca });
    t.ok(answer.status > 0, path);
    written.push(JSON.stringify(answer));
  }
});

await t.test(
  "a directory that refuses the service account is told without its password",
  async (t) => {
    const good = readFileSync(gateway.configPath, "utf8");
    const password = "a-stale-service-password";
    secrets.set("a stale service password", Buffer.from(password));
    writeFileSync(gateway.configPath, good.replace(SERVICE_PASSWORD, password));
    command("reload");
    writeFileSync(gateway.configPath, good.replace(SHARED_SECRET, `${SHARED_SECRET}\n  :`));
    t.equal(command("check"), 2);
    writeFileSync(gateway.configPath, good.replace(SHARED_SECRET, ""));
    t.equal(command("check"), 2);
    writeFileSync(gateway.configPath, good);
  },
);

const output = gateway.output();
written.push(output);
const folder = join(gateway.folder, "data");
const files = readdirSync(folder).filter((name) => !name.endsWith(".sock"));
const stored = files.map((name) => readFileSync(join(folder, name)));

await t.test("the search finds what is there: names, reasons, and the store's files", (t) => {
  t.match(output, /alice|ready/);
  t.ok(written.some((text) => text.includes("mfa-code-replayed")));
  t.ok(written.some((text) => text.includes("gatehouse_auth_attempts_total")));
  t.ok(files.includes("gatehouse.db"));
  t.ok(stored.some((bytes) => bytes.includes("alice")));
  t.end();
});

for (const [what, secret] of secrets) {
  await t.test(`LOG-01: ${what} stands nowhere, in no spelling`, (t) => {
    for (const spelling of spellings(secret)) {
      t.notOk(
        written.some((text) => text.includes(spelling)),
        "in no output",
      );
      t.notOk(
        stored.some((bytes) => bytes.includes(spelling)),
        "in no file of the store",
      );
    }
    t.notOk(
      stored.some((bytes) => bytes.includes(secret)),
      "and not as it is",
    );
    t.end();
  });
}

await t.test("LOG-01: no code that was typed stands in any output", (t) => {
  for (const code of codes) {
    t.notOk(written.some((text) => new RegExp(`(?<![0-9a-f])${code}(?![0-9a-f])`).test(text)));
  }
  t.end();
});
