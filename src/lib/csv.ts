// One line of comma-separated values (RFC 4180). A line break inside quotes is refused, so that a
// forgotten quote spoils its own line and not the rest of the file.

export type CsvFields =
  | { readonly kind: "fields"; readonly fields: readonly string[] }
  | { readonly kind: "malformed"; readonly problem: string };

// A whole field and what follows it. A quoted one may hold commas, and quotes written twice.
const FIELD = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;

/** `line` without its line break; an empty line is one empty field. */
export function parseCsvLine(line: string): CsvFields {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const start = FIELD.lastIndex;
    const match = FIELD.exec(line);
    if (match === null) return malformed(line, start);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    // Without a comma this field ended the line; with one the next turn starts behind it.
    if (match[3] === "") return { kind: "fields", fields };
  }
}

function malformed(line: string, start: number): CsvFields {
  const problem = line.startsWith('"', start)
    ? "a quoted field is not closed, or something follows its closing quote"
    : "a quote stands inside a field that is not quoted";
  return { kind: "malformed", problem };
}
