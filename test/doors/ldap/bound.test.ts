// Who is bound where: ended together, forgotten when they leave, looked up again.

import { setTimeout as wait } from "node:timers/promises";
import t from "tap";

import { createBoundConnections, type BoundConnection } from "../../../src/doors/ldap/bound.ts";
import { createListener, createPlace } from "../../../src/doors/ldap/listener.ts";
import { startRecheck } from "../../../src/doors/ldap/recheck.ts";
import { DependencyDown, type Identity, type LookupResult } from "../../../src/core/ports.ts";
import { listenerSettings } from "../../support/ldap-door.ts";
import { memoryLog } from "../../support/radius-door.ts";
import { person } from "../../support/store.ts";
import { until } from "../../support/until.ts";

const alice = person("alice");
const found = (changes: Partial<Identity> = {}): LookupResult => ({
  kind: "found",
  identity: { ...alice, ...changes },
});

function placeWith(find: (name: string) => Promise<LookupResult>) {
  const directory = {
    name: "corp",
    find,
    findEntry: find,
    bind: async () => ({ kind: "wrong" }) as const,
    memberOf: async () => new Set<string>(),
    relays: { prepare: () => undefined, acquire: () => Promise.reject(new Error("none")) },
  };
  return createPlace(createListener(listenerSettings(), directory));
}

const somewhere = placeWith(async () => found());

function connection(place = somewhere): BoundConnection & { revoked: number } {
  return {
    place,
    revoked: 0,
    revoke() {
      this.revoked += 1;
    },
  };
}

t.test("LDAP-25: a person's connections end together, however the name is written", async (t) => {
  const bound = createBoundConnections();
  const [one, two, other] = [connection(), connection(), connection()];
  bound.add(alice, one);
  bound.add(alice, two);
  bound.add(person("bob"), other);
  t.equal(bound.people().length, 2);
  t.equal(bound.revoke({ directory: "corp", username: " ALICE" }), 2);
  t.equal(bound.revoke({ directory: "partners", username: "bob" }), 0);
  t.same([one.revoked, two.revoked, other.revoked], [1, 1, 0]);
  t.equal(bound.revoke({ ...alice, username: "alice.smith" }), 2, "by id, renamed or not");
  bound.remove(alice, one);
  bound.remove(alice, one);
  bound.remove(alice, two);
  t.same(
    bound.people().map(({ identity }) => identity.username),
    ["bob"],
  );
});

const ANSWERS: [title: string, answer: () => Promise<LookupResult>, isEnded: boolean][] = [
  ["still there", async () => found(), false],
  ["disabled", async () => found({ isDisabled: true }), true],
  ["gone", async () => ({ kind: "not-found" }), true],
  ["another person of that name", async () => found({ id: "another" }), true],
  ["an entry that can't be read", async () => ({ kind: "malformed" }), false],
  ["no answer", () => Promise.reject(new DependencyDown("directory:corp", "gone")), false],
];

for (const [title, answer, isEnded] of ANSWERS) {
  t.test(`LDAP-25: ${title}: ${isEnded ? "ended" : "left alone"}`, async (t) => {
    const bound = createBoundConnections();
    const one = connection(placeWith(answer));
    bound.add(alice, one);
    const stop = startRecheck({ bound, log: memoryLog(), everyMs: 10 });
    if (isEnded) await until(() => one.revoked > 0);
    else await wait(25);
    stop();
    const { revoked } = one;
    t.equal(revoked > 0, isEnded);
    await wait(30);
    t.equal(one.revoked, revoked, "and stopped");
  });
}

t.test("a slow directory is asked about one person at a time", async (t) => {
  const bound = createBoundConnections();
  let [running, most] = [0, 0];
  const place = placeWith(async () => {
    running += 1;
    most = Math.max(most, running);
    await wait(15);
    running -= 1;
    return found();
  });
  for (const name of ["a", "b", "c"]) bound.add(person(name), connection(place));
  const stop = startRecheck({ bound, log: memoryLog(), everyMs: 5 });
  await wait(80);
  stop();
  t.equal(most, 1);
});
