// The cookie of a session on this listener (RFC 6265). `__Host-` (RFC 6265bis §4.1.3.2): a browser takes
// it only over HTTPS, from this very host, for every path, so that no neighbour can set or read it.

import type { IncomingHttpHeaders } from "node:http";

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";
/** 256 bits, base64url. */
const ID = /^[A-Za-z0-9_-]{43}$/;

export interface SessionCookie {
  /** Values of `set-cookie`. */
  set(id: string): string;
  readonly end: string;
  /** Undefined unless there is exactly one: somebody may have put another beside it. */
  read(headers: IncomingHttpHeaders): string | undefined;
}

/** `name`: what follows `__Host-`; each site has its own. */
export function sessionCookie(name: string): SessionCookie {
  const start = `__Host-${name}=`;
  return {
    set: (id) => `${start}${id}; ${ATTRIBUTES}`,
    end: `${start}; ${ATTRIBUTES}; Max-Age=0`,
    read({ cookie = "" }) {
      const values = cookie
        .split(";")
        .map((pair) => pair.trim())
        .filter((pair) => pair.startsWith(start))
        .map((pair) => pair.slice(start.length));
      const [id, ...more] = values;
      return id !== undefined && more.length === 0 && ID.test(id) ? id : undefined;
    },
  };
}
