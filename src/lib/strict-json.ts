// JSON from strangers (RFC 8259). Invariants: a name stands in an object once, so that no two readers
// can see two different values; nesting is bounded; nothing can reach a prototype.

const DEPTH_MAX = 16;
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
// Strings as they stand, and the characters that give JSON its structure; the rest can't matter.
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Throws SyntaxError, which repeats nothing of the text. */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SyntaxError("not JSON");
  }
  checkNames(text);
  return value;
}

/** Of text that is JSON. */
function checkNames(text: string): void {
  // One for each open bracket: the names so far, or nothing for an array.
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined);
      if (open.length > DEPTH_MAX) throw new SyntaxError(`nested deeper than ${DEPTH_MAX} levels`);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      addName(open.at(-1), String(JSON.parse(last)));
    }
    last = token;
  }
}

function addName(names: Set<string> | undefined, name: string): void {
  if (FORBIDDEN.has(name)) throw new SyntaxError("a name that isn't taken");
  if (names?.has(name) === true) throw new SyntaxError("a name stands twice in one object");
  names?.add(name);
}
