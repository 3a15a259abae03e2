// One gateway in front of two directories, real ones, each with people of its own and some of the same
// name: who logs in where, and what the loss of one means to the people of the other.

import t from "tap";

import {
  codeFor,
  radclient,
  slapdLines,
  startGateway,
  type RadclientReply,
} from "../support/gateway.ts";
import { dnOf } from "../support/ldap-gateway.ts";
import { operatorOf } from "../support/operator.ts";
import { startSlapd } from "../support/slapd.ts";

// Both have alice and bob, only the first has u000000 to u000009.
const one = await startSlapd({ log: true, users: 10 });
const two = await startSlapd({ log: true });
const quick = ["check_interval: 1s"];
const gateway = await startGateway({
  directory: [...slapdLines(one.url), "domains: [one.example, ONE]", ...quick],
  otherDirectories: {
    partner: [...slapdLines(two.url), "domains: [two.example, TWO]", ...quick],
  },
});
t.teardown(async () => {
  await gateway.end();
  await Promise.all([one.stop(), two.stop()]);
});
const { enroll, events } = operatorOf(gateway);

const PEOPLE = {
  "alice@one.example": { password: "alice-password", where: ["--directory", "corp"] },
  "bob@two.example": { password: "hello", where: ["--directory", "partner"] },
  u000001: { password: "pw-u000001", where: ["--directory", "corp"] },
} as const;
type Name = keyof typeof PEOPLE;
const secrets = new Map<Name, Buffer>();
/** The step of the next code, from now: every code is good for one login. */
const used = new Map<Name, number>();

/** With a code that wasn't used before: the token is replaced when all that count are. */
async function logIn(name: Name, spelling: string = name): Promise<RadclientReply["code"]> {
  const { password, where } = PEOPLE[name];
  const offset = used.get(name) ?? 2;
  const isNew = offset > 1;
  const secret = (isNew ? undefined : secrets.get(name)) ?? enroll(name, ...where);
  secrets.set(name, secret);
  used.set(name, isNew ? 0 : offset + 1);
  const field = `${password},${codeFor(secret, isNew ? -1 : offset)}`;
  return (await radclient(gateway, spelling, field)).code;
}

/** As often as it takes a directory to be noticed again. */
async function untilAccepted(name: Name): Promise<void> {
  while ((await logIn(name)) !== "Access-Accept") continue;
}

const counted = (): number =>
  events("--failed").filter(({ reason }) => reason === "password-incorrect").length;

await t.test("a domain leads to its directory, in either form, and to no other", async (t) => {
  t.equal(await logIn("alice@one.example"), "Access-Accept");
  t.equal(await logIn("alice@one.example", "ONE\\alice"), "Access-Accept");
  t.equal(await logIn("bob@two.example", "two\\BOB"), "Access-Accept");
  t.same(
    [one, two].map((slapd) => slapd.binds(dnOf("alice"))),
    [2, 0],
  );
  t.same(
    [one, two].map((slapd) => slapd.binds(dnOf("bob"))),
    [0, 1],
  );
  const ids = events("--type", "radius_auth_attempt").map((event) => event.initiated_by.id);
  t.same(
    ids.map((id) => id?.split("/")[0]),
    ["corp", "corp", "partner"],
  );
});

await t.test(
  "the same name in both is refused without its domain, and nobody is asked",
  async (t) => {
    const before = [one, two].map((slapd) => slapd.binds(dnOf("alice")));
    t.equal(await logIn("alice@one.example", "alice"), "Access-Reject");
    t.equal(events("--type", "radius_auth_attempt").at(-1)?.reason, "ambiguous-user");
    t.same(
      [one, two].map((slapd) => slapd.binds(dnOf("alice"))),
      before,
    );
    t.equal(await logIn("u000001"), "Access-Accept", "one that only one of them has is known");
    t.equal((await radclient(gateway, "alice@three.example", "x")).code, "Access-Reject");
  },
);

for (const [title, lose, bringBack] of [
  ["killed", () => two.kill(), () => two.start()],
  ["hung", () => two.pause(), () => two.resume()],
] as const) {
  await t.test(`D01 D02: one directory is ${title}: only its own people notice`, async (t) => {
    await untilAccepted("bob@two.example");
    const before = counted();
    await lose();
    const ended: string[] = [];
    const note = (who: string) => (code: string) => {
      ended.push(who);
      return code;
    };
    const [bob, alice] = await Promise.all([
      logIn("bob@two.example").then(note("bob")),
      logIn("alice@one.example").then(note("alice")),
    ]);
    t.same({ alice, bob }, { alice: "Access-Accept", bob: "Access-Reject" });
    t.same(ended, ["alice", "bob"], "the one didn't wait for the other");
    t.equal(await logIn("u000001"), "Access-Accept", "who gives no domain, and is known");
    // Not more at once than the limit leaves.
    for (const round of [1, 2]) {
      const guess = (): Promise<RadclientReply> => radclient(gateway, "bob@two.example", "guess");
      const replies = await Promise.all([guess(), guess(), guess(), guess()]);
      t.same(
        new Set(replies.map(({ code }) => code)),
        new Set(["Access-Reject"]),
        `round ${round}`,
      );
    }
    t.equal(counted(), before, "nothing is counted");
    const told = events("--type", "radius_auth_attempt", "--failed").slice(-8);
    t.same(new Set(told.map(({ reason }) => reason)), new Set(["directory-unavailable"]));
    t.equal(gateway.command("health").status, 0, "it serves");
    t.match(gateway.command("health").stdout, /✓ +directory +corp.*\n.*✗ +directory +partner/);
    await bringBack();
    await untilAccepted("bob@two.example");
    t.notMatch(gateway.command("user", "show", "bob", "--directory", "partner").stdout, /locked/i);
  });
}

await t.test(
  "both are lost: silence, so that a NAS asks somebody else; then all is well",
  async (t) => {
    await Promise.all([one.kill(), two.kill()]);
    // Until both are known to be lost there may be somebody whom the other could serve.
    while (gateway.command("health").status === 0) continue;
    const names = ["alice@one.example", "bob@two.example", "u000001"] as const;
    const codes = await Promise.all(names.map((name) => radclient(gateway, name, "guess")));
    t.same(
      codes.map(({ code }) => code),
      ["none", "none", "none"],
    );
    await Promise.all([one.start(), two.start()]);
    for (const name of names) await untilAccepted(name);
  },
);
