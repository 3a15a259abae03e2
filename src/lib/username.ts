// When two user names are the same name: case, width and spacing don't tell people apart.

const PLAIN = /^[\x21-\x7e]*$/;

/**
 * The form under which names are compared and stored, never the one that is shown. As directories
 * compare them (RFC 4518 §2: NFKC, case folded, spaces trimmed and run together).
 */
export function normaliseUsername(username: string): string {
  // What most names are: nothing to compose, trim or run together.
  if (PLAIN.test(username)) return username.toLowerCase();
  return username.normalize("NFKC").toLowerCase().trim().replaceAll(/\s+/g, " ");
}
