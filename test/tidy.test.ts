// The repository checks itself: who may import whom, who may read the time, how large a file may be.
// Each rule is a function of one file's path and text, and is shown to fire on a bad sample.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

import t from "tap";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface File {
  readonly path: string;
  readonly text: string;
}

function* files(folder: string): Generator<File> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })) {
    const path = relative(ROOT, join(entry.parentPath, entry.name));
    if (entry.isFile() && path.endsWith(".ts"))
      yield { path, text: readFileSync(join(ROOT, path), "utf8") };
  }
}

const MAY_IMPORT: readonly [folder: string, allowed: readonly string[]][] = [
  ["src/lib/", []],
  ["src/core/", ["src/lib/"]],
  ["src/wire/radius/", ["src/lib/", "src/wire/error.ts"]],
  ["src/wire/ldap/", ["src/lib/", "src/wire/error.ts"]],
  ["src/backends/store/", ["src/core/", "src/lib/"]],
  ["src/backends/directory/", ["src/core/", "src/wire/ldap/", "src/wire/error.ts", "src/lib/"]],
  ["src/backends/mail/", ["src/core/", "src/lib/"]],
  ["src/doors/radius/", ["src/core/", "src/wire/radius/", "src/wire/error.ts", "src/lib/"]],
  ["src/doors/ldap/", ["src/core/", "src/wire/ldap/", "src/wire/error.ts", "src/lib/"]],
  ["src/doors/control/", ["src/core/", "src/lib/"]],
  ["src/doors/admin/", ["src/core/", "src/web/", "src/lib/"]],
  ["src/web/", ["src/lib/"]],
  ["src/config/", ["src/core/", "src/wire/", "src/lib/"]],
];

type Rule = (file: File) => string[];

const imports: Rule = ({ path, text }) => {
  const rule = MAY_IMPORT.find(([folder]) => path.startsWith(folder));
  if (rule === undefined) return [];
  const [folder, allowed] = rule;
  const targets = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) =>
    posix.join(posix.dirname(path), match[1] ?? ""),
  );
  return targets.filter((target) => ![folder, ...allowed].some((one) => target.startsWith(one)));
};

/** A pattern that only the named files may hold, below src/. */
function only(pattern: RegExp, ...owners: string[]): Rule {
  return ({ path, text }) => {
    if (!path.startsWith("src/") || owners.some((owner) => path.startsWith(owner))) return [];
    const found = pattern.exec(withoutComments(text));
    return found === null ? [] : [found[0]];
  };
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

const FUNCTION_LINES_MAX = 70;

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Formatted code: a function ends at the next brace that stands as far in as its first line. */
function functionsOf(lines: readonly string[]): Span[] {
  return lines.flatMap((line, from) => {
    const start = /^( *)(?:export )?(?:async )?(?:function\*? |#?\w+\(.*\) ?.*\{$)/.exec(line);
    if (start === null || /^ *(?:if|for|while|switch|return)\b/.test(line)) return [];
    const to = lines.findIndex((one, at) => at > from && one.startsWith(`${start[1]}}`));
    return [{ name: line.trim(), from, to }];
  });
}

// What stands in functions of its own inside is counted there: a factory is read piece by piece.
const functionLength: Rule = ({ path, text }) => {
  if (!path.startsWith("src/")) return [];
  const spans = functionsOf(text.split("\n"));
  return spans.flatMap(({ name, from, to }) => {
    const inner = spans.filter((span) => span.from > from && span.to < to);
    const innerLines = new Set(
      inner.flatMap((span) =>
        Array.from({ length: span.to - span.from }, (_, at) => span.from + at),
      ),
    );
    const length = to - from + 1 - innerLines.size;
    return length > FUNCTION_LINES_MAX ? [`${name} has ${length} lines`] : [];
  });
};

// In pieces, so that this file doesn't hold what it looks for.
const LEFT_OPEN = new RegExp(
  ["TO" + "DO", "FIX" + "ME", "@ts-" + "ignore", "\\bas a" + "ny[;,)\\]]"].join("|"),
);
const KEY = new RegExp("-----BEGIN [A-Z ]*PRIVATE " + "KEY");

const RULES: Readonly<Record<string, { rule: Rule; bad: File }>> = {
  "the import matrix holds": {
    rule: imports,
    bad: { path: "src/core/x.ts", text: 'import { a } from "../wire/radius/packet.ts";' },
  },
  "only lib/clock.ts reads the time": {
    rule: only(/Date\.now\(|new Date\(\)|performance\.now\(/, "src/lib/clock.ts"),
    bad: { path: "src/core/x.ts", text: "const now = Date.now();" },
  },
  "only lib/random.ts draws random bytes": {
    rule: only(
      /import \{[^}]*\brandom(Bytes|Int|UUID)\b[^}]*\} from "node:crypto"|Math\.random/,
      "src/lib/random.ts",
    ),
    bad: { path: "src/core/x.ts", text: "const n = Math.random();" },
  },
  "only config/load.ts reads the environment": {
    rule: only(/process\.env/, "src/config/load.ts", "src/commands/"),
    bad: { path: "src/core/x.ts", text: "const home = process.env.HOME;" },
  },
  "only the store speaks SQL": {
    rule: only(/"(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM) /, "src/backends/store/"),
    bad: { path: "src/core/x.ts", text: 'db.exec("DELETE FROM events");' },
  },
  "only the administrators' door speaks HTTP": {
    rule: only(/from "(fastify|node:https?|@prometheus-io\/client)"/, "src/doors/admin/"),
    bad: { path: "src/core/x.ts", text: 'import { fastify } from "fastify";' },
  },
  "only the mail backend speaks SMTP": {
    rule: only(/from "nodemailer/, "src/backends/mail/"),
    bad: { path: "src/core/x.ts", text: 'import { createTransport } from "nodemailer";' },
  },
  "only core/decide.ts produces an accept": {
    rule: only(/outcome: "accept"(?!;)/, "src/core/decide.ts", "src/core/verdict.ts"),
    bad: { path: "src/core/x.ts", text: 'return { outcome: "accept" };' },
  },
  "a file has at most 400 lines": {
    rule: ({ text }) => (text.split("\n").length > 401 ? ["too long"] : []),
    bad: { path: "src/x.ts", text: "\n".repeat(500) },
  },
  "a function has at most 70 lines": {
    rule: functionLength,
    bad: { path: "src/x.ts", text: `function long(): void {\n${"  f();\n".repeat(80)}}\n` },
  },
  "every source file says first what it owns": {
    rule: ({ path, text }) =>
      path.startsWith("src/") && !/^(#!.*\n)?\/\//.test(text) ? ["no header"] : [],
    bad: { path: "src/x.ts", text: "export const x = 1;" },
  },
  "names say what a thing does": {
    rule: ({ path }) =>
      /(utils?|helpers?|manager|service|processor|common|misc)\.ts$/.exec(path)?.slice(0, 1) ?? [],
    bad: { path: "src/core/utils.ts", text: "" },
  },
  "nothing is left open": {
    rule: ({ text }) => LEFT_OPEN.exec(text)?.slice(0, 1) ?? [],
    bad: { path: "src/x.ts", text: "// TO" + "DO later" },
  },
  "no private key lies in the tree": {
    rule: ({ text }) => KEY.exec(text)?.slice(0, 1) ?? [],
    bad: { path: "test/x.ts", text: "-----BEGIN PRIVATE " + "KEY-----" },
  },
};

const all = ["src", "test", "bench", "certs"].flatMap((folder) => [...files(folder)]);

const folderOf = (path: string): string => posix.dirname(path);
/** Below test/: what isn't about one folder of src/. */
const OF_THEIR_OWN = ["certs", "e2e", "fuzz", "support", "vectors"];

/** Folders of sources without tests, and folders of tests without sources. */
function unmirrored(paths: readonly string[]): string[] {
  const sources = new Set(
    paths
      .filter((path) => path.startsWith("src/"))
      .map((path) => folderOf(path).slice("src".length)),
  );
  const tests = new Set(
    paths
      .filter((path) => path.startsWith("test/") && path.endsWith(".test.ts"))
      .map((path) => folderOf(path).slice("test".length))
      .filter((folder) => !OF_THEIR_OWN.some((own) => folder === `/${own}`)),
  );
  return [...sources.symmetricDifference(tests)];
}

for (const [title, { rule, bad }] of Object.entries(RULES)) {
  t.test(title, async (t) => {
    const found = all.flatMap((file) => rule(file).map((what) => `${file.path}: ${what}`));
    t.same(found, []);
    t.not(rule(bad).length, 0, "and the rule fires on a bad sample");
  });
}

t.test("tests lie where their sources do", async (t) => {
  // Their SQL is run by every test of the store.
  const paths = all.map(({ path }) => path).filter((path) => !path.includes("/migrations/"));
  t.same(unmirrored(paths), []);
  t.same(unmirrored(["src/core/x.ts", "test/cor/x.test.ts"]), ["/core", "/cor"], "the rule fires");
});

/** All that may lie beside the folders. Anything else got in by mistake: profiles have host names in them. */
const TOP = new Set(
  `.ci .dockerignore .gitignore .oxfmtrc.json .oxlintrc.json CHANGELOG.md Dockerfile LICENSE README.md
  bench bin certs config docs knip.json package-lock.json package.json src test tsconfig.json`.split(
    /\s+/,
  ),
);

t.test("nothing lies at the top that doesn't belong there", async (t) => {
  const { stdout, status } = spawnSync("git", ["ls-files", "-z"], { encoding: "utf8", cwd: ROOT });
  t.equal(status, 0);
  const names = stdout.split("\0").map((path) => path.split("/")[0] ?? "");
  t.same(new Set(names.filter((name) => name !== "")), TOP);
});
