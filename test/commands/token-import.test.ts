// Imports from end to end: a file, the command, the socket, the administrator's port.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { commandLine } from "../support/command.ts";
import type { TestContext } from "../support/control.ts";

const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

async function namesIn({ people }: TestContext): Promise<string[]> {
  return (await people()).map(({ directory, username }) => `${directory}/${username}`);
}

t.test("good lines are imported, bad ones told with file and line, exit code 1", async (t) => {
  const { run, folder, context } = await commandLine(t, { gateway: true });
  const file = join(folder, "tokens.csv");
  const lines = ["username,secret", `alice,${SECRET}`, "bob,nonsense!", "", `ALICE,${SECRET}`];
  writeFileSync(file, `\ufeff${lines.join("\r\n")}\r\ncarol,${SECRET}`);
  const { code, stdout, stderr } = await run(["token", "import", file]);
  t.equal(code, 1);
  t.equal(stdout, "2 tokens imported, 2 lines refused (see above).\n");
  t.same(stderr.trim().split("\n"), [
    `${file}:3: the secret is not base32 (A-Z and 2-7)`,
    `${file}:5: the same name as line 2`,
  ]);
  t.same(await namesIn(context), ["corp/alice", "corp/carol"]);
});

t.test("a name that stands far below in the file is still the same name", async (t) => {
  const { run, context } = await commandLine(t, { gateway: true });
  const lines = Array.from({ length: 2_500 }, (_, at) => `user${at},${SECRET},SHA256`);
  const first = `User0,${SECRET}`;
  const { code, stderr } = await run(
    ["token", "import", "-", "--replace"],
    [...lines, first].join("\n"),
  );
  t.equal(code, 1);
  t.equal(stderr, "-:2501: the same name as line 1\n");
  const people = await context.people();
  t.equal(people.length, 2_500);
  t.match(
    people.find(({ username }) => username === "user0"),
    { token: { algorithm: "sha256" } },
  );
});

t.test("a dry run changes nothing and finds the same", async (t) => {
  const { run, context } = await commandLine(t, { gateway: true });
  const file = `alice,${SECRET}\nbob,x\n`;
  const dry = await run(["token", "import", "-", "--dry-run", "--json"], file);
  t.equal(dry.code, 1);
  t.match(JSON.parse(dry.stdout), { imported: 1, refused: [{ line: 2 }], dryRun: true });
  t.equal((await context.people()).length, 0);
});

t.test("who has a token keeps it, unless told to replace it", async (t) => {
  const { run } = await commandLine(t, { gateway: true });
  const file = `alice,${SECRET}\n`;
  t.equal((await run(["token", "import", "-"], file)).code, 0);
  const again = await run(["token", "import", "-"], file);
  t.equal(again.code, 1);
  t.match(again.stderr, /-:1: already has a token \(add --replace/);
  t.equal((await run(["token", "import", "-", "--replace"], file)).code, 0);
});

t.test("without a gateway the store is opened by the command", async (t) => {
  const { run, context, assembled } = await commandLine(t, { gateway: false });
  t.equal((await run(["token", "import", "-"], `alice,${SECRET}`)).code, 0);
  t.equal(assembled(), 1);
  t.equal((await context.people()).length, 1);
});

t.test("the line that is too long is told, the next one is read", async (t) => {
  const { run } = await commandLine(t, { gateway: true });
  const file = `alice,${"A".repeat(10_000)}\nbob,${SECRET}\n`;
  const { code, stdout, stderr } = await run(["token", "import", "-"], file);
  t.equal(code, 1);
  t.equal(stderr, "-:1: the line is too long\n");
  t.match(stdout, /^1 token imported/);
});

t.test("a file that isn't there, or names no directory of several, imports nothing", async (t) => {
  const one = await commandLine(t, { gateway: true });
  const missing = await one.run(["token", "import", "/nowhere/tokens.csv"]);
  t.match(missing, { code: 1, stderr: /no such file/ });
  const two = await commandLine(t, { gateway: true, directories: ["corp", "lab"] });
  const unnamed = await two.run(["token", "import", "-"], `alice,${SECRET}`);
  t.match(unnamed, { code: 2, stderr: /--directory NAME, one of: corp, lab/ });
  const named = await two.run(["token", "import", "-", "--directory", "lab"], `alice,${SECRET}`);
  t.equal(named.code, 0);
  t.same(await namesIn(two.context), ["lab/alice"]);
});
