// `gatehouse token import`: a file of tokens, streamed to the gateway a slice at a time.
// Invariant: every line is either imported or told on stderr with its number and the reason.

import type { Operations } from "../doors/control/client.ts";
import { IMPORT_ROWS_MAX, tokenImport } from "../doors/control/operations.ts";
import type { TokenRow } from "../doors/control/views.ts";
import type { Line } from "../lib/lines.ts";
import { normaliseUsername } from "../lib/username.ts";
import {
  defineCommand,
  DIRECTORY_OPTION,
  directoryOf,
  GENERAL,
  JSON_OPTION,
  withOperations,
  type Input,
  type Options,
} from "./command.ts";
import { Failure } from "./failure.ts";
import { showProgress } from "./progress.ts";
import { readLines } from "./read-lines.ts";
import { parseTokenLine } from "./token-file.ts";
import { countWords, plural, writeJson } from "./words.ts";

// The longest line that can be right has about 400 characters; the rest is room for a good reason.
const LINE_BYTES_MAX = 8_192;
// Bounds the names kept to find repetitions: about 100 MB.
const LINES_MAX = 1_000_000;

export const command = defineCommand({
  usage: "token import FILE.csv",
  about: `Imports tokens from lines of username,secret[,algorithm[,digits[,period]]].
Good lines are imported even if others are not. FILE - reads standard input.`,
  example: "token import tokens.csv --dry-run",
  words: [1, 1],
  options: {
    replace: { type: "boolean", help: "replace the tokens people have" },
    "dry-run": { type: "boolean", help: "check everything, change nothing" },
    ...DIRECTORY_OPTION,
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const [file = "-"] = input.positionals;
    const job: Job = {
      input,
      file,
      settings: {
        replace: values.replace === true,
        dryRun: values["dry-run"] === true,
        ...directoryOf(values),
      },
      refused: [],
      imported: 0,
    };
    await withOperations(input, (operations) => importFile(job, operations));
    if (values.json === true) {
      const { imported, refused, settings } = job;
      writeJson(io.stdout, { imported, refused, dryRun: settings.dryRun });
    } else {
      io.stdout.write(summary(job));
    }
    return job.refused.length === 0 ? 0 : 1;
  },
});

interface Job {
  readonly input: Input<Options>;
  readonly file: string;
  readonly settings: { replace: boolean; dryRun: boolean; directory?: string };
  readonly refused: { line: number; problem: string }[];
  imported: number;
}

async function importFile(job: Job, operations: Operations): Promise<void> {
  const { io } = job.input;
  const progress = showProgress(io.stderr, io.clock, "lines");
  const send = async (rows: TokenRow[]): Promise<void> => {
    const done = await operations.run(tokenImport, { ...job.settings, rows });
    job.imported += done.imported;
    for (const { line, problem } of done.problems) refuse(job, line, problem);
  };
  // Two slices under way: one is written to the disk while the next is read and parsed.
  let before: Promise<void> = Promise.resolve();
  try {
    for await (const { rows, lines, fraction } of slices(job)) {
      await before;
      before = send(rows);
      // Awaited above or below; said here so that a failure meanwhile isn't called unhandled.
      before.catch(() => undefined);
      progress.update(lines, fraction);
    }
    await before;
  } catch (error) {
    progress.end();
    if (job.imported > 0) {
      io.stderr.write(`${plural(job.imported, "token was", "tokens were")} imported before this\n`);
    }
    throw error;
  }
  progress.end();
}

interface Slice {
  readonly rows: TokenRow[];
  /** Lines read so far, and how much of the file that is, if its size is known. */
  readonly lines: number;
  readonly fraction: number | undefined;
}

async function* slices(job: Job): AsyncGenerator<Slice> {
  const names = new Map<string, number>();
  let rows: TokenRow[] = [];
  let lines = 0;
  for await (const { line, fraction } of readLines(job.input.io, job.file, LINE_BYTES_MAX)) {
    lines += 1;
    const row = rowOf(job, line, lines, names);
    if (row !== undefined) rows.push(row);
    if (rows.length < IMPORT_ROWS_MAX) continue;
    yield { rows, lines, fraction };
    rows = [];
  }
  if (rows.length > 0) yield { rows, lines, fraction: 1 };
}

function rowOf(
  job: Job,
  line: Line,
  number: number,
  names: Map<string, number>,
): TokenRow | undefined {
  if (number > LINES_MAX) {
    throw new Failure(1, `${job.file} has more than ${countWords(LINES_MAX)} lines`, "split it");
  }
  if (line.kind === "too-long") return refuse(job, number, "the line is too long");
  const parsed = parseTokenLine(line.text, number);
  if (parsed.kind === "nothing") return undefined;
  if (parsed.kind === "bad") return refuse(job, number, parsed.problem);
  const name = normaliseUsername(parsed.row.username);
  const first = names.get(name);
  if (first !== undefined) return refuse(job, number, `the same name as line ${first}`);
  names.set(name, number);
  return parsed.row;
}

function refuse(job: Job, line: number, problem: string): undefined {
  job.refused.push({ line, problem });
  job.input.io.stderr.write(`${job.file}:${line}: ${problem}\n`);
}

function summary({ imported, refused, settings }: Job): string {
  const done = `${plural(imported, "token")} ${settings.dryRun ? "would be imported" : "imported"}`;
  if (refused.length === 0) return `${done}.\n`;
  return `${done}, ${plural(refused.length, "line")} refused (see above).\n`;
}
