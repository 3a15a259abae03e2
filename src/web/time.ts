// Moments and durations as people say them; the exact time stands behind each.

import { html, type Html } from "./html.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UNITS = [
  ["day", DAY_MS],
  ["hour", HOUR_MS],
  ["minute", MINUTE_MS],
] as const;

/** `at` as seen from `now`, both ms UTC: "3 hours ago". The script adds the local time. */
export function timeHtml(language: string, at: number, now: number): Html {
  const iso = new Date(at).toISOString();
  const exact = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}" title="${exact}">${agoText(language, at, now)}</time>`;
}

export function agoText(language: string, at: number, now: number): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, ms] of UNITS) {
    const count = Math.trunc((at - now) / ms);
    if (count !== 0) return words.format(count, unit);
  }
  return words.format(0, "minute");
}

/** Begun days until `until`; 0 once it is over. */
export function daysLeft(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / DAY_MS));
}
