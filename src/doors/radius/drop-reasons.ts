// Every reason for answering a packet with silence, what to tell the operator about it, and what
// would change it. Silence means "server dead" to a NAS, so there are few reasons.

/** Reason -> the configuration key behind it; {client} stands for the client's name. */
export const DROP_REASONS = {
  "unknown-source": "radius.clients[].addresses",
  "malformed-packet": undefined,
  "unexpected-code": undefined,
  "missing-message-authenticator": "radius.clients[{client}].require_message_authenticator",
  "bad-message-authenticator": "radius.clients[{client}].secret",
  "unsigned-proxy-state": "radius.clients[{client}].limit_proxy_state",
  "duplicate-in-progress": undefined,
  superseded: undefined,
  overload: undefined,
  unavailable: undefined,
  "reply-too-long": "radius.clients[{client}].reply",
  "internal-error": undefined,
} as const;

export type DropReason = keyof typeof DROP_REASONS;

export interface Drop {
  readonly drop: DropReason;
}

/** Happen in every healthy network, or have an event of their own: counted, not reported. */
export const UNREPORTED: ReadonlySet<DropReason> = new Set([
  "duplicate-in-progress",
  "superseded",
  "unavailable",
]);

/** One line for the operator. `client` is the configured name; undefined for a stranger. */
export function dropMessage(reason: DropReason, client: string | undefined): string {
  const key = DROP_REASONS[reason]?.replace("{client}", client ?? "");
  const hint = key === undefined ? "" : `; ${key} decides about this`;
  return `packets dropped: ${reason}${hint} (at most one line a minute)`;
}
