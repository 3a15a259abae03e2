// The reference system's search terms over events, as a function of one event. Invariant: a term is data
// of bounded size; no part of it is ever run, and what isn't known is refused rather than ignored.

import type { AuditEvent } from "../../../core/audit.ts";
import { ApiError } from "./route.ts";

export type EventTest = (event: AuditEvent) => boolean;

const TERMS_MAX = 50;
const VALUES_MAX = 100;
const FIELD = /^[a-z_]+(\.[a-z_]+){0,4}$/i;
/** As the reference system: too large or too loose to search. */
const UNSEARCHABLE: ReadonlySet<string> = new Set(["changes", "useragent", "system_timestamp"]);

type Comparison = (found: string, wanted: readonly string[]) => boolean;

const first =
  (compare: (found: string, wanted: string) => boolean): Comparison =>
  (found, [wanted = ""]) =>
    compare(found, wanted);

const OPERATORS: Readonly<Record<string, Comparison>> = {
  eq: first((found, wanted) => found === wanted),
  ne: first((found, wanted) => found !== wanted),
  contains: first((found, wanted) => found.includes(wanted)),
  startsWith: first((found, wanted) => found.startsWith(wanted)),
  endsWith: first((found, wanted) => found.endsWith(wanted)),
  in: (found, wanted) => wanted.includes(found),
  not_in: (found, wanted) => !wanted.includes(found),
};

/** Throws ApiError for a term that isn't understood. */
export function parseSearchTerm(term: unknown): EventTest {
  let terms = 0;
  const count = (): void => {
    terms += 1;
    if (terms > TERMS_MAX) throw misfit(`has more than ${TERMS_MAX} terms`);
  };

  function parse(value: unknown): EventTest {
    count();
    if (!isObject(value)) throw misfit("has to be an object");
    if ("operator" in value) return parseOperator(value);
    const tests = Object.entries(value).map(([name, inner]) => {
      if (name === "and" || name === "or") return parseGroup(name, inner);
      count();
      return parseField(name, inner);
    });
    return (event) => tests.every((test) => test(event));
  }

  function parseGroup(name: "and" | "or", inner: unknown): EventTest {
    if (!Array.isArray(inner) || inner.length === 0) throw misfit(`${name} has to be a list`);
    const tests = inner.map(parse);
    if (name === "and") return (event) => tests.every((test) => test(event));
    return (event) => tests.some((test) => test(event));
  }

  return parse(term);
}

function parseOperator(value: Readonly<Record<string, unknown>>): EventTest {
  const { field, operator, value: wanted, ...rest } = value;
  if (typeof field !== "string" || typeof operator !== "string" || Object.keys(rest).length > 0) {
    throw misfit("an operator has field, operator and value");
  }
  return compareWith(field, operator, wanted);
}

/** A value, a list of them, or `{ "$in": […] }` as hardening guides write it. */
function parseField(field: string, wanted: unknown): EventTest {
  if (isObject(wanted)) {
    const [only, second] = Object.entries(wanted);
    if (only === undefined || second !== undefined) throw misfit(`${field} needs one operator`);
    const [operator, value] = only;
    return compareWith(field, operator.replace(/^\$/, ""), value);
  }
  return compareWith(field, Array.isArray(wanted) ? "in" : "eq", wanted);
}

function compareWith(field: string, operator: string, wanted: unknown): EventTest {
  const compare = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (compare === undefined) {
    throw misfit(`knows the operators ${Object.keys(OPERATORS).join(", ")}`);
  }
  const [root = ""] = field.split(".");
  if (!FIELD.test(field) || UNSEARCHABLE.has(root))
    throw misfit("has a field that can't be searched");
  const values = (Array.isArray(wanted) ? wanted : [wanted]).map(textOf);
  if (values.length > VALUES_MAX) throw misfit(`has more than ${VALUES_MAX} values`);
  const path = field.split(".");
  return (event) => {
    return compare(valueAt(event, path), values);
  };
}

function textOf(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return String(value).toLowerCase().slice(0, 256);
  }
  throw misfit("compares with text, numbers, true and false");
}

/** In lower case; "" for what isn't there. */
function valueAt(event: AuditEvent, path: readonly string[]): string {
  let value: unknown = event;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return "";
    value = value[name];
  }
  const isPlain = ["string", "number", "boolean"].includes(typeof value);
  return isPlain ? `${value as string | number | boolean}`.toLowerCase() : "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function misfit(what: string): ApiError {
  return new ApiError(400, `body.search_term: ${what}`);
}
