// Moments and spans of time as people read them in a mail. Who reads it may be anywhere: UTC, and said.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const MOMENT = new Intl.DateTimeFormat("en-GB", {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZone: "UTC",
});

/** "Wednesday 2 December 2026, 14:05 UTC". */
export function momentText(ms: number): string {
  const parts = new Map(MOMENT.formatToParts(ms).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? "";
  const day = `${part("weekday")} ${part("day")} ${part("month")} ${part("year")}`;
  return `${day}, ${part("hour")}:${part("minute")} UTC`;
}

/** "7 days", "23 hours", "40 minutes": rounded, so that a mail sent a moment later says the same. */
export function spanText(ms: number): string {
  const hours = Math.round(ms / HOUR_MS);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  if (hours >= 2) return `${hours} hours`;
  const minutes = Math.max(1, Math.round(ms / MINUTE_MS));
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}
