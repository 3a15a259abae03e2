// Reads what a scrape gets, more strictly than Prometheus does: whatever is odd throws.
// https://prometheus.io/docs/instrumenting/exposition_formats (version 0.0.4).

import { spawnSync } from "node:child_process";

export interface Scrape {
  /** "counter", "gauge" or "histogram", by metric. */
  readonly types: ReadonlyMap<string, string>;
  /** By series as it is written: `name{label="value"}`. */
  readonly values: ReadonlyMap<string, number>;
}

const SAMPLE = /^([a-z_][a-z0-9_]*)((?:\{.*\})?) (\S+)$/;
const LABELS = /^\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\}))?)+\}$/;
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram"]);

export function readScrape(text: string): Scrape {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (types.has(name)) throw new Error(`twice: ${line}`);
      current = name;
    } else if (kind === "TYPE") {
      if (name !== current || !TYPES.has(rest)) throw new Error(`misplaced or unknown: ${line}`);
      types.set(name, rest);
    } else {
      const [series, value] = readSample(line, current, types);
      if (values.has(series)) throw new Error(`twice: ${series}`);
      values.set(series, value);
    }
  }
  for (const [name, type] of types) if (type === "histogram") checkHistogram(name, values);
  return { types, values };
}

function readSample(
  line: string,
  current: string,
  types: ReadonlyMap<string, string>,
): [string, number] {
  const [, name = "", labels = "", text = ""] = SAMPLE.exec(line) ?? [];
  const type = types.get(current);
  const isOwn =
    type === "histogram"
      ? [`${current}_bucket`, `${current}_sum`, `${current}_count`].includes(name)
      : name === current;
  const value = Number(text);
  if (!isOwn || (labels !== "" && !LABELS.test(labels)) || Number.isNaN(value)) {
    throw new Error(`no sample of ${current}: ${line}`);
  }
  if (type === "counter" && (value < 0 || !name.endsWith("_total"))) {
    throw new Error(`no counter: ${line}`);
  }
  return [`${name}${labels}`, value];
}

function checkHistogram(name: string, values: ReadonlyMap<string, number>): void {
  const last = new Map<string, { le: number; count: number }>();
  for (const [series, count] of values) {
    if (!series.startsWith(`${name}_bucket{`)) continue;
    const le = /le="([^"]+)"/.exec(series)?.[1] ?? "";
    const others = series
      .replace(/,?le="[^"]+"/, "")
      .replace("{,", "{")
      .slice(`${name}_bucket`.length);
    const bound = le === "+Inf" ? Infinity : Number(le);
    const before = last.get(others) ?? { le: -Infinity, count: 0 };
    if (!(bound > before.le) || count < before.count) throw new Error(`out of order: ${series}`);
    last.set(others, { le: bound, count });
  }
  for (const [others, { le, count }] of last) {
    const labels = others === "{}" ? "" : others;
    const isWhole = le === Infinity && values.get(`${name}_count${labels}`) === count;
    if (!isWhole || !values.has(`${name}_sum${labels}`)) {
      throw new Error(`incomplete: ${name}${labels}`);
    }
  }
}

/** What Prometheus's own tool has against it; "" for nothing. */
export function promtool(text: string, ...args: string[]): string {
  const run = spawnSync("promtool", args, { input: text, encoding: "utf8" });
  if (run.error !== undefined) throw run.error;
  return run.status === 0 ? "" : `${run.stdout}${run.stderr}`;
}

/** The series that differ, and by how much. */
export function moved(before: Scrape, after: Scrape): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [series, value] of after.values) {
    const difference = value - (before.values.get(series) ?? 0);
    if (difference !== 0) found[series] = difference;
  }
  return found;
}
