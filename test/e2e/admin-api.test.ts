// The API as administrators' scripts use it: a real process, HTTPS with a verified certificate, curl and
// jq. What docs/administration.md shows is run as it stands there.

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { decodeBase32 } from "../../src/lib/base32.ts";
import { ended, type Ran } from "../support/command.ts";
import { codeFor, radclient, startGateway, type TestGateway } from "../support/gateway.ts";
import { CLOSED, LdapClient } from "../support/ldap-client.ts";
import { dnOf } from "../support/ldap-gateway.ts";
import { bindRequest } from "../support/ldap-requests.ts";
import { operatorOf } from "../support/operator.ts";
import { spellings } from "../support/spellings.ts";
import { startSlapd } from "../support/slapd.ts";

t.setTimeout(180_000);

const HOST = "mfa.example.org";
const PASSWORD = "Correct-Horse-7";

const slapd = await startSlapd();
t.teardown(() => slapd.stop());

interface Administered {
  readonly gateway: TestGateway;
  readonly folder: string;
  readonly setupToken: string;
  /** bash with curl on its way to the gateway; one after the other, on the same files. */
  run(script: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
}

async function open(t: Test, logLevel = "info"): Promise<Administered> {
  const folder = t.testdir();
  await generateCertificates(folder, { names: [HOST, "127.0.0.1"] });
  const files = `certificate: ${folder}/server.pem, key: ${folder}/server.key`;
  const more = `admin: { listen: "127.0.0.1:0", public_url: "https://${HOST}", ${files} }\n`;
  const listeners = { plain: ["tls: none"] };
  const gateway = await startGateway({ directory: slapd.url, listeners, more, logLevel });
  t.teardown(() => gateway.end());
  const { port } = new URL(gateway.adminUrl);
  // Where the name leads, and whose certificates are good: nothing else differs from outside.
  const curlrc = `connect-to = "${HOST}:443:127.0.0.1:${port}"\ncacert = "${folder}/ca.pem"\n`;
  writeFileSync(join(folder, ".curlrc"), curlrc);
  const setupToken = /"setup_token":"([\w-]+)"/.exec(gateway.output())?.[1] ?? "";
  const always = { GATEHOUSE: `https://${HOST}`, CURL_HOME: folder, PATH: "/usr/bin:/bin" };
  return {
    gateway,
    folder,
    setupToken,
    run: (script, env = {}) =>
      ended(
        spawn("bash", ["-euo", "pipefail", "-c", script], {
          cwd: folder,
          env: { ...always, ...env },
          stdio: ["ignore", "pipe", "pipe"],
        }),
      ),
  };
}

/** An administrator by the command line; the environment that logs in. */
function makeAdministrator({ gateway }: Administered): { SECRET: string; PASSWORD: string } {
  const args = ["admin", "create", "root@example.org", "--json"];
  const { status, stdout, stderr } = gateway.commandWith(`${PASSWORD}\n`, ...args);
  if (status !== 0) throw new Error(stderr);
  const { secret }: { secret: string } = JSON.parse(stdout);
  return { SECRET: secret, PASSWORD };
}

const LOGIN = `
BODY=$(jq -n --arg password "$PASSWORD" --arg code "$(oathtool --totp --base32 "$SECRET")" \\
  '{username: "root@example.org", password: $password, code: $code}')
CSRF=$(curl -fsS -c cookies "$GATEHOUSE/api/sessions" --json "$BODY" | jq -r .csrf_token)
`;
const MAKE_KEY = `${LOGIN}
curl -fsS -b cookies -H "origin: $GATEHOUSE" -H "x-csrf-token: $CSRF" "$GATEHOUSE/api/keys" \\
  --json "{\\"label\\": \\"test\\", \\"scopes\\": $SCOPES}" | jq -r .key
`;

async function makeKey(administered: Administered, scopes: readonly string[]): Promise<string> {
  const env = { ...makeAdministrator(administered), SCOPES: JSON.stringify(scopes) };
  const { code, stdout, stderr } = await administered.run(MAKE_KEY, env);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

await t.test(
  "every example of the administration guide works, from the first run on",
  async (t) => {
    const administered = await open(t);
    const { gateway, setupToken } = administered;
    operatorOf(gateway).enroll("alice");
    t.match(setupToken, /^[\w-]{43}$/, "printed at the start");
    const text = readFileSync(new URL("../../docs/administration.md", import.meta.url), "utf8");
    const blocks = [...text.matchAll(/^```sh\n([^`]*)^```$/gm)].map(([, block]) => block ?? "");
    t.equal(blocks.length, 8);
    // Each block on lines of its own in the output.
    const script = blocks.map((block, index) => `echo; echo "== ${index}"\n${block}`).join("\n");
    const env = { SETUP_TOKEN: setupToken, PASSWORD };
    const { code, stdout, stderr } = await administered.run(script, env);
    t.equal(code, 0, stderr);
    const outputs = stdout.split(/^== \d\n/m).slice(1);
    t.match(outputs[2], /"admins:write"/);
    t.match(outputs[3], /^\["scripts","20/m);
    t.equal(outputs[4]?.trim(), "0");
    t.match(outputs[5], /"exclusion": true.*\{"outcome":"reset"\}\{"outcome":"not-locked"\}/s);
    t.match(outputs[6], /mfa_requirement_set\troot@example\.org\n.*admin_login_attempt\troot@/s);
    t.equal(outputs[7]?.trim(), "true");

    t.notMatch(JSON.stringify(operatorOf(gateway).events()), setupToken, "in no event");
    await gateway.stop();
    await gateway.start();
    const tokens = gateway.output().match(/"setup_token"/g) ?? [];
    t.equal(tokens.length, 1, "with an administrator a start prints none");
  },
);

// As the hardening guide for the reference system asks: helpers first, then its own lines.
const HELPERS = `
jc_get_v1() { curl -fsS -H "x-api-key: $JC_API_KEY" "$GATEHOUSE/api$1"; }
jc_put_v1() { curl -fsS -X PUT -H "x-api-key: $JC_API_KEY" -H 'content-type: application/json' \\
  "$GATEHOUSE/api$1" -d "$2"; }
`;
const REQUIRE_ADMIN_MFA = `${HELPERS}
ORG_ID=$(jc_get_v1 "/organizations" | jq -r '.[0].id')
CURRENT=$(jc_get_v1 "/organizations/\${ORG_ID}" | jq -r '.settings.requireAdminMFA')
if [ "$CURRENT" = "true" ]; then echo PASS already; else
  jc_put_v1 "/organizations/\${ORG_ID}" '{"settings": {"requireAdminMFA": true}}' > /dev/null
  echo PASS applied
fi
jc_put_v1 "/organizations/\${ORG_ID}" '{"settings": {"requireAdminMFA": true}}' |
  jq -r '.settings.requireAdminMFA'
`;
const COUNT_WITHOUT_MFA = `${HELPERS}
USERS=$(jc_get_v1 "/systemusers?limit=100&skip=0")
NO_MFA=$(echo "\${USERS}" | jq '[.results[] | select(.totp_enabled == false and .enable_user_portal_multifactor == false)] | length')
echo "\${NO_MFA}"
`;

await t.test(
  "H13, H24: the hardening guide's lines about administrators and users run",
  async (t) => {
    const administered = await open(t);
    const { gateway } = administered;
    const scopes = ["settings:read", "settings:write", "people:read"];
    const env = { JC_API_KEY: await makeKey(administered, scopes) };
    for (let turn = 0; turn < 2; turn += 1) {
      const ran = await administered.run(REQUIRE_ADMIN_MFA, env);
      t.match(ran, { code: 0, stdout: "PASS already\ntrue\n" }, ran.stderr);
    }
    operatorOf(gateway).enroll("alice");
    gateway.command("user", "require", "carol");
    gateway.command("user", "lock", "bob");
    t.match(await administered.run(COUNT_WITHOUT_MFA, env), { code: 0, stdout: "1\n" });
  },
);

await t.test(
  "H12: a suspended administrator's cookie and key are dead within a second",
  async (t) => {
    const administered = await open(t);
    const { gateway } = administered;
    const key = await makeKey(administered, ["people:read"]);
    gateway.command("admin", "create", "second@example.org", "--generate");
    const statuses = async (): Promise<string> => {
      const script = `for how in "x-api-key: $KEY" "cookie: $(awk '/__Host/ {print $6"="$7}' cookies)"; do
      curl -sS -o /dev/null -w '%{http_code} ' -H "$how" "$GATEHOUSE/api/systemusers"; done`;
      return (await administered.run(script, { KEY: key })).stdout.trim();
    };
    t.equal(await statuses(), "200 200");
    const { status, stderr } = gateway.command("admin", "suspend", "root@example.org");
    t.equal(status, 0, stderr);
    const at = performance.now();
    t.equal(await statuses(), "401 401");
    t.ok(performance.now() - at < 1_000);
  },
);

await t.test("what is done over the API counts for the next login over RADIUS", async (t) => {
  const administered = await open(t);
  const { gateway } = administered;
  operatorOf(gateway).enroll("alice");
  const scopes = ["people:read", "people:lock", "people:unlock", "people:bypass"];
  const KEY = await makeKey(administered, scopes);
  const post = async (what: string, body = "{}"): Promise<string> => {
    const script = `PERSON=$(curl -fsS -H "x-api-key: $KEY" "$GATEHOUSE/api/systemusers?search=alice" |
        jq -r '.results[0].id')
      curl -fsS -H "x-api-key: $KEY" "$GATEHOUSE/api/systemusers/$PERSON/${what}" --json '${body}'`;
    const { stdout, stderr, code } = await administered.run(script, { KEY });
    t.equal(code, 0, stderr);
    return stdout;
  };
  const bypass: { code: string } = JSON.parse(
    await post("bypass", '{"minutes": 5, "reason": "phone lost"}'),
  );
  const field = `alice-password,${bypass.code}`;
  await post("lock");
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Reject");
  await post("unlock");
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
});

const SIGN_IN = `
TOKEN=$(curl -fsS -c portal "$GATEHOUSE/sign-in" | grep -oP 'name="token" value="\\K[^"]+')
curl -fsS -b portal -c portal -H "origin: $GATEHOUSE" "$GATEHOUSE/sign-in" -o /dev/null \\
  --data-urlencode "token=$TOKEN" -d "username=alice&password=alice-password&code=$CODE"
`;

await t.test(
  "LDAP-25, WEB-09: a lock over the API ends LDAP connections and the portal's session",
  async (t) => {
    const administered = await open(t);
    const { gateway, run } = administered;
    const secret = operatorOf(gateway).enroll("alice");
    const KEY = await makeKey(administered, ["people:read", "people:lock"]);
    const client = await LdapClient.open(gateway.ldapPort("plain"));
    const field = `alice-password,${codeFor(secret)}`;
    t.match(await client.ask(bindRequest(1, dnOf("alice"), field)), { resultCode: 0 });
    const signedIn = await run(SIGN_IN, { CODE: codeFor(secret, 1) });
    t.equal(signedIn.code, 0, signedIn.stderr);
    const account = async (): Promise<string> => {
      const script = `curl -sS -b portal -o /dev/null -w '%{http_code}' "$GATEHOUSE/account"`;
      return (await run(script)).stdout;
    };
    t.equal(await account(), "200");
    const lock = `PERSON=$(curl -fsS -H "x-api-key: $KEY" "$GATEHOUSE/api/systemusers?search=alice" |
        jq -r '.results[0].id')
      curl -fsS -H "x-api-key: $KEY" "$GATEHOUSE/api/systemusers/$PERSON/lock" --json '{}'`;
    t.match(await run(lock, { KEY }), { code: 0, stdout: '{"outcome":"locked"}' });
    await t.rejects(client.next(), CLOSED);
    t.equal(await account(), "303", "back to the sign-in");
  },
);

await t.test(
  "no secret of an administrator stands in the log, the events or the store",
  async (t) => {
    const administered = await open(t, "debug");
    const { gateway, setupToken } = administered;
    const made = makeAdministrator(administered);
    const env = { ...made, SCOPES: '["people:read"]' };
    const { stdout, stderr } = await administered.run(`${MAKE_KEY} cat cookies; echo "$CSRF"`, env);
    t.equal(stderr, "");
    const [key = "", ...rest] = stdout.trim().split("\n");
    const cookie = rest.join("\n").split("\t").at(-1)?.split("\n")[0] ?? "";
    const csrf = rest.at(-1) ?? "";
    t.match([key, cookie, csrf], [/^gh_/, /^[\w-]{43}$/, /^[\w-]{43}$/]);
    await gateway.stop();
    const store = readFileSync(join(gateway.folder, "data", "gatehouse.db"), "latin1");
    const secrets = [made.SECRET, PASSWORD, key, key.slice(3), cookie, csrf].map((one) =>
      Buffer.from(one),
    );
    // Of the token's key also what its base32 stands for.
    const raw = decodeBase32(made.SECRET) ?? Buffer.alloc(0);
    for (const spelling of [...secrets, raw].flatMap(spellings)) {
      t.equal(store.includes(spelling) || gateway.output().includes(spelling), false, spelling);
    }
    t.equal(store.includes(setupToken), false);
  },
);
