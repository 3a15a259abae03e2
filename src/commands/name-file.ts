// A file of user names, one a line; empty lines and those that begin with "#" are let pass.
// Invariant: all of it is right before anything is done with a part of it.

import { normaliseUsername } from "../lib/username.ts";
import type { Io } from "./context.ts";
import { Failure } from "./failure.ts";
import { readLines } from "./read-lines.ts";
import { countWords } from "./words.ts";

const USERNAME_CHARS_MAX = 256;
/** The longest name in the widest characters, with room to say that it is too long. */
const LINE_BYTES_MAX = 2_048;
/** About 100 MB of names. */
const NAMES_MAX = 1_000_000;

/** Each name once, in the order of the file; "-" is standard input. Throws Failure. */
export async function readNames(io: Io, file: string): Promise<readonly string[]> {
  const names = new Map<string, string>();
  let number = 0;
  for await (const { line } of readLines(io, file, LINE_BYTES_MAX)) {
    number += 1;
    const name = line.kind === "line" ? line.text.trim() : undefined;
    if (name === undefined || name.length > USERNAME_CHARS_MAX) {
      throw new Failure(1, `${file}:${number}: too long for a user name`);
    }
    if (name === "" || name.startsWith("#")) continue;
    names.set(normaliseUsername(name), name);
    if (names.size > NAMES_MAX) {
      throw new Failure(1, `${file} has more than ${countWords(NAMES_MAX)} names`, "split it");
    }
  }
  return [...names.values()];
}
