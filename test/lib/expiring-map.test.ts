// Expiring entries, against a plain model of the same rules.

import fc from "fast-check";
import t from "tap";

import { ExpiringMap } from "../../src/lib/expiring-map.ts";

const LIFETIME_MS = 10;
const ENTRIES_MAX = 3;

t.test("an entry is seen for its life, and not at its end", (t) => {
  const map = new ExpiringMap<string, number>({ lifetimeMs: 10, entriesMax: 5 });
  map.set("a", 1, 100);
  t.equal(map.find("a", 109), 1);
  t.equal(map.find("a", 110), undefined);
  t.equal(map.size, 0, "and whoever looks removes it");
  t.end();
});

t.test("the oldest leaves a full map; who was set again is young", (t) => {
  const map = new ExpiringMap<string, number>({ lifetimeMs: 10, entriesMax: 2 });
  map.set("a", 1, 0);
  map.set("b", 2, 1);
  map.set("a", 3, 2);
  map.set("c", 4, 3);
  t.same(
    ["a", "b", "c"].map((key) => map.find(key, 4)),
    [3, undefined, 4],
  );
  t.end();
});

t.test("the dead leave with the next that comes, however many", (t) => {
  const map = new ExpiringMap<number, number>({ lifetimeMs: 10, entriesMax: 1000 });
  for (let key = 0; key < 500; key += 1) map.set(key, key, 0);
  t.equal(map.size, 500);
  map.set(1000, 0, 10);
  t.equal(map.size, 1);
  t.end();
});

type Command =
  | { readonly kind: "set" | "find" | "delete"; readonly key: number }
  | { readonly kind: "clear" }
  | { readonly kind: "wait"; readonly ms: number };

const key = fc.integer({ min: 0, max: 5 });
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom("set", "find", "delete"), key }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 0, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear") }) },
);

/** The same rules, at leisure: a list from the oldest to the youngest. */
class Model {
  entries: { key: number; value: number; expiresAt: number }[] = [];

  set(key: number, value: number, nowMs: number): void {
    this.delete(key);
    this.entries = this.entries.filter(({ expiresAt }) => expiresAt > nowMs);
    while (this.entries.length >= ENTRIES_MAX) this.entries.shift();
    this.entries.push({ key, value, expiresAt: nowMs + LIFETIME_MS });
  }

  find(key: number, nowMs: number): number | undefined {
    return this.entries.find((entry) => entry.key === key && entry.expiresAt > nowMs)?.value;
  }

  delete(key: number): void {
    this.entries = this.entries.filter((entry) => entry.key !== key);
  }
}

/** Do both, and whether they show the same. */
function isAlike(commands: readonly Command[]): boolean {
  const map = new ExpiringMap<number, number>({ lifetimeMs: LIFETIME_MS, entriesMax: ENTRIES_MAX });
  const model = new Model();
  let nowMs = 0;
  const isFoundAlike = (key: number): boolean => map.find(key, nowMs) === model.find(key, nowMs);
  for (const [place, command] of commands.entries()) {
    if (command.kind === "wait") nowMs += command.ms;
    else if (command.kind === "clear") {
      map.clear();
      model.entries = [];
    } else if (command.kind === "set") {
      map.set(command.key, place, nowMs);
      model.set(command.key, place, nowMs);
    } else if (command.kind === "delete") {
      map.delete(command.key);
      model.delete(command.key);
    } else if (!isFoundAlike(command.key)) return false;
    if (map.size > ENTRIES_MAX) return false;
  }
  return [0, 1, 2, 3, 4, 5].every(isFoundAlike);
}

t.test("whatever is done in whatever order, it shows what the rules say", (t) => {
  const property = fc.property(fc.array(command, { maxLength: 80 }), isAlike);
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  t.end();
});
