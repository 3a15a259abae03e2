// `gatehouse init`: what it writes passes the check, is closed to others, and replaces nothing.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";

import { init } from "../../src/commands/init.ts";
import { loadConfig } from "../../src/config/load.ts";

const root = mkdtempSync(join(tmpdir(), "gatehouse-init-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const code = await init(argv, {
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { write: (text: string) => (written.stderr += text) },
  });
  return { code, ...written };
}

t.test("what it writes passes the check without a warning", async (t) => {
  const folder = join(root, "fresh/gatehouse");
  const { code, stdout } = await run(folder);
  t.equal(code, 0);
  t.match(stdout, `gatehouse check --config ${folder}/gatehouse.yaml`);
  const loaded = loadConfig(join(folder, "gatehouse.yaml"), { env: {} });
  t.ok("config" in loaded);
  t.same(loaded.warnings, []);
});

t.test("keys and secrets are their owner's alone, and generated", async (t) => {
  const [one, two] = [join(root, "one"), join(root, "two")];
  await run(one);
  await run(two);
  for (const name of ["data/master.key", "secrets/vpn", "secrets/bind", "certs/server.key"]) {
    t.equal(statSync(join(one, name)).mode & 0o777, 0o600, name);
  }
  t.equal(statSync(join(one, "secrets")).mode & 0o777, 0o700);
  for (const name of ["data/master.key", "secrets/vpn", "certs/ca.key"]) {
    t.not(readFileSync(join(one, name), "utf8"), readFileSync(join(two, name), "utf8"), name);
  }
  t.match(readFileSync(join(one, "secrets/vpn"), "utf8"), /^[A-Za-z0-9_-]{32}\n$/);
  t.match(readFileSync(join(one, ".gitignore"), "utf8"), /secrets\/\n\*\.key/);
});

t.test("an existing file is never replaced, and nothing is written beside it", async (t) => {
  const folder = mkdtempSync(join(root, "taken-"));
  writeFileSync(join(folder, "gatehouse.yaml"), "mine");
  const { code, stderr } = await run(folder);
  t.equal(code, 1);
  t.match(stderr, "already has gatehouse.yaml; choose another folder");
  t.equal(readFileSync(join(folder, "gatehouse.yaml"), "utf8"), "mine");
  t.throws(() => statSync(join(folder, "data")));
});

t.test("a folder that can't be made is told, not thrown", async (t) => {
  writeFileSync(join(root, "file"), "");
  t.match(await run(join(root, "file/below")), { code: 1, stderr: /choose a folder/ });
});

t.test("wrong usage ends in 2", async (t) => {
  t.match(await run(), { code: 2, stderr: /^usage: gatehouse init DIR/ });
  t.match(await run("a", "b"), { code: 2 });
  t.match(await run("--force", join(root, "x")), { code: 2 });
  t.match(await run("--help"), { code: 0, stdout: /^usage: gatehouse init DIR/ });
});
