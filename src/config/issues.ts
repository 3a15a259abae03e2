// zod's findings in the words of this project: what is wrong, where, and what to write instead.

import type { z } from "zod";

import { findNearest } from "../lib/edit-distance.ts";
import type { Source } from "./document.ts";
import { keysAt } from "./keys.ts";
import { type Path, pathText, type Problem, quote } from "./problem.ts";
import { LATER_KEYS, NOT_BUILT_YET } from "./schema.ts";

const KINDS: Readonly<Record<string, string>> = {
  string: "text (put it in quotes)",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list ([…], or lines that begin with a dash)",
  object: "a mapping (key: value)",
  record: "a mapping (key: value)",
};

/** The sentence for one issue, where the schema has none of its own. */
export const wording: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values
        .map(String)
        .join(", ")
        .replace(/, ([^,]*)$/, " or $1")}`;
    case "too_small":
      return issue.origin === "array" ? "must not be an empty list" : "must not be empty";
    case "too_big":
      return `is too long: at most ${issue.maximum}`;
    default:
      return "is not valid here";
  }
};

/**
 * One problem for each mistake: a mistyped key isn't also reported as the missing one it means,
 * nor is its mapping as a whole. A missing key is placed at the mapping it belongs in.
 */
export function toProblems(issues: readonly z.core.$ZodIssue[], source: Source): Problem[] {
  const explained = new Set<string>();
  const problems: Problem[] = [];
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") continue;
    const path = plainPath(issue);
    explained.add(pathText(path));
    for (const key of issue.keys) {
      const nearest = findNearest(key, keysAt(pattern(path)));
      if (nearest !== undefined) explained.add(pathText([...path, nearest]));
      problems.push(source.place([...path, key], unknownKey(path, key, nearest), "key"));
    }
  }
  for (const issue of issues) {
    if (issue.code === "unrecognized_keys") continue;
    const path = plainPath(issue);
    if (explained.has(pathText(path))) continue;
    const message = isMissing(source.value, path) ? missing(path) : issue.message;
    problems.push(source.place(path, message));
  }
  return problems;
}

function plainPath(issue: z.core.$ZodIssue): Path {
  return issue.path.map((part) => (typeof part === "symbol" ? "" : part));
}

function unknownKey(path: Path, key: string, nearest: string | undefined): string {
  if (LATER_KEYS.has(pattern([...path, key]))) return NOT_BUILT_YET;
  if (nearest !== undefined) return `unknown key (did you mean ${quote(nearest)}?)`;
  return `unknown key; remove it (known here: ${keysAt(pattern(path)).join(", ")})`;
}

/** ["radius", "clients", 0] as "radius.clients[]". */
function pattern(path: Path): string {
  return pathText(path).replaceAll(/\[[0-9]+\]/g, "[]");
}

function isMissing(value: unknown, path: Path): boolean {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, part)) return true;
    inner = Reflect.get(inner, part);
  }
  return path.length > 0 && inner === undefined;
}

function missing(path: Path): string {
  return `missing; add "${path.at(-1) ?? ""}: …" here (docs/configuration.md tells its values)`;
}
