// Progress: silent for short jobs, a bar on a terminal, lines elsewhere.

import { PassThrough } from "node:stream";
import t from "tap";

import { showProgress } from "../../src/commands/progress.ts";
import { fakeClock } from "../support/clock.ts";

function stream(isTTY: boolean): { output: PassThrough & { isTTY: boolean }; said(): string } {
  const output = Object.assign(new PassThrough(), { isTTY });
  const said = (): string => {
    let text = "";
    for (let part: unknown = output.read(); part !== null; part = output.read())
      text += String(part);
    return text;
  };
  return { output, said };
}

t.test("a job of less than a second says nothing", async (t) => {
  for (const isTTY of [true, false]) {
    const clock = fakeClock();
    const { output, said } = stream(isTTY);
    const progress = showProgress(output, clock, "rows");
    clock.advance(999);
    progress.update(500, 0.5);
    progress.end();
    t.equal(said(), "");
  }
});

t.test("a terminal gets one line that is drawn again and taken away", async (t) => {
  const clock = fakeClock();
  const { output, said } = stream(true);
  const progress = showProgress(output, clock, "rows");
  clock.advance(1_000);
  progress.update(12_000, 0.5);
  t.equal(said(), "\r\u001b[2K[============            ] 50%  12,000 rows  12,000/s");
  progress.update(12_001, 0.5);
  t.equal(said(), "", "not more often than ten times a second");
  progress.end();
  t.equal(said(), "\r\u001b[2K");
});

t.test("of a job whose length nobody knows only the count is told", async (t) => {
  const clock = fakeClock();
  const { output, said } = stream(true);
  const progress = showProgress(output, clock, "rows");
  clock.advance(2_000);
  progress.update(12_000, undefined);
  t.equal(said(), "\r\u001b[2K12,000 rows  6,000/s");
});

t.test("a file gets plain lines, at most one a second", async (t) => {
  const clock = fakeClock();
  const { output, said } = stream(false);
  const progress = showProgress(output, clock, "rows");
  for (let tenth = 1; tenth <= 25; tenth++) {
    clock.advance(100);
    progress.update(tenth * 1_000, tenth / 25);
  }
  progress.end();
  t.equal(said(), "40%  10,000 rows  10,000/s\n80%  20,000 rows  10,000/s\n");
});
