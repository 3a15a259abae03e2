// Mutated answers of a directory, whole and octet by octet, from one seed; and mutated DNs and
// filters. Invariant under test: reading ends in a value or a WireError, nothing else.

import t from "tap";

import { WireError } from "../../src/wire/error.ts";
import { canonicalDn } from "../../src/wire/ldap/dn.ts";
import { parseFilter } from "../../src/wire/ldap/filter.ts";
import { createFramer } from "../../src/wire/ldap/frame.ts";
import { decodeAnswer } from "../../src/wire/ldap/message.ts";
import {
  alice,
  entry,
  notice,
  policyControl,
  reference,
  result,
} from "../support/fault-directory.ts";
import { mutate } from "../support/mutate.ts";
import { seededNumbers } from "../support/prng.ts";

const MUTATIONS = 20_000;
const next = seededNumbers(4511);

const corpus = [
  result(1, "bind", 0),
  result(2, "bind", 49, {
    text: "80090308: data 773, v4563",
    control: policyControl({ error: 1 }),
  }),
  result(300, "search", 4, { control: policyControl({ graceLogins: 0 }) }),
  entry(70_000, "uid=alice,ou=people,dc=example,dc=org", alice({ cn: ["a", "b", "c"] })),
  reference(5, "ldap://127.0.0.1/dc=evil"),
  notice(),
];

/** Every answer as text, then how it ended. */
function follow(stream: Buffer, chunkBytes: number): string[] {
  const seen: string[] = [];
  const framer = createFramer(100_000);
  try {
    for (let at = 0; at < stream.length; at += chunkBytes) {
      framer.push(stream.subarray(at, at + chunkBytes), (message) => {
        seen.push(JSON.stringify(decodeAnswer(message)));
      });
    }
    seen.push(`${framer.heldBytes} held`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    seen.push(error.code);
  }
  return seen;
}

t.test("answers mutated are read or refused, alike whole and octet by octet", async (t) => {
  const counts = { read: 0, refused: 0 };
  for (let turn = 0; turn < MUTATIONS; turn += 1) {
    const stream = mutate(corpus[turn % corpus.length] ?? Buffer.of(), next);
    const whole = follow(stream, Math.max(1, stream.length));
    if (whole.join() !== follow(stream, 1).join()) t.fail(stream.toString("hex"));
    counts[whole.length > 1 ? "read" : "refused"] += 1;
  }
  t.ok(counts.read > MUTATIONS / 50, `${counts.read} were read`);
  t.ok(counts.refused > MUTATIONS / 50, `${counts.refused} were refused`);
});

const TEXTS = {
  dn: ["uid=alice+cn=\\61\\c3\\bc,ou=\\#x,dc=#04036f7267", ',+=\\#;"<> 0a\0ü'],
  filter: [
    "(&(objectClass=person)(|(uid={username})(cn:dn:1.2:=a*))(!(a=*b*c)))",
    "(&|!)=*\\:<>~{}0a",
  ],
} as const;

t.test("DNs and filters mutated are read or refused", async (t) => {
  for (const [kind, [text, alphabet]] of Object.entries(TEXTS)) {
    const read = kind === "dn" ? canonicalDn : parseFilter;
    const counts = { read: 0, refused: 0 };
    for (let turn = 0; turn < MUTATIONS; turn += 1) {
      const mutated = mutate(
        Buffer.from(text, "utf8"),
        next,
        Buffer.from(alphabet, "utf8"),
      ).toString("utf8");
      try {
        read(mutated);
        counts.read += 1;
      } catch (error) {
        if (!(error instanceof WireError)) t.fail(`${JSON.stringify(mutated)}: ${String(error)}`);
        counts.refused += 1;
      }
    }
    t.ok(counts.read > MUTATIONS / 50, `${kind}: ${counts.read} were read`);
    t.ok(counts.refused > MUTATIONS / 50, `${kind}: ${counts.refused} were refused`);
  }
});

t.test("the same process still reads a good answer", async (t) => {
  t.match(decodeAnswer(result(9, "bind", 0)), { kind: "bind", id: 9, resultCode: 0 });
});
