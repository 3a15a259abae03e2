// One client's connection as a state table: what comes in, from either side, gives a list of actions.
// Invariant: no sockets and no waiting in here; whoever owns those calls one method for each thing
// that happens and carries out what it returns, in order, before the next.

import type { Action, BindOutcome, PasswordChangeOutcome } from "./action.ts";
import { ClientSession } from "./client-session.ts";
import type { ListenerRules, SessionEnding, SessionLimits } from "./rules.ts";

/**
 * draining and deciding are both "a Bind is being processed" (RFC 4511 §4.2.1): first what is
 * outstanding is waited for, then the decision. In both, and while a change of a password is asked
 * about, what else the client sends waits.
 */
export type SessionState =
  | "unbound"
  | "draining"
  | "deciding"
  | "bound"
  | "starting-tls"
  | "closed";

export interface SessionOptions {
  readonly rules: ListenerRules;
  /** The connection began with a handshake. */
  readonly isTls: boolean;
  readonly limits?: Partial<SessionLimits>;
}

export interface Session {
  readonly state: SessionState;
  readonly isTls: boolean;
  /** False: read nothing more from the client until an event makes it true again. */
  readonly isReading: boolean;
  /** For the client's framer: grows with a bind. */
  readonly messageBytesMax: number;
  /** Octets of requests that wait for a Bind. */
  readonly waitingBytes: number;
  /** Requests whose final answer is still to come: while there are any, it isn't idle. */
  readonly outstanding: number;

  /** One whole message. `message` isn't copied: it must never be written to again. */
  fromClient(message: Buffer): readonly Action[];
  /** One whole message of this session's upstream connection; it isn't copied either. */
  fromUpstream(message: Buffer): readonly Action[];
  /** `help`: words for somebody who is refused. */
  bindDecided(outcome: BindOutcome, help?: string): readonly Action[];
  passwordChangeDecided(outcome: PasswordChangeOutcome): readonly Action[];
  /** A Bind has waited long enough for outstanding operations: they are abandoned. */
  drainExpired(): readonly Action[];
  /** The handshake that `start-tls` asked for is done. */
  tlsStarted(): readonly Action[];
  /** Its upstream connection ended, broke the protocol or can't be had. */
  upstreamLost(): readonly Action[];
  /** The client's side is closed; nothing can be sent. */
  clientGone(): readonly Action[];
  /** Ends it from our side, with a Notice of Disconnection. */
  end(ending: SessionEnding): readonly Action[];
}

export function createSession(options: SessionOptions): Session {
  return new ClientSession(options);
}
