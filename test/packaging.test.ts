// What an operator installs: the bundle without node_modules, as a user without rights, the image's
// recipe and the systemd unit. There is no container engine here, so the recipe is read, not run.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import t from "tap";

import { radclient, SHARED_SECRET } from "./support/gateway.ts";
import { ask } from "./support/http.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "./support/slapd.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NOBODY = 65_534;
// Someone who isn't root can only be themselves.
const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** The bundle as it is installed: dist beside package.json, nothing else, owned by whoever runs it. */
function install(): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-install-"));
  const built = spawnSync("npm", ["run", "--silent", "build", "--", `--outdir=${folder}/dist`], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(built.stderr);
  cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
  // The pinned Node is copied, as the unit has it: root's own folders are closed to others.
  cpSync(process.execPath, join(folder, "node"));
  const all = spawnSync("chmod", ["-R", "a+rX", folder]);
  if (all.status !== 0) throw new Error("chmod failed");
  return folder;
}

const folder = install();
const home = mkdtempSync(join(tmpdir(), "gatehouse-home-"));
chmodSync(home, 0o777);
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
});

function gatehouse(...args: string[]): { status: number | null; text: string } {
  const all = [join(folder, "dist/main.js"), ...args];
  const run = spawnSync(join(folder, "node"), all, {
    cwd: home,
    encoding: "utf8",
    env: {},
    ...user,
  });
  return { status: run.status, text: `${run.stdout}${run.stderr}` };
}

await t.test("the bundle alone knows its version and its commands", async (t) => {
  const { version }: { version: string } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  t.match(gatehouse("--version").text, version);
  t.match(gatehouse("--help").text, /token import/);
});

await t.test("the demo says what it needs: its sample directory isn't part of the bundle", (t) => {
  const { status, text } = gatehouse("demo", "--once");
  t.equal(status, 1);
  t.match(text, /npm ci && npx gatehouse demo/);
  t.end();
});

await t.test("init, check, import, run as nobody, until a real login is accepted", async (t) => {
  const slapd = await startSlapd();
  t.teardown(() => slapd.stop());
  const config = join(home, "conf", "gatehouse.yaml");
  t.equal(gatehouse("init", join(home, "conf")).status, 0);
  t.ok(existsSync(config));
  writeFileSync(
    config,
    `store: { sqlite: data/gatehouse.db }
master_key: { file: data/master.key }
directories:
  - name: corp
    urls: ["${slapd.url}"]
    allow_cleartext: true
    bind_dn: ${SERVICE_DN}
    bind_password: { value: ${SERVICE_PASSWORD} }
    base: ${BASE}
radius:
  listen: ["127.0.0.1:0"]
  clients:
    - name: vpn
      addresses: [127.0.0.0/8]
      secret: { value: ${SHARED_SECRET} }
      mfa: disabled
      mfa_exception: { reason: the test of the bundle, until: "2099-12-31" }
admin: { listen: "127.0.0.1:0", tls: none, public_url: "https://mfa.example.org" }
`,
  );
  const checked = gatehouse("check", "--config", config);
  t.equal(checked.status, 0, checked.text);
  const args = [join(folder, "dist/main.js"), "run", "--config", config];
  const child = spawn(join(folder, "node"), args, { cwd: home, env: {}, ...user });
  t.teardown(() => child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  let adminUrl = "";
  const port = await new Promise<number>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`it ended: ${errors}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /"addresses":\["[^"]*:(\d+)"/.exec(line);
      adminUrl = /"(http:[^"]+)"/.exec(line)?.[1] ?? adminUrl;
      if (found !== null) resolve(Number(found[1]));
    });
  });
  t.equal((await radclient({ port }, "alice", "alice-password")).code, "Access-Accept");
  t.equal((await radclient({ port }, "alice", "wrong")).code, "Access-Reject");
  t.equal(gatehouse("health", "--config", config).status, 0);
  t.match(gatehouse("events", "--user", "alice", "--config", config).text, /alice/);
  t.equal((await ask(`${adminUrl}/readyz`)).body, "ready\n");
  t.match((await ask(`${adminUrl}/metrics`)).body, /^gatehouse_radius_replies_total\{.*"\} 1$/m);
  const page = (await ask(`${adminUrl}/sign-in`)).body;
  for (const [, asset = ""] of page.matchAll(/="(\/assets\/[^"]+)"/g)) {
    t.equal((await ask(`${adminUrl}${asset}`)).status, 200, "style and script are in the bundle");
  }
  t.match(page, /\/assets\/[^]*\/assets\//);
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  t.same(await exit, [0, null], "it stops by itself when asked");
});

const dockerfile = readFileSync(join(ROOT, "Dockerfile"), "utf8").replaceAll(/\\\n/g, " ");
const instructions = dockerfile.split("\n").filter((line) => /^[A-Z]+ /.test(line));

await t.test("every file the image copies is there, or made by an earlier stage", async (t) => {
  const ignored = readFileSync(join(ROOT, ".dockerignore"), "utf8").trim().split("\n");
  const copies = instructions.filter((line) => line.startsWith("COPY "));
  t.ok(copies.length > 0);
  for (const line of copies.filter((one) => !one.includes("--from="))) {
    for (const source of line.split(/\s+/).slice(1, -1)) {
      t.ok(existsSync(join(ROOT, source)), `${source} exists`);
      t.notOk(ignored.includes(source), `${source} is not ignored`);
    }
  }
});

await t.test("the image's last stage runs the bundle, as somebody without rights", async (t) => {
  const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));
  const at = (word: string): number => last.findIndex((line) => line.startsWith(`${word} `));
  t.match(last[at("USER")], /^USER gatehouse$/);
  t.ok(at("USER") < at("ENTRYPOINT"));
  t.match(last[at("ENTRYPOINT")], '"/app/dist/main.js"');
  t.ok(existsSync(join(folder, "dist/main.js")));
  t.ok(at("HEALTHCHECK") > 0);
  t.notMatch(last.join("\n"), /npm|apt-get/, "nothing to build with");
});

const unit = readFileSync(join(ROOT, "config/gatehouse.service"), "utf8");

await t.test("the unit runs the bundle with a command line that exists", async (t) => {
  const command = /^ExecStart=\/opt\/gatehouse\/node \/opt\/gatehouse\/(\S+) (\S+) (--\S+)/m.exec(
    unit,
  );
  t.ok(existsSync(join(folder, command?.[1] ?? "nothing")));
  t.match(gatehouse(command?.[2] ?? "nothing", "--help").text, command?.[3]);
  t.match(unit, /^ExecReload=\/bin\/kill -HUP /m);
});

await t.test("the unit is hardened: systemd itself finds little exposure", async (t) => {
  const args = ["security", "--offline=true", "--no-pager", "--threshold=20"];
  const judged = spawnSync("systemd-analyze", [...args, join(ROOT, "config/gatehouse.service")], {
    encoding: "utf8",
  });
  t.equal(judged.error, undefined, "systemd-analyze is there");
  t.equal(judged.status, 0, judged.stdout.split("\n").at(-2) ?? "no judgement");
  // Anything systemd doesn't know would be passed over in silence at the start.
  const verified = spawnSync(
    "systemd-analyze",
    ["verify", join(ROOT, "config/gatehouse.service")],
    {
      encoding: "utf8",
    },
  );
  const problems = verified.stderr.split("\n").filter((line) => line.includes("gatehouse.service"));
  t.same(
    problems.filter((line) => !line.includes("is not executable")),
    [],
  );
});
