// From words to commands: help, mistakes and their suggestions, exit codes, and what each says.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { COMMANDS } from "../../src/commands/table.ts";
import { Failure } from "../../src/commands/failure.ts";
import { commandLine } from "../support/command.ts";
import { event, newToken } from "../support/store.ts";

t.test("every command has a help with an example, and exit code 0 for it", async (t) => {
  const { run } = await commandLine(t, { gateway: false });
  for (const { name } of COMMANDS) {
    const { code, stdout, stderr } = await run([...name.split(" "), "--help"]);
    t.equal(code, 0, name);
    t.match(stdout, new RegExp(`usage: gatehouse ${name}`), name);
    t.match(stdout, `example: gatehouse ${name}`, name);
    t.equal(stderr, "", name);
  }
});

t.test("the overview fits a screen and names every command", async (t) => {
  const { run } = await commandLine(t, { gateway: false });
  const { code, stdout } = await run(["--help"]);
  t.equal(code, 0);
  t.ok(stdout.split("\n").length <= 36);
  for (const { name } of COMMANDS) t.match(stdout, `  ${name} `);
  t.equal((await run([])).code, 2, "no command at all is a mistake");
  t.equal((await run(["--version"])).stdout, "gatehouse 0.1.0\n");
});

t.test("a mistyped command or option ends with 2 and the nearest one", async (t) => {
  const { run } = await commandLine(t, { gateway: true });
  const cases: readonly (readonly [string, RegExp])[] = [
    ["helth", /did you mean "health"\?/],
    ["user unlok alice", /did you mean "user unlock"\?/],
    ["token lst", /did you mean "token list"\?/],
    ["unrelated", /gatehouse --help/],
    ["user", /usage:\n {2}user show/],
    ["events --folow", /unknown option --folow\n {2}did you mean --follow\?/],
    ["events --xyzzyq", /--help lists/],
    ["events -q", /unknown option -q/],
    ["events --follow=yes", /takes no value/],
    ["events --user", /needs a value/],
    ["events --user --json", /--user needs a value/],
    ["events extra", /what is "extra"\?/],
    ["user show", /something is missing\n {2}usage: gatehouse user show USER/],
    ["events --since yesterday", /RFC 3339/],
    ["events --type user_lockot", /did you mean user_lockout/],
    ["events --limit 10001", /0 to 10000/],
    ["events --failed --success", /exclude/],
    ["user require alice --days 0", /1 to 365/],
    ["user require alice --days 366", /1 to 365/],
    ["user require alice --days 7 --remove", /exclude/],
    ["user require alice --extend --remove", /exclude/],
    ["user require", /name one person, or one of --group, --file and --all-without-token/],
    ["user require alice --all-without-token", /name one person/],
    ["user require --group cn=a --file list", /name one person/],
    ["user bypass alice --for 4m --reason x", /5m to 7d/],
    ["user bypass alice --for 8d --reason x", /5m to 7d/],
    ["user bypass alice --for 4h", /--reason is missing/],
    ["user bypass alice --revoke --for 4h", /neither --for nor --reason/],
    ["user relink", /name one person, or add --all/],
    ["user relink alice --all", /name one person, or add --all/],
    ["token enroll alice --digits 9", /6, 7 or 8/],
    ["token enroll alice --algorithm MD5", /SHA1, SHA256 or SHA512/],
    ["token enroll alice --period 31", /30 or 60/],
    ["key rotate", /--new-key is missing/],
    ["completion fish", /bash or zsh/],
    ["test login alice", /name the RADIUS client with --client/],
  ];
  for (const [line, problem] of cases) {
    const ran = await run(line.split(" "));
    t.match(ran, { code: 2, stdout: "", stderr: problem }, line);
    t.match(ran.stderr, /^(gatehouse|usage)/, line);
  }
});

t.test("a person's whole story: enrol, show, lock, unlock, bypass, reset", async (t) => {
  const { run } = await commandLine(t, { gateway: true });
  const say = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await run(line.split(" "));
    t.match({ code, stderr }, { code: 0, stderr: "" }, line);
    return stdout;
  };
  t.match(await say("token list"), /Nobody has a token yet/);
  const enrolled = await say("token enroll alice");
  t.match(enrolled, /[▀▄█]/, "a QR code");
  t.match(enrolled, /key {2}([A-Z2-7]{4} ){7}[A-Z2-7]{4}\n/);
  t.match(enrolled, /uri {2}otpauth:\/\/totp\/Example:alice\?/);
  t.match(
    enrolled,
    /\n10 recovery codes, each for one login.*\n( {2}([a-z2-7]{5}-){4}[a-z2-7]{5}\n){10}/,
  );
  t.match(await say("token recovery alice"), /had are void.\n\n10 recovery codes/);
  t.match(await say("user show alice"), /\nrecovery codes +10 left\n/);
  t.match(await say("user lock alice"), /alice is locked/);
  t.match(await say("user show alice"), /Enrolled · locked until someone unlocks\n/);
  t.match(await say("user unlock alice"), /alice is unlocked/);
  t.match(await say("user unlock alice"), /was not locked/);
  t.match(await say("user bypass alice --for 4h --reason lost"), /^([a-z2-7]{4}-){3}[a-z2-7]{4}\n/);
  t.match(await say("user show alice"), /Enrolled · bypass code for another 4 h\n/);
  t.match(await say("user bypass alice --revoke"), /The bypass code of alice is void/);
  t.match(await say("user bypass alice --revoke"), /had no bypass code/);
  t.match(await say("user require alice --days 14"), /has to enrol by 2027-01-29 08:00:00 UTC/);
  t.match(await say("user require alice --extend --days 15"), /to enrol by 2027-01-30 08:00:00/);
  t.match(await say("user require alice --remove"), /Nothing is demanded of alice any more/);
  t.match(await say("user require alice --remove"), /Nothing was demanded of alice/);
  t.match(await say("token reset alice --days 2"), /gone; there is time until 2027-01-17 08:00:00/);
  t.match(await say("user show alice"), /to enrol by +2027-01-17 08:00:00 UTC, demanded by name/);
  t.match(
    await say("events --limit 2"),
    /totp delete enrollment alice by root\n.*mfa requirement set/,
  );
  t.match(await say("events --verify"), /The chain of 11 events is whole/);
});

t.test("--json is one JSON value a line, with no secret in a list", async (t) => {
  const { run, folder } = await commandLine(t, { gateway: true });
  const json = async (line: string): Promise<unknown> =>
    JSON.parse((await run([...line.split(" "), "--json"])).stdout);
  t.match(await json("token enroll alice --digits 8"), {
    secret: /^[A-Z2-7]{32}$/,
    recoveryCodes: Array(10).fill(/^([a-z2-7]{5}-){4}[a-z2-7]{5}$/),
  });
  const listed = await json("token list");
  t.match(listed, { username: "alice", token: { digits: 8 } });
  t.notMatch(JSON.stringify(listed), /secret/);
  t.match(await json("user show alice"), { state: "Enrolled" });
  t.match(await json("events"), { event_type: "totp_finish_enrollment", seq: 1 });
  t.match(await json("events --verify"), { kind: "intact" });
  t.match(await json("health"), { status: "degraded" });
  t.match(await json("reload"), { notes: ["log.level is debug now"] });
  t.match(await json("user lock alice"), { outcome: "locked" });
  const path = join(folder, "free.db");
  t.match(await json(`backup ${path}`), { path, bytes: Number });
});

t.test("health: 0 while somebody is served, 1 without a gateway", async (t) => {
  const up = await (await commandLine(t, { gateway: true })).run(["health"]);
  t.match(up, { code: 0, stdout: /^degraded {2}version 0.1.0, up for 2 min\n✓ {2}store/ });
  const down = await commandLine(t, { gateway: false });
  t.match(await down.run(["health"]), {
    code: 1,
    stderr: /no gateway answers at .*\n {2}start it/,
  });
  t.equal(down.assembled(), 0, "the store stays closed");
});

t.test("a file with mistakes keeps nobody from the gateway that runs", async (t) => {
  const mistakes = new Failure(2, "gatehouse.yaml:17:1 topt: unknown key", "mend it");
  const up = await commandLine(t, { gateway: true, mistakes });
  const shown = await up.run(["token", "list", "--config", "/etc/g.yaml"]);
  t.match(shown, { code: 0, stdout: /Nobody has a token/ });
  t.match(
    shown.stderr,
    /has mistakes; .* an older one: gatehouse check --config \/etc\/g\.yaml\n$/,
  );
  t.match(await up.run(["health", "--json"]), { code: 0, stdout: /^\{.*\}\n$/ });
  t.match(await up.run(["restore", "/tmp/b"]), { code: 2, stderr: /topt: unknown key/ });
  const down = await commandLine(t, { gateway: false, mistakes });
  for (const line of ["token list", "health", "restore /tmp/b"]) {
    t.match(await down.run(line.split(" ")), { code: 2, stderr: /topt: unknown key\n {2}mend it/ });
  }
  t.equal(down.assembled(), 0);
});

t.test("following needs a gateway: it would hold the store for ever", async (t) => {
  const { run, assembled } = await commandLine(t, { gateway: false });
  t.match(await run(["events", "--follow"]), { code: 1, stderr: /no gateway answers/ });
  t.equal(assembled(), 0);
});

t.test("restore is for stopped gateways only", async (t) => {
  const up = await commandLine(t, { gateway: true });
  t.match(await up.run(["restore", "/tmp/b"]), { code: 1, stderr: /running/ });
  const down = await commandLine(t, { gateway: false });
  t.match(await down.run(["restore", "/tmp/b"]), { code: 0, stdout: /with 12 events/ });
});

t.test("a new key is a file of its owner's with base64 of 32 bytes", async (t) => {
  const { run, folder } = await commandLine(t, { gateway: true });
  const key = Buffer.alloc(32, 3).toString("base64");
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ["open", `${key}\n`, 0o644, /can be read by others/],
    ["short", Buffer.alloc(16).toString("base64"), 0o600, /not base64 of 32 bytes/],
    ["text", "correct horse battery staple", 0o600, /not base64 of 32 bytes/],
    ["twice", `${key}\n\n`, 0o600, /not base64 of 32 bytes/],
  ];
  for (const [name, content, mode, problem] of cases) {
    const file = join(folder, name);
    writeFileSync(file, content, { mode });
    const ran = await run(["key", "rotate", "--new-key", file]);
    t.match(ran, { code: 1, stderr: problem }, name);
    t.notMatch(ran.stderr, content.trim());
  }
  await run(["token", "enroll", "alice"]);
  const file = join(folder, "good");
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  const ran = await run(["key", "rotate", "--new-key", file]);
  t.match(ran, { code: 0, stdout: /1 secret sealed under the new key/ });
});

t.test("names from outside can't steer a terminal", async (t) => {
  const { run, context } = await commandLine(t, { gateway: true });
  const alice = { directory: "corp", id: "1", username: "al\u001b[2Jice", dn: "uid=alice" };
  await context.administration.enroll(alice, newToken, { replace: false }, event());
  t.notMatch((await run(["token", "list"])).stdout, "\u001b");
});

t.test("completion knows every command and option", async (t) => {
  const { run } = await commandLine(t, { gateway: false });
  for (const shell of ["bash", "zsh"]) {
    const { stdout } = await run(["completion", shell]);
    t.match(stdout, /"user"\) words="show unlock lock require bypass relink"/);
    for (const group of ["user", "token", "key", "test"]) {
      t.match(stdout, new RegExp(`case "\\$line" in "" \\|.* ${group}( \\|.*)?\\)`), group);
    }
    t.match(stdout, /"events"\) words="[^"]*--follow /);
    t.match(stdout, /complete -o default -F _gatehouse gatehouse/);
  }
});
