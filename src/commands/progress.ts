// How far a long job has come, on stderr: a bar on a terminal, otherwise a line now and then.
// Invariant: nothing at all for a job of less than a second.

import type { Clock } from "../lib/clock.ts";
import type { Output } from "./context.ts";
import { countWords } from "./words.ts";

const FIRST_MS = 1_000;
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 1_000;
const BAR_CHARS = 24;
const ERASE_LINE = "\r\u001b[2K";

export interface Progress {
  /** `fraction`: of the whole job, 0 to 1; undefined when nobody knows how long it is. */
  update(done: number, fraction: number | undefined): void;
  /** Takes the bar away again. */
  end(): void;
}

/** `unit`: what is counted, e.g. "rows". */
export function showProgress(stream: Output, clock: Clock, unit: string): Progress {
  const isTerminal = stream.isTTY === true;
  const startedAt = clock.monotonic();
  let nextAt = startedAt + FIRST_MS;
  let isShown = false;
  return {
    update(done, fraction) {
      const now = clock.monotonic();
      if (now < nextAt) return;
      nextAt = now + (isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS);
      const perSecond = Math.round((done * 1_000) / (now - startedAt));
      const figures = `${countWords(done)} ${unit}  ${countWords(perSecond)}/s`;
      const share = fraction === undefined ? undefined : Math.min(1, fraction);
      stream.write(
        isTerminal ? `${ERASE_LINE}${bar(share)}${figures}` : `${percent(share)}${figures}\n`,
      );
      isShown = isTerminal;
    },
    end() {
      if (isShown) stream.write(ERASE_LINE);
      isShown = false;
    },
  };
}

function bar(share: number | undefined): string {
  if (share === undefined) return "";
  const full = Math.floor(share * BAR_CHARS);
  return `[${"=".repeat(full)}${" ".repeat(BAR_CHARS - full)}] ${percent(share)}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "" : `${Math.floor(share * 100)}%  `;
}
