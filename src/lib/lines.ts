// Cuts a stream of bytes into lines of UTF-8 text, wherever the chunks end.
// Invariant: never holds more than one line and never a line longer than the limit.

export type Line =
  /** Without its line feed; a carriage return before it is dropped. */
  | { readonly kind: "line"; readonly text: string }
  /** The rest of such a line is skipped. */
  | { readonly kind: "too-long" };

export interface LineSplitter {
  push(chunk: Buffer): Line[];
  /** What stands after the last line feed, if anything does. */
  end(): Line[];
}

const LINE_FEED = 10;

export function createLineSplitter(lineBytesMax: number): LineSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isSkipping = false;

  function keep(part: Buffer): void {
    heldBytes += part.length;
    if (heldBytes > lineBytesMax) isSkipping = true;
    if (isSkipping) held = [];
    else held.push(part);
  }

  function take(): Line {
    const line: Line = isSkipping
      ? { kind: "too-long" }
      : { kind: "line", text: Buffer.concat(held).toString("utf8").replace(/\r$/, "") };
    held = [];
    heldBytes = 0;
    isSkipping = false;
    return line;
  }

  return {
    push(chunk) {
      const lines: Line[] = [];
      let from = 0;
      for (;;) {
        const to = chunk.indexOf(LINE_FEED, from);
        if (to === -1) break;
        keep(chunk.subarray(from, to));
        lines.push(take());
        from = to + 1;
      }
      // Copied: the rest of a chunk must not keep the whole chunk alive.
      if (from < chunk.length) keep(Buffer.from(chunk.subarray(from)));
      return lines;
    },
    end: () => (heldBytes === 0 ? [] : [take()]),
  };
}
