// The promise behind "durable": what a NAS was told has happened, whatever kills the gateway. Twenty-
// five times it is killed in the middle of logins and started again on the same store.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { encodeBase32 } from "../../src/lib/base32.ts";
import { codeFor, SHARED_SECRET, startGateway } from "../support/gateway.ts";
import { createRadiusClient, type Reply } from "../support/radius-client.ts";
import { startSlapd } from "../support/slapd.ts";

const ROUNDS = 25;
const LOGINS = 24;
const WRONG = 4;
const PEOPLE = ROUNDS * (LOGINS + 2);

const nameOf = (index: number): string => `u${String(index).padStart(6, "0")}`;
const keyOf = (name: string): Buffer => createHash("sha1").update(`key of ${name}`).digest();
const fieldOf = (name: string): string => `pw-${name},${codeFor(keyOf(name))}`;

interface Attempt {
  readonly name: string;
  readonly field: string;
  reply: Reply;
}

// Twenty-five starts, and as many refusals with their delay.
t.setTimeout(280_000);

const slapd = await startSlapd({ users: PEOPLE });
const gateway = await startGateway({ directory: slapd.url, client: ["code: append"] });
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});

function importTokens(): void {
  const names = Array.from({ length: PEOPLE }, (_, index) => nameOf(index));
  const lines = names.map((name) => `${name},${encodeBase32(keyOf(name))}`);
  const path = join(gateway.folder, "tokens.csv");
  writeFileSync(path, `${lines.join("\n")}\n`);
  const { status, stderr } = gateway.command("token", "import", path);
  if (status !== 0) throw new Error(stderr);
}

/**
 * Guesses, then logins; kills the gateway once `replies` logins were answered, and notes what arrived.
 * `isPatient`: the logins wait until the guesses were refused, which takes a second.
 */
async function loginUntilKilled(
  guesses: readonly Attempt[],
  logins: readonly Attempt[],
  { replies, isPatient }: { readonly replies: number; readonly isPatient: boolean },
): Promise<void> {
  const client = createRadiusClient(gateway.port, SHARED_SECRET);
  const enough = Promise.withResolvers<void>();
  let answered = 0;
  const send = async (attempt: Attempt): Promise<void> => {
    attempt.reply = await client.login(attempt.name, attempt.field);
  };
  const guessed = guesses.map(send);
  if (isPatient) await Promise.all(guessed);
  const all = logins.map(async (login) => {
    await send(login);
    answered += 1;
    if (answered >= replies) enough.resolve();
  });
  await enough.promise;
  await gateway.stop("SIGKILL");
  // What the kernel has already delivered is read before anybody gives up.
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.giveUp();
  await Promise.all([...guessed, ...all]);
}

async function loginOnce(name: string, field: string): Promise<Reply> {
  const client = createRadiusClient(gateway.port, SHARED_SECRET);
  const reply = await client.login(name, field);
  client.giveUp();
  return reply;
}

function acceptedPeople(): Set<string> {
  const args = ["--success", "--type", "radius_auth_attempt", "--limit", "10000", "--json"];
  const lines = gateway.command("events", ...args).stdout.split("\n");
  const events = lines
    .filter((line) => line !== "")
    .map((line): { username: string } => JSON.parse(line));
  return new Set(events.map(({ username }) => username));
}

function failuresOf(name: string): number {
  const shown = gateway.command("user", "show", name, "--json").stdout;
  const person: { passwordFailures: number; codeFailures: number } = JSON.parse(shown);
  return person.passwordFailures + person.codeFailures;
}

importTokens();
const accepted = new Set<string>();
let unanswered = 0;

for (let round = 0; round < ROUNDS; round += 1) {
  const title = `S10 O13, round ${round + 1}: killed in the middle of logins`;
  await t.test(`${title}: no reply was a lie`, async (t) => {
    const first = round * (LOGINS + 2);
    const guesser = nameOf(first + LOGINS);
    const witness = nameOf(first + LOGINS + 1);
    const logins = Array.from({ length: LOGINS }, (_, at): Attempt => {
      const name = nameOf(first + at);
      return { name, field: fieldOf(name), reply: "none" };
    });
    const guesses = Array.from({ length: WRONG }, (_, at): Attempt => {
      return { name: guesser, field: `wrong-${at},${codeFor(keyOf(guesser))}`, reply: "none" };
    });
    const isPatient = round % 5 === 0;
    await loginUntilKilled(guesses, logins, { replies: 1 + ((round * 7) % LOGINS), isPatient });
    await gateway.start();

    const told = logins.filter(({ reply }) => reply === "accept");
    for (const { name } of told) accepted.add(name);
    unanswered += logins.filter(({ reply }) => reply === "none").length;
    const recorded = acceptedPeople();
    t.same(
      [...accepted].filter((name) => !recorded.has(name)),
      [],
      "every accept a client saw has its event",
    );
    const rejected = guesses.filter(({ reply }) => reply === "reject").length;
    if (isPatient) t.equal(rejected, WRONG);
    t.ok(failuresOf(guesser) >= rejected, `${rejected} refusals seen, all counted`);

    const replies = await Promise.all(logins.map(({ name, field }) => loginOnce(name, field)));
    for (const [at, { name, reply }] of logins.entries()) {
      if (reply === "accept") t.equal(replies[at], "reject", `${name}'s code is dead`);
    }
    const lateAccepts = logins.filter((_, at) => replies[at] === "accept");
    for (const { name } of lateAccepts) accepted.add(name);
    t.equal(await loginOnce(witness, fieldOf(witness)), "accept", "a good login works");
  });
}

await t.test("the rounds were what they claim: some logins were cut off, some were not", (t) => {
  t.ok(unanswered > 0);
  t.ok(accepted.size > 0);
  t.end();
});

await t.test("LOG-06: after all of them the chain of events is whole", (t) => {
  const { status, stdout } = gateway.command("events", "--verify");
  t.equal(status, 0);
  t.match(stdout, /is whole/);
  t.end();
});
