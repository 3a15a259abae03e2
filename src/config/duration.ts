// Durations as they are written in the configuration: 500ms, 30s, 10m, 1h, 7d and 0.

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Nine digits are 31 years in seconds, and exact in milliseconds. */
export const DURATION = /^(0|[0-9]{1,9}(ms|s|m|h|d))$/;

/** Milliseconds; undefined if `text` is not a duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  const digits = /^[0-9]+/.exec(text)?.[0] ?? "";
  const unit = UNITS[text.slice(digits.length)] ?? 0;
  return Number(digits) * unit;
}

/** The shortest way to write it: 600000 is "10m". */
export function durationText(ms: number): string {
  if (ms === 0) return "0";
  for (const [unit, size] of Object.entries(UNITS).toReversed()) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
