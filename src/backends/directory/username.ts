// The name somebody typed, and the part of it that this directory knows people by.
// Invariant: only a domain on the list is taken off; everything else stays part of the name.

/** RFC 2865 §5.1: a User-Name fits into one attribute. */
const USERNAME_BYTES_MAX = 253;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * `name@domain` and `DOMAIN\name` lose a domain of `domains` (lower case); undefined for what no
 * directory should be asked about.
 */
export function localName(typed: string, domains: ReadonlySet<string>): string | undefined {
  if (Buffer.byteLength(typed, "utf8") > USERNAME_BYTES_MAX) return undefined;
  if (CONTROL.test(typed) || !typed.isWellFormed()) return undefined;
  const local = stripDomain(typed, domains);
  return local.trim() === "" ? undefined : local;
}

function stripDomain(typed: string, domains: ReadonlySet<string>): string {
  const backslash = typed.indexOf("\\");
  if (backslash !== -1 && domains.has(typed.slice(0, backslash).toLowerCase())) {
    return typed.slice(backslash + 1);
  }
  const at = typed.lastIndexOf("@");
  if (at !== -1 && domains.has(typed.slice(at + 1).toLowerCase())) return typed.slice(0, at);
  return typed;
}
