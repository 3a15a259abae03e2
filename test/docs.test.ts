// The documents and the code name the same things, both ways.

import { readFileSync } from "node:fs";

import t from "tap";

import { configurationKeys } from "../src/config/keys.ts";
import { EVENT_TYPES } from "../src/core/audit.ts";
import { REASONS } from "../src/core/verdict.ts";
import { COMMANDS } from "../src/commands/table.ts";
import { DROP_REASONS } from "../src/doors/radius/drop-reasons.ts";
import { WIRE_ERROR_CODES } from "../src/wire/error.ts";

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
