// The catalogue of bad input through the door as a whole, sockets and slapd included: whole, then octet
// by octet. What the session lets go on has the very result that slapd gives to the same octets.

import t from "tap";

import { OPERATION_NAMES } from "../../../src/wire/ldap/operation.ts";
import { plainUrl } from "../../support/directory.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { bound, openLdapDoor } from "../../support/ldap-door.ts";
import { readResponse, whoAmIRequest } from "../../support/ldap-requests.ts";
import { readBadLdapInputs } from "../../support/ldap-vectors.ts";
import { BASE, hashed, startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ users: 10 });
t.teardown(() => slapd.stop());
slapd.add(
  [
    `dn: uid=bob,${BASE}`,
    "objectClass: inetOrgPerson",
    "uid: bob",
    "cn: Bob",
    "sn: Bob",
    `userPassword: ${hashed("hello")}`,
    "",
  ].join("\n"),
);
const listener = { operations: [...OPERATION_NAMES] };
const { port } = await openLdapDoor(t, { urls: [plainUrl(slapd)], listeners: [listener] });

/** The catalogue's directory is dc=com, slapd's is dc=org: as many octets. */
function here(stage: Buffer): Buffer {
  const text = stage
    .toString("latin1")
    .replaceAll("dc=com", "dc=org")
    .replaceAll("dc=COM", "dc=ORG");
  return Buffer.from(text, "latin1");
}

/** Final answers as the session's tests write them: "search 2: 0", "notice: 2". */
function finals(client: LdapClient): string[] {
  return client.messages.flatMap((message) => {
    const { id, kind, resultCode } = readResponse(message);
    if (resultCode === -1) return [];
    return [`${id === 0 ? "notice" : `${kind} ${id}`}: ${resultCode}`];
  });
}

/** Longer streams have been fed octet by octet in the session's tests. */
const DRIPPED_BYTES_MAX = 1_000;

/** Resolves when so many final answers have come, or it is closed. */
async function conversation(
  to: number,
  stages: readonly Buffer[],
  expected: number,
  isDripped: boolean,
): Promise<LdapClient> {
  const client = await LdapClient.open(to);
  for (const stage of stages) {
    if (isDripped) await client.drip(here(stage));
    else client.send(here(stage));
  }
  while (finals(client).length < expected && !client.isClosed) await client.arrived();
  return client;
}

/** What slapd itself answers. */
async function straight(stages: readonly Buffer[], expected: number): Promise<string[]> {
  const client = await conversation(slapd.port, stages, expected, false);
  client.end();
  return finals(client);
}

/** "search 2" of what goes up, "bind 1: 0" and "notice: 2" of what is answered here. */
const UP = /^up (search|compare|add|modify|delete|modifyDn|extended) (\d+)$/;
const ANSWERED = /^(?:notice|\w+ \d+): \d+$/;

for (const { id, title, unanswered, events, stages } of readBadLdapInputs()) {
  await t.test(`${id}: ${title}: at the door as in the session`, async (t) => {
    const passed = events.flatMap((one) => UP.exec(one)?.slice(1, 3).join(" ") ?? []);
    const isPassed = (answer: string): boolean => passed.includes(answer.replace(/: \d+$/, ""));
    const answered = events.filter((one) => ANSWERED.test(one));
    // The session's own directory answers 0 to whatever reaches it.
    const own = answered.filter((one) => unanswered === true || !isPassed(one));
    const theirs = passed.length === 0 ? [] : await straight(stages, own.length + passed.length);
    const expected = [...own, ...theirs.filter(isPassed).slice(0, passed.length)].toSorted();
    const isEnding = events.at(-1)?.startsWith("close") === true;

    const isShort = stages.reduce((sum, { length }) => sum + length, 0) <= DRIPPED_BYTES_MAX;
    // What overlaps in one piece may not when it trickles in.
    for (const isDripped of isShort && unanswered !== true ? [false, true] : [false]) {
      const client = await conversation(port, stages, expected.length, isDripped);
      if (isEnding) await client.closed();
      else t.equal(client.isClosed, false, "the session goes on");
      // Who still sends when it is closed may lose the notice on the way.
      const isLost = isEnding && !isShort && client.messages.length === 0;
      if (!isLost) t.same(finals(client).toSorted(), expected, isDripped ? "dripped" : "whole");
      client.end();
    }
    const next = await bound(port);
    t.match(await next.ask(whoAmIRequest(2)), { resultCode: 0 }, "the next login works");
    next.end();
  });
}
