// Which of a few known words somebody meant who mistyped one.
// Invariant: a guess is offered only if at most a third of the word would have to change.

const WORD_CHARS_MAX = 64;

/** The nearest of `known`, whatever the case; undefined when none is near. */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_CHARS_MAX) return undefined;
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3) + 1);
  for (const candidate of known) {
    const edits = countEdits(word.toLowerCase(), candidate.toLowerCase());
    if (edits >= fewest) continue;
    fewest = edits;
    best = candidate;
  }
  return best;
}

/** Damerau's distance: two neighbours in the wrong order are one slip. A row of the table at a time. */
function countEdits(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 0; line < from.length; line++) {
    const next = [line + 1];
    for (let column = 1; column <= to.length; column++) {
      const kept = at(row, column - 1) + (to[column - 1] === from[line] ? 0 : 1);
      const isSwapped = from[line] === to[column - 2] && from[line - 1] === to[column - 1];
      const swapped = isSwapped ? at(before, column - 2) + 1 : Infinity;
      next.push(Math.min(kept, swapped, at(row, column) + 1, at(next, column - 1) + 1));
    }
    before = row;
    row = next;
  }
  return at(row, to.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Infinity;
