// Administrators from the command line: the first one, and the way back for whoever has lost everything.

import t from "tap";

import { createAdminLogin, type AdminVerdict } from "../../src/core/admin-login.ts";
import { decodeBase32 } from "../../src/lib/base32.ts";
import { Secret } from "../../src/lib/secret.ts";
import { adminCode } from "../support/administrators.ts";
import { commandLine, type CommandLine } from "../support/command.ts";

interface Made {
  readonly username: string;
  readonly password: string;
  readonly secret: string;
  readonly uri: string;
}

/** Whether what the command printed opens the door. */
async function loginWith(
  { context }: CommandLine,
  { username, password, secret }: Made,
  step = 0,
): Promise<AdminVerdict> {
  const { administration, administrators, passwords, clock } = context;
  const login = createAdminLogin({
    administrators,
    record: (event) => administration.record(event),
    passwords,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    clock,
  });
  const key = Secret.of(decodeBase32(secret) ?? Buffer.alloc(0));
  const code = Secret.of(adminCode(clock, step, key));
  return login(
    { username, password: Secret.of(password), code },
    { clientIp: "192.0.2.1", requestId: "1" },
  );
}

for (const gateway of [true, false]) {
  t.test(
    `made ${gateway ? "over the socket" : "without a gateway"}, the login works`,
    async (t) => {
      const line = await commandLine(t, { gateway });
      t.match(await line.run(["admin", "list"]), { code: 0, stdout: /no administrator yet/ });
      const made = await line.run(["admin", "create", "Root@example.org", "--generate", "--json"]);
      t.equal(made.code, 0, made.stderr);
      const shown: Made = JSON.parse(made.stdout);
      t.match(shown.uri, /^otpauth:\/\/totp\/Example%20admin:Root%40example\.org\?secret=/);
      t.match(await loginWith(line, shown), { kind: "accepted" });
      t.match(await line.run(["admin", "list"]), {
        stdout:
          /Root@example\.org +administrator +active +2027-01-15 08:00:00 UTC +0\n1 administrator\n/,
      });
      const [event] = await line.context.events();
      t.match(event, {
        event_type: "admin_create",
        initiated_by: { type: "admin", username: "root" },
        resource: { type: "admin", id: "Root@example.org" },
        details: { door: "control", role: "administrator" },
      });
      t.notMatch(JSON.stringify(await line.context.events()), shown.password);
    },
  );
}

t.test("a piped password is taken, shown nowhere, and has to be a good one", async (t) => {
  const line = await commandLine(t, { gateway: true });
  const create = (password: string): ReturnType<typeof line.run> =>
    line.run(["admin", "create", "a@example.org", "--role", "help_desk"], password);
  t.match(await create("short\n"), { code: 2, stderr: /at least 12 characters/ });
  t.match(await create(""), { code: 2, stderr: /password is missing/ });
  const made = await create("Correct-Horse-7\n");
  t.match(made, { code: 0, stdout: /is made: help_desk\.\nkey {2}.*\nuri {2}otpauth:/ });
  t.match(made.stdout, "█", "with a QR code");
  t.notMatch(made.stdout + made.stderr, "Correct-Horse-7");
  t.match(await create("Correct-Horse-7\n"), { code: 1, stderr: /there is an administrator/ });
  const args = ["admin", "create", "root", "--generate"];
  t.match(await line.run(args), { code: 2, stderr: /e-mail address/ });
  t.match(await line.run([...args, "--role", "boss"]), { code: 2, stderr: /--role is one of/ });
});

t.test("a reset ends what was there: password, token, lock", async (t) => {
  const line = await commandLine(t, { gateway: true });
  const generate = async (verb: string): Promise<Made> => {
    const done = await line.run(["admin", verb, "a@example.org", "--generate", "--json"]);
    t.equal(done.code, 0, done.stderr);
    return JSON.parse(done.stdout);
  };
  const before = await generate("create");
  for (let count = 0; count < 5; count += 1) await loginWith(line, { ...before, password: "x" });
  t.match(await line.run(["admin", "list"]), { stdout: /active · locked for another 10 min/ });
  const after = await generate("reset");
  t.match(await loginWith(line, before), { kind: "refused" });
  t.match(await loginWith(line, { ...after, secret: before.secret }), { kind: "refused" });
  t.match(await loginWith(line, after), { kind: "accepted" });
  t.match(await line.run(["admin", "reset", "b@example.org", "--generate"]), {
    code: 1,
    stderr: /no administrator "b@example\.org"/,
  });
});

t.test("suspend and unlock, and the last one who stays", async (t) => {
  const line = await commandLine(t, { gateway: true });
  for (const name of ["a@example.org", "b@example.org"]) {
    await line.run(["admin", "create", name, "--generate"]);
  }
  const suspend = (name: string, ...more: string[]): ReturnType<typeof line.run> =>
    line.run(["admin", "suspend", name, ...more]);
  t.match(await suspend("a@example.org"), { code: 0, stdout: /is suspended/ });
  t.match(await suspend("b@example.org"), { code: 1, stderr: /last active administrator/ });
  t.match(await suspend("a@example.org", "--off"), { code: 0, stdout: /may log in again/ });
  t.match(await suspend("b@example.org"), { code: 0 });
  t.match(await line.run(["admin", "unlock", "a@example.org"]), { stdout: /was not locked/ });
  await line.context.administrators.beginLogin("a@example.org");
  t.match(await line.run(["admin", "unlock", "a@example.org"]), { stdout: /is unlocked/ });
  const types = (await line.context.events()).map(({ event_type: type }) => type).slice(2);
  t.same(types, ["admin_suspended", "admin_unsuspend", "admin_suspended", "admin_unlocked"]);
});

t.test("B11: a fourth administrator who may do everything is remarked on, and made", async (t) => {
  const line = await commandLine(t, { gateway: true });
  for (const name of ["a", "b", "c"]) {
    await line.run(["admin", "create", `${name}@example.org`, "--generate"]);
  }
  t.notMatch((await line.run(["admin", "list"])).stdout, "three are enough");
  t.equal((await line.run(["admin", "create", "d@example.org", "--generate"])).code, 0);
  t.match((await line.run(["admin", "list"])).stdout, /4 of them may do everything; three are/);
});
