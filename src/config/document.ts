// The YAML file as a value plus the place of every part of it.
// Invariant: whatever the text, reading it ends in a value or in problems, never in an exception;
// the text is bounded, and so is what aliases can make of it.

import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, YAMLError } from "yaml";

import { type Path, pathText, type Problem } from "./problem.ts";

/** A configuration of thousands of clients fits; a log file named by mistake doesn't. */
export const FILE_BYTES_MAX = 1024 * 1024;
/** Each use of an anchor counts with all it contains: stops "billion laughs". */
const ALIASES_MAX = 100;
const TOO_MANY_ALIASES = "too many aliases: write the values out";
const DEPTH_MAX = 32;

export interface Source {
  readonly value: unknown;
  /** A problem at the value of `path`, or at its key. A missing one is placed where it belongs. */
  place(path: Path, message: string, at?: "key" | "value"): Problem;
}

export type Parsed = { readonly source: Source } | { readonly problems: readonly Problem[] };

/** `file` is the name problems begin with. */
export function parseSource(file: string, bytes: Uint8Array): Parsed {
  const text = decodeText(bytes);
  if (text === undefined) {
    return { problems: [atStart(file, "is not UTF-8 text; save the file as UTF-8")] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    const problems = mistakes.map((mistake) => ({
      ...at(mistake.pos[0]),
      path: "",
      message: explain(mistake, text),
    }));
    return { problems: withoutEchoes(problems) };
  }
  if (depthOf(document.contents, 0) > DEPTH_MAX) {
    return { problems: [atStart(file, `is nested deeper than ${DEPTH_MAX} levels; simplify it`)] };
  }
  const value = toValue(document);
  if ("problem" in value) {
    return { problems: [{ ...at(value.offset), path: "", message: value.problem }] };
  }
  const place: Source["place"] = (path, message, part = "value") => ({
    ...at(findOffset(document, path, part)),
    path: pathText(path),
    message,
  });
  return { source: { value: value.value, place } };
}

/** What can be read of a text with mistakes in it; undefined if that is nothing. */
export function readPartly(bytes: Uint8Array): unknown {
  const text = bytes.length > FILE_BYTES_MAX ? undefined : decodeText(bytes);
  if (text === undefined) return undefined;
  try {
    const value: unknown = parseDocument(text).toJS({ maxAliasCount: ALIASES_MAX });
    return value;
  } catch {
    return undefined;
  }
}

export function atStart(file: string, message: string): Problem {
  return { file, line: 1, column: 1, path: "", message };
}

/** Windows editors put a byte order mark in front: it is skipped. */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function toValue(document: Document): { value: unknown } | Oddity {
  const oddity = findOddity(document);
  if (oddity !== undefined) return oddity;
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { problem: TOO_MANY_ALIASES, offset: 0 };
  }
}

interface Oddity {
  readonly problem: string;
  readonly offset: number;
}

/**
 * What YAML allows and a configuration never means. The parser's own words aren't used: they repeat
 * the alias, which may be a password that begins with an asterisk.
 */
function findOddity(document: Document): Oddity | undefined {
  let found: Oddity | undefined;
  let aliases = 0;
  visit(document, {
    Pair: (_key, { key }) => {
      if (isScalar(key)) return undefined;
      found = { problem: "a key must be plain text", offset: startOf(key) ?? 0 };
      return visit.BREAK;
    },
    Alias: (_key, alias) => {
      aliases++;
      if (aliases <= ALIASES_MAX && alias.resolve(document) !== undefined) return undefined;
      const dangling = "* begins an alias here: put the value in quotes";
      const problem = aliases > ALIASES_MAX ? TOO_MANY_ALIASES : dangling;
      found = { problem, offset: startOf(alias) ?? 0 };
      return visit.BREAK;
    },
  });
  return found;
}

function explain(mistake: YAMLError, text: string): string {
  switch (mistake.code) {
    case "DUPLICATE_KEY": {
      const key = /^[^\s:]{1,64}/.exec(text.slice(mistake.pos[0]))?.[0] ?? "";
      return `duplicate key ${JSON.stringify(key)}: keep one of the two`;
    }
    case "TAB_AS_INDENT":
      return "a tab can't indent YAML: use spaces";
    case "MULTIPLE_DOCS":
      return "more than one document: remove the line --- and what follows it";
    case "RESOURCE_EXHAUSTION":
      return "nested too deeply to be a configuration: simplify it";
    case "TAG_RESOLVE_FAILED":
      return "YAML tags (words beginning with !) have no meaning here: remove it";
    case "BAD_SCALAR_START":
      return "a value can't begin with this character: put the value in quotes";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a second key on the same line: put a value that contains ': ' in quotes";
    default:
      return `not valid YAML: ${mistake.message.slice(0, 200)}; check quotes and indentation`;
  }
}

/** One slip often makes the parser complain again and again about the same line. */
function withoutEchoes(problems: readonly Problem[]): Problem[] {
  const seen = new Set<number>();
  return problems.filter(({ line }) => !seen.has(line) && seen.add(line));
}

function depthOf(node: unknown, depth: number): number {
  if (depth > DEPTH_MAX || !(isMap(node) || isSeq(node))) return depth;
  let deepest = depth;
  for (const item of node.items) {
    const inner = isNode(item) ? item : item !== null && typeof item === "object" && valueOf(item);
    deepest = Math.max(deepest, depthOf(inner, depth + 1));
  }
  return deepest;
}

function valueOf(pair: object): unknown {
  return "value" in pair ? pair.value : undefined;
}

function findOffset(document: Document, path: Path, part: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
      if (pair === undefined) return offset;
      const wantsKey = part === "key" && index === path.length - 1;
      offset = startOf(wantsKey ? pair.key : pair.value) ?? startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
