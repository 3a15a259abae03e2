// Demands made by the command line: of a file, a group, everyone; first as a preview.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { commandLine } from "../support/command.ts";

const END = "2027-01-22 08:00:00 UTC";

t.test("E10: a preview says what would happen to how many, and the real run does it", async (t) => {
  const { run } = await commandLine(t, { gateway: true });
  const say = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await run(line.split(" "));
    t.match({ code, stderr }, { code: 0, stderr: "" }, line);
    return stdout;
  };
  await say("token enroll bob --no-qr");
  await say("user require carol --days 90");
  const rest = "1  have a token: nothing changes for them\n1  have a period already, which stays\n";
  const all = "user require --all-without-token";
  t.equal(await say(`${all} --dry-run`), `1  would have to enrol by ${END}\n${rest}`);
  t.match(await say("user show carol"), /to enrol by +2027-04-15/);
  t.equal(await say(all), `1  have to enrol by ${END}\n${rest}`);
  t.match(await say("user show alice"), /Not enrolled, 7 days left/);
  const group = "user require --group cn=alice";
  t.equal(await say(`${group} --extend --days 8`), "1  have time until 2027-01-23 08:00:00 UTC\n");
  t.equal(await say(`${group} --remove`), "1  need no factor any more\n");
  t.equal(await say("user require alice --dry-run"), `alice would have to enrol by ${END}.\n`);
  t.match(await say("user require alice --extend"), /Nothing is demanded of alice: there is no/);
});

t.test("a list of names: each once, with what can't be done on stderr", async (t) => {
  const { run, folder } = await commandLine(t, { gateway: true });
  const list = join(folder, "people.txt");
  writeFileSync(list, "# finance\nalice\r\n\n  bob\nALICE\nnobody\ntwins");
  const args = ["user", "require", "--file", list, "--days", "2"];
  t.same(await run(args), {
    code: 1,
    stdout: "2  have to enrol by 2027-01-17 08:00:00 UTC\n2  could not be found: see above\n",
    stderr:
      "nobody: nobody of this name is in the directory\n" +
      "twins: more than one person has this name\n",
  });
  const { stdout } = await run([...args, "--json", "--dry-run"]);
  t.match(JSON.parse(stdout), { people: 2, changed: 0, unchanged: 2, problems: 2, dryRun: true });
  writeFileSync(list, `alice\n${"x".repeat(300)}\n`);
  t.match(await run(args), { code: 1, stderr: /people.txt:2: too long for a user name/ });
  t.match(await run(["user", "require", "--file", "none"]), { code: 1, stderr: /no such file/ });
});
