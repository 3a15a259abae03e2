// The documents and the code name the same things, both ways.

import { readFileSync } from "node:fs";

import t from "tap";

import { generateCertificates } from "../certs/certificates.ts";
import { configurationKeys } from "../src/config/keys.ts";
import { ADMIN_FAILURES } from "../src/core/admin-login.ts";
import { ALARMS, EVENT_TYPES } from "../src/core/audit.ts";
import { MAIL_PLACES, MAIL_PROBLEMS, MAIL_TEMPLATES } from "../src/core/mail.ts";
import { EXEMPT_REASONS, REASONS } from "../src/core/verdict.ts";
import { COMMANDS } from "../src/commands/table.ts";
import { PERMISSIONS, permissionsOf, ROLES } from "../src/core/permissions.ts";
import { ROUTES } from "../src/doors/admin/api/table.ts";
import { createExposition } from "../src/doors/admin/exposition.ts";
import { MISSING } from "../src/doors/admin/health.ts";
import { SESSION_ENDS } from "../src/doors/admin/portal/sessions.ts";
import { OUTCOMES } from "../src/doors/admin/login-counts.ts";
import { ALLOWED_CONTROLS } from "../src/doors/ldap/controls.ts";
import { endingNotice, refusalReply } from "../src/doors/ldap/reply.ts";
import { ENDINGS, REFUSALS } from "../src/doors/ldap/rules.ts";
import { DROP_REASONS } from "../src/doors/radius/drop-reasons.ts";
import { TROUBLES } from "../src/doors/ldap/troubles.ts";
import { WIRE_ERROR_CODES } from "../src/wire/error.ts";
import { OPERATION } from "../src/wire/ldap/operation.ts";
import { PASSWORD_ATTRIBUTES } from "../src/wire/ldap/password-attributes.ts";
import { readScrape } from "./support/exposition.ts";
import { makeFolder, yaml } from "./support/configuration.ts";
import { readResponse } from "./support/ldap-requests.ts";
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

t.test("every way a session of the portal ends is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Ends of a session").toSorted(), [...SESSION_ENDS].toSorted());
});

t.test("every alarm is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Alarms").toSorted(), [...ALARMS].toSorted());
});

t.test("every way an administrator's login fails is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Administrators' logins").toSorted(), ADMIN_FAILURES.toSorted());
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

t.test("every reason to give a mail up is documented, and no other", async (t) => {
  t.same(firstColumn(audit, "## Mails").toSorted(), [...MAIL_PROBLEMS].toSorted());
});

t.test("every mail and every place in its text is documented, and no other", async (t) => {
  const text = read("docs/mail.md");
  t.same(firstColumn(text, "## What is sent"), [...MAIL_TEMPLATES]);
  t.same(
    firstColumn(text, "## Texts of your own"),
    MAIL_PLACES.map((place) => `{${place}}`),
  );
});

const ldap = read("docs/ldap-rules.md");

t.test(
  "every refusal of the LDAP door is documented with its result code, and no other",
  async (t) => {
    t.same(firstColumn(ldap, "## Refusals").toSorted(), [...REFUSALS].toSorted());
    for (const refusal of REFUSALS) {
      const { resultCode } = readResponse(refusalReply(1, OPERATION.searchRequest, refusal));
      t.equal(ldap.includes(`| \`${refusal}\` | ${resultCode} |`), true, refusal);
    }
  },
);

t.test(
  "every way an LDAP session ends is documented with its result code, and no other",
  async (t) => {
    t.same(firstColumn(ldap, "## Endings").toSorted(), [...ENDINGS].toSorted());
    for (const ending of ENDINGS) {
      const bytes = endingNotice(ending, true);
      const resultCode = bytes === undefined ? "none" : readResponse(bytes).resultCode;
      t.equal(ldap.includes(`| \`${ending}\` | ${resultCode} |`), true, ending);
    }
  },
);

t.test("every password attribute is documented with its OID, and no other", async (t) => {
  const names = PASSWORD_ATTRIBUTES.map(([name]) => name);
  t.same(firstColumn(ldap, "## Password attributes"), names);
  for (const [name, oid = "none"] of PASSWORD_ATTRIBUTES) {
    t.equal(ldap.includes(`| \`${name}\` | ${oid} |`), true, name);
  }
});

t.test("every control that is passed on is documented, and no other", async (t) => {
  t.same(firstColumn(ldap, "## Controls").toSorted(), [...ALLOWED_CONTROLS].toSorted());
});

t.test("every wire error is documented, and no other", async (t) => {
  const documented = firstColumn(read("docs/architecture.md"), "## Wire errors");
  t.same(documented.toSorted(), [...WIRE_ERROR_CODES].toSorted());
});

t.test("every trouble of an LDAP connection is documented, and no other", async (t) => {
  const documented = firstColumn(read("docs/ldap.md"), "## When nothing comes");
  t.same(documented.toSorted(), [...TROUBLES].toSorted());
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

const administration = read("docs/administration.md");

t.test("every route of the API is documented, and no other", async (t) => {
  const routes = ROUTES.map(({ method, path }) => `${method} ${path}`);
  t.same(firstColumn(administration, "## Paths"), routes);
});

t.test(
  "H16: every permission is documented with the roles that have it, each in a tier",
  async (t) => {
    t.same(firstColumn(administration, "## Roles"), ["tier", ...PERMISSIONS].slice(1));
    const [, section = ""] = administration.split("\n## Roles\n");
    const rows = section.split("\n").filter((line) => line.startsWith("| "));
    const cellsOf = (row: string): string[] =>
      row
        .split("|")
        .slice(3, -1)
        .map((cell) => cell.trim());
    const [heads = "", tiers = "", ...rest] = rows;
    t.same(
      cellsOf(heads),
      ROLES.map((role) => `\`${role}\``),
    );
    t.same(cellsOf(tiers), ["0", "1", "2", "2"]);
    for (const [index, permission] of PERMISSIONS.entries()) {
      const held = ROLES.map((role) => (permissionsOf(role).has(permission) ? "yes" : "—"));
      t.same(cellsOf(rest[index] ?? ""), held, permission);
    }
  },
);

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
  const texts = read("README.md") + read("docs/operations.md") + administration;
  for (const match of texts.matchAll(/^(?:npx )?gatehouse ([a-z]+)(?: ([a-z]+))?/gm)) {
    const [, first = "", second = ""] = match;
    t.equal(names.has(first) || names.has(`${first} ${second}`), true, match[0]);
  }
});

t.test("the portal that its document shows is one", async (t) => {
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  await generateCertificates(folder.path);
  const [, block = ""] = /```yaml\n(admin:\n[^`]*)```/.exec(read("docs/portal.md")) ?? [];
  const loaded = folder.load(yaml({ top: block.replaceAll("certs/server", "server") }));
  t.ok("config" in loaded && loaded.config.admin?.publicUrl !== undefined, block);
  t.same(
    loaded.warnings.map(({ message }) => message),
    [],
  );
});

t.test("every listener that the documents show is one", async (t) => {
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  await generateCertificates(folder.path);
  const texts = read("docs/ldap.md") + read("docs/ldap-recipes.md");
  const blocks = [...texts.matchAll(/```yaml\n(ldap:\n[^`]*)```/g)].map(([, block]) => block ?? "");
  t.equal(blocks.length, 3);
  for (const block of blocks) {
    const here = block.replaceAll("certs/apps", "server");
    t.ok("config" in folder.load(yaml({ top: here })), block);
  }
});
