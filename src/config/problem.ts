// A mistake or a warning about the configuration, as a line that an editor can jump to.
// Invariant: the message says what to do and never contains a secret.

export type Path = readonly (string | number)[];

export interface Problem {
  readonly file: string;
  /** Line and column count from 1. */
  readonly line: number;
  readonly column: number;
  /** "radius.clients[0].secret"; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Collects what is found on the way, so that all of it is told at once. */
export interface Report {
  problem(path: Path, message: string): void;
  warning(path: Path, message: string): void;
}

/** `file:line:column path: message`. */
export function describeProblem(problem: Problem): string {
  const { file, line, column, path, message } = problem;
  return `${file}:${line}:${column} ${path === "" ? "" : `${path}: `}${message}`;
}

/** ["radius", "clients", 0, "secret"] as "radius.clients[0].secret". */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += `${text === "" ? "" : "."}${/^[\w.-]{1,64}$/.test(part) ? part : quote(part)}`;
  }
  return text;
}

const QUOTED_CHARS_MAX = 80;

/** What somebody wrote, as it may stand in a message: one line, no control characters, cut. */
export function quote(text: string): string {
  const cut = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  return JSON.stringify(cut).replaceAll(
    /[^\x20-\x7e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
