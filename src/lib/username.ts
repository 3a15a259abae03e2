// When two user names are the same name: case, width and spacing don't tell people apart.

/**
 * The form under which names are compared and stored, never the one that is shown. As directories
 * compare them (RFC 4518 §2: NFKC, case folded, spaces trimmed and run together).
 */
export function normaliseUsername(username: string): string {
  return username.normalize("NFKC").toLowerCase().trim().replaceAll(/\s+/g, " ");
}
