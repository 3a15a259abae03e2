// The session's cookie (RFC 6265). `__Host-`: a browser takes it only over HTTPS, from this very host,
// for every path, so that no neighbour can set or read it.

const NAME = "__Host-gatehouse-admin";
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";

export function sessionCookie(id: string): string {
  return `${NAME}=${id}; ${ATTRIBUTES}`;
}

export function endCookie(): string {
  return `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;
}

/** Undefined without one, or with two: somebody has put another beside it. */
export function readSessionCookie(header: string | undefined): string | undefined {
  const values = (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
    .map((pair) => pair.slice(NAME.length + 1));
  return values.length === 1 ? values[0] : undefined;
}
