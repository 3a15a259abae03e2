// The command line as a process: exit codes, streams, and a start that loads little.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import t from "tap";

import { ended, type Ran } from "./support/command.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

function gatehouse(...args: string[]): Promise<Ran> {
  return ended(spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] }));
}

t.test("help goes to stdout with 0, mistakes to stderr with 2", async (t) => {
  t.match(await gatehouse("--help"), { code: 0, stdout: /usage: gatehouse COMMAND/, stderr: "" });
  t.match(await gatehouse("helth"), { code: 2, stdout: "", stderr: /did you mean "health"/ });
  t.match(await gatehouse("events", "--folow"), { code: 2, stderr: /did you mean --follow/ });
  t.match(await gatehouse("test", "login"), { code: 2, stderr: /something is missing/ });
});

t.test("the version is the package's", async (t) => {
  const file = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(file);
  t.match(await gatehouse("--version"), { code: 0, stdout: `gatehouse ${version}\n` });
});

t.test("a reader that closes the pipe early is no failure", async (t) => {
  const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  const complaints = text(child.stderr);
  child.stdout.destroy();
  t.same(await once(child, "exit"), [0, null]);
  t.equal(await complaints, "");
});

t.test("bash completes commands, their second words and their options", async (t) => {
  const complete = (...words: string[]): Promise<string[]> => {
    const list = ["gatehouse", ...words].map((word) => `'${word}'`).join(" ");
    const script = `source <("$0" "$1" completion bash)
      COMP_WORDS=(${list}); COMP_CWORD=${words.length}
      _gatehouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const child = spawn("bash", ["-c", script, process.execPath, MAIN], { stdio: [...stdio] });
    return ended(child).then(({ stdout }) => stdout.trim().split("\n"));
  };
  t.same(await complete("he"), ["health"]);
  t.same(await complete("user", "re"), ["require", "relink"]);
  t.same(await complete("user", "bypass", "alice", "--re"), ["--reason", "--revoke"]);
  t.same(await complete("test", "login", "alice", "--cl"), ["--client"]);
  t.same(await complete("events", "--user", "alice", "--fol"), ["--follow"]);
});

t.test("no colour where there is no terminal", async (t) => {
  t.notMatch((await gatehouse("--help")).stdout, "\u001b");
});
