// JSON from strangers (RFC 8259). Invariants: a name stands in an object once, so that no two readers
// can see two different values; strings are text in UTF-8; nesting is bounded; nothing can reach a
// prototype.

const DEPTH_MAX = 16;
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
// Strings as they stand, and the characters that give JSON its structure; the rest can't matter.
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

// Other octets would be taken for U+FFFD, and two passwords for one (RFC 8259 §8.1).
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws SyntaxError, which repeats nothing of the text. */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
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
    } else if (token.includes("\\u")) {
      checkCharacters(String(JSON.parse(token)));
    }
    last = token;
  }
}

/** Half of a surrogate pair is no character, and becomes U+FFFD too (RFC 8259 §8.2). */
function checkCharacters(written: string): void {
  if (!written.isWellFormed()) throw new SyntaxError("half of a character");
}

function addName(names: Set<string> | undefined, name: string): void {
  if (FORBIDDEN.has(name)) throw new SyntaxError("a name that isn't taken");
  if (names?.has(name) === true) throw new SyntaxError("a name stands twice in one object");
  names?.add(name);
}
