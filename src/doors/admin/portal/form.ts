// What a form holds, strictly. Invariant: each field exactly once, no other, valid UTF-8 without control
// characters; anything else is no form.

/** Octets; a name, a password of 1,024 characters and a code fit in, percent-encoded. */
export const FORM_BYTES_MAX = 16_384;
const VALUE_CHARS_MAX = 1_024;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Undefined for what isn't application/x-www-form-urlencoded (URL §5.1) with just these fields. */
export function readForm<K extends string>(
  body: unknown,
  names: readonly K[],
): Readonly<Record<K, string>> | undefined {
  if (typeof body !== "string") return undefined;
  const fields = new Map<string, string>();
  for (const pair of body.split("&")) {
    const [name, value, ...more] = pair.split("=").map(decode);
    if (name === undefined || value === undefined || more.length > 0) return undefined;
    if (fields.has(name) || value.length > VALUE_CHARS_MAX || CONTROL.test(value)) return undefined;
    fields.set(name, value);
  }
  if (fields.size !== names.length || !names.every((name) => fields.has(name))) return undefined;
  return Object.fromEntries(fields) as Record<K, string>;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
