// A file of lines, or standard input, read as it comes. Invariant: a line has a bounded length.

import { createReadStream, statSync } from "node:fs";

import { createLineSplitter, type Line } from "../lib/lines.ts";
import type { Io } from "./context.ts";
import { Failure } from "./failure.ts";

interface ReadLine {
  readonly line: Line;
  /** Of the file, how much has been read; undefined when nobody knows its size. */
  readonly fraction: number | undefined;
}

/** `file` "-" is standard input. */
export async function* readLines(
  { stdin }: Pick<Io, "stdin">,
  file: string,
  lineBytesMax: number,
): AsyncGenerator<ReadLine> {
  const splitter = createLineSplitter(lineBytesMax);
  const size = file === "-" ? 0 : sizeOf(file);
  const stream = file === "-" ? stdin : createReadStream(file);
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    const fraction = size === 0 ? undefined : bytes / size;
    for (const line of splitter.push(buffer)) yield { line, fraction };
  }
  for (const line of splitter.end()) yield { line, fraction: 1 };
}

function sizeOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() === true) return found.size;
  throw new Failure(1, `${file}: there is no such file`, "name a file, or - for standard input");
}
