// The lines of an import: which are taken, which are refused, and with what words.

import fc from "fast-check";
import t from "tap";

import { parseTokenLine } from "../../src/commands/token-file.ts";
import { encodeBase32 } from "../../src/lib/base32.ts";

const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const secretOf = (bytes: number): string => encodeBase32(Buffer.alloc(bytes, 0xa5));

t.test("O22: a secret is normalised by rule", async (t) => {
  const spellings = [
    SECRET.toLowerCase(),
    "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
    "gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq",
    `"${SECRET}"`,
  ];
  for (const text of spellings) {
    t.match(parseTokenLine(`alice,${text}`, 1), { kind: "row", row: { secret: SECRET } }, text);
  }
  const padded = `${secretOf(16)}======`;
  t.match(parseTokenLine(`alice,${padded}`, 1), { kind: "row", row: { secret: secretOf(16) } });
});

t.test("O22: sixteen to sixty-four bytes are taken whole", async (t) => {
  for (const bytes of [16, 20, 32, 63, 64]) {
    t.match(parseTokenLine(`a,${secretOf(bytes)}`, 1), { row: { secret: secretOf(bytes) } });
  }
});

t.test("what a line leaves out is what authenticator apps assume", async (t) => {
  const plain = { algorithm: "sha1", digits: 6, periodSeconds: 30 };
  for (const tail of ["", ",", ",,,", ",SHA1,6,30", ",sha-1", ",,6"]) {
    t.match(parseTokenLine(`alice,${SECRET}${tail}`, 3), { row: { line: 3, ...plain } }, tail);
  }
  const full = { algorithm: "sha512", digits: 8, periodSeconds: 60 };
  t.match(parseTokenLine(`alice,${SECRET},SHA-512,8,60`, 1), { row: full });
  t.match(parseTokenLine(`"last, first",${SECRET},Sha256,7`, 1), {
    row: { username: "last, first", algorithm: "sha256", digits: 7 },
  });
});

t.test("the header, a byte order mark and empty lines are no tokens", async (t) => {
  const headers = [
    "username,secret",
    "Username,Secret,Algorithm,Digits,Period",
    "\ufeffusername,secret",
    '"username","secret"',
  ];
  for (const text of headers) t.same(parseTokenLine(text, 1), { kind: "nothing" }, text);
  for (const text of ["", "   "]) t.same(parseTokenLine(text, 5), { kind: "nothing" });
  t.match(parseTokenLine(`\ufeffalice,${SECRET}`, 1), { row: { username: "alice" } });
  t.equal(parseTokenLine("username,secret", 2).kind, "bad", "a header stands on top only");
});

t.test("O22: a bad line is refused with its reason", async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["alice", /two columns/],
    [`alice,${SECRET},SHA1,6,30,x`, /6 columns/],
    [`,${SECRET}`, /no user name/],
    [`" ",${SECRET}`, /no user name/],
    [`${"x".repeat(257)},${SECRET}`, /too long/],
    [`al\u0000ice,${SECRET}`, /characters/],
    [`al\ufffdice,${SECRET}`, /characters/],
    ["alice,", /no secret/],
    [`alice,${secretOf(1)}`, /1 byte;/],
    [`alice,${secretOf(15)}`, /15 bytes/],
    [`alice,${secretOf(65)}`, /65 bytes/],
    [`alice,${secretOf(1_024)}`, /1024 bytes/],
    ["alice,0189018901890189018901890189", /not base32/],
    [`alice,${SECRET}A`, /not base32/],
    [`alice,${SECRET.slice(0, -1)}=`, /not base32/],
    [`alice,${SECRET},MD5`, /algorithm/],
    [`alice,${SECRET},SHA--1`, /algorithm/],
    [`alice,${SECRET},,5`, /digits/],
    [`alice,${SECRET},,06`, /digits/],
    [`alice,${SECRET},,,45`, /period/],
    [`alice,"${SECRET}`, /quoted/],
    [`al"ice,${SECRET}`, /quote/],
  ];
  for (const [line, problem] of cases) {
    const parsed = parseTokenLine(line, 7);
    t.match(parsed, { kind: "bad", problem }, line.slice(0, 60));
    t.notMatch(JSON.stringify(parsed), "GEZD");
  }
});

t.test("any line is a row, nothing, or bad without its words", async (t) => {
  const field = fc.oneof(fc.string(), fc.constantFrom(SECRET, "alice", "SHA1", "6", "30", '"'));
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const parsed = parseTokenLine(fields.join(","), 2);
      return parsed.kind !== "bad" || !parsed.problem.includes(SECRET);
    }),
  );
  t.pass();
});
