// Requests under way and replies already sent, for retransmissions (RFC 5080 §2.2.2).
// Invariant: one request is worked on once, and each copy of it gets the same bytes.

import { ExpiringMap } from "../../lib/expiring-map.ts";

export interface Answer {
  readonly bytes: Buffer;
  /** Monotonic ms; not before. */
  readonly sendAt: number;
}

/** One request under way. */
interface Exchange {
  readonly key: string;
  readonly authenticator: string;
  /** The reply, an octet a character: a tenth of what a Buffer takes. Undefined until it is known. */
  reply: string | undefined;
  sendAt: number;
}

type Begun =
  | { readonly kind: "new"; readonly exchange: Exchange }
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "in-progress" };

export interface Replies {
  /** `key` is all that a retransmission shares but the authenticator; `nowMs` is monotonic. */
  begin(key: string, authenticator: Buffer, nowMs: number): Begun;
  /** False when another request took its place meanwhile: nobody waits for this answer. */
  finish(exchange: Exchange, answer: Answer, nowMs: number): boolean;
  /** Ended without an answer: the next copy is worked on afresh. */
  forget(exchange: Exchange, nowMs: number): void;
}

// RFC 5080 §2.2.2: 5 to 30 seconds; still 5 at 10,000 requests a second. About 250 bytes each.
const LIFETIME_MS = 30_000;
const EXCHANGES_MAX = 50_000;

export function createReplies(): Replies {
  const exchanges = new ExpiringMap<string, Exchange>({
    lifetimeMs: LIFETIME_MS,
    entriesMax: EXCHANGES_MAX,
  });
  return {
    begin(key, authenticator, nowMs) {
      // Copied as text: a view of the datagram would keep all of it alive.
      const text = authenticator.toString("latin1");
      const known = exchanges.find(key, nowMs);
      if (known?.authenticator === text) {
        const { reply, sendAt } = known;
        if (reply === undefined || sendAt > nowMs) return { kind: "in-progress" };
        return { kind: "answered", answer: { bytes: Buffer.from(reply, "latin1"), sendAt } };
      }
      const exchange: Exchange = { key, authenticator: text, reply: undefined, sendAt: 0 };
      exchanges.set(key, exchange, nowMs);
      return { kind: "new", exchange };
    },
    finish(exchange, answer, nowMs) {
      const current = exchanges.find(exchange.key, nowMs);
      if (current !== undefined && current !== exchange) return false;
      exchange.reply = answer.bytes.toString("latin1");
      exchange.sendAt = answer.sendAt;
      exchanges.set(exchange.key, exchange, nowMs);
      return true;
    },
    forget(exchange, nowMs) {
      if (exchanges.find(exchange.key, nowMs) === exchange) exchanges.delete(exchange.key);
    },
  };
}
