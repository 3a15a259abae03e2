// Addresses of mail as they may stand on an envelope and in a header. Invariant: exactly one address of
// plain ASCII, with nothing in it that could end a line, begin another address or a comment.

export interface Mailbox {
  /** For display; "" without one. */
  readonly name: string;
  readonly address: string;
}

// RFC 5321 §4.5.3.1: octets of the part before the @; of a path, which has two brackets around it.
const LOCAL_CHARS_MAX = 64;
const ADDRESS_CHARS_MAX = 254;
const NAME_CHARS_MAX = 128;
// RFC 5322 §3.2.3, dot-atom-text. Quoted local parts exist on paper and in attacks.
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
// RFC 1123 §2.1: letters, digits and inner dashes.
const DOMAIN =
  /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const NAME = /^[^\p{C}\p{Zl}\p{Zp}<>"\\]*$/u;

export function isMailAddress(text: string): boolean {
  const at = text.indexOf("@");
  const local = text.slice(0, Math.max(0, at));
  if (text.length > ADDRESS_CHARS_MAX || local.length > LOCAL_CHARS_MAX) return false;
  return LOCAL.test(local) && DOMAIN.test(text.slice(at + 1));
}

/** `address` or `Name <address>`; undefined for anything else. */
export function parseMailbox(text: string): Mailbox | undefined {
  const [, written = "", inBrackets] = /^([^<>]*)<([^<>]*)>$/.exec(text) ?? [];
  const name = written.trim();
  const address = inBrackets ?? text;
  if (!isMailAddress(address) || name.length > NAME_CHARS_MAX || !NAME.test(written))
    return undefined;
  return { name, address };
}

/** What stands behind the @. */
export function domainOf({ address }: Mailbox): string {
  return address.slice(address.indexOf("@") + 1);
}
