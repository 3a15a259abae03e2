// The documents and the code name the same things, both ways.

import { readFileSync } from "node:fs";

import t from "tap";

import { configurationKeys } from "../src/config/keys.ts";
import { ALARMS, EVENT_TYPES } from "../src/core/audit.ts";
import { EXEMPT_REASONS, REASONS } from "../src/core/verdict.ts";
import { COMMANDS } from "../src/commands/table.ts";
import { createExposition } from "../src/doors/admin/exposition.ts";
import { MISSING } from "../src/doors/admin/health.ts";
import { OUTCOMES } from "../src/doors/admin/login-counts.ts";
import { DROP_REASONS } from "../src/doors/radius/drop-reasons.ts";
import { WIRE_ERROR_CODES } from "../src/wire/error.ts";
import { readScrape } from "./support/exposition.ts";
import { everyMetric } from "./support/metrics.ts";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** The names in backticks in the first column of tables, from a heading to the next. */
function firstColumn(text: string, heading?: string): string[] {
  const from = heading === undefined ? 0 : text.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`no heading ${heading ?? ""}`);
  const section = heading === undefined ? text : (text.slice(from + 2).split("\n## ")[0] ?? "");
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? "");
}

const audit = read("docs/audit-events.md");

t.test("every event type is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Types").toSorted(), [...EVENT_TYPES].toSorted());
});

t.test("every alarm is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Alarms").toSorted(), [...ALARMS].toSorted());
});

t.test("every reason is documented with its error message, and no other", async (t) => {
  t.same(firstColumn(audit, "## Reasons").toSorted(), Object.keys(REASONS).toSorted());
  for (const [reason, message] of Object.entries(REASONS)) {
    t.equal(audit.includes(`| \`${reason}\` | ${message} |`), true, reason);
  }
});

t.test("every reason for which a packet is dropped is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Dropped packets").toSorted(), Object.keys(DROP_REASONS).toSorted());
});

t.test("every wire error is documented, and no other", async (t) => {
  const documented = firstColumn(read("docs/architecture.md"), "## Wire errors");
  t.same(documented.toSorted(), [...WIRE_ERROR_CODES].toSorted());
});

t.test("every metric is documented with its type and labels, and no other", async (t) => {
  const text = read("docs/metrics.md");
  const rows = [...text.matchAll(/^\| `([^`]+)` +\| (\w+) +\| ([^|]+?) +\|/gm)];
  t.equal(rows.length, firstColumn(text).length, "every row is read");
  const [own = [], ofProcess = []] = [true, false].map((isOwn) =>
    rows.filter(([, name = ""]) => name.startsWith("gatehouse_") === isOwn),
  );
  t.same(
    own
      .map(([, name, kind, labels = ""]) => `${name} ${kind} ${labels.replaceAll("`", "")}`)
      .sort(),
    (await everyMetric(t))
      .map(({ name, kind, labels }) => `${name} ${kind} ${labels.join(", ") || "—"}`)
      .sort(),
  );
  const { types } = readScrape(await createExposition([]).text());
  t.same(
    ofProcess.map(([, name, kind]) => [name, kind]),
    [...types],
  );
});

t.test("every outcome of a login and every reason for no code is documented", async (t) => {
  const text = read("docs/metrics.md");
  for (const word of [...OUTCOMES, ...EXEMPT_REASONS]) t.match(text, `\`${word}\``);
});

t.test("every word of /readyz is documented", async (t) => {
  for (const word of MISSING) t.match(read("docs/operations.md"), `\`${word}\``);
});

t.test("every configuration key is documented", async (t) => {
  const documented = new Set(firstColumn(read("docs/configuration.md")));
  t.same(
    configurationKeys().filter((key) => !documented.has(key)),
    [],
  );
});

t.test("every command that the README and the operations guide name exists", async (t) => {
  const names = new Set(COMMANDS.map((command) => command.name));
  const texts = read("README.md") + read("docs/operations.md");
  for (const match of texts.matchAll(/^(?:npx )?gatehouse ([a-z]+)(?: ([a-z]+))?/gm)) {
    const [, first = "", second = ""] = match;
    t.equal(names.has(first) || names.has(`${first} ${second}`), true, match[0]);
  }
});
