// What a session wants done: a closed list, carried out in order by whoever owns the sockets.
// Invariant: bytes in an action are never written to again, so that they may be sent uncopied.

import type { Secret } from "../../lib/secret.ts";
import type { Refusal, SessionEnding } from "./rules.ts";

export type Action =
  | { readonly kind: "to-client"; readonly bytes: Buffer }
  /** On this session's upstream connection; the first one takes it from the pool. */
  | { readonly kind: "to-upstream"; readonly bytes: Buffer }
  /** `bindDecided` has to follow, however long it takes. */
  | { readonly kind: "ask-bind"; readonly bind: BindAttempt }
  /** The directory's whole answer to the rewritten Bind, for whoever asked for it. */
  | { readonly kind: "bind-answered"; readonly message: Buffer }
  /** `passwordChangeDecided` has to follow. */
  | { readonly kind: "ask-password-change"; readonly change: PasswordChange }
  /** For counters and the audit; the answer is an action of its own. */
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly name?: string }
  /** Begin the handshake once everything before is written; then `tlsStarted`. */
  | { readonly kind: "start-tls" }
  /**
   * Nothing is outstanding on the upstream connection and it may serve others: anybody if
   * `isAnonymous`, else only somebody whose own bind is the next thing it carries.
   */
  | { readonly kind: "release-upstream"; readonly isAnonymous: boolean }
  /** Destroy the upstream connection, if there is one: nobody may use it again. */
  | { readonly kind: "drop-upstream" }
  /** Once everything before is written. Nothing follows. */
  | { readonly kind: "close"; readonly ending: SessionEnding | "unbind" | "client-gone" };

export function toClient(bytes: Buffer): Action {
  return { kind: "to-client", bytes };
}

export function toUpstream(bytes: Buffer): Action {
  return { kind: "to-upstream", bytes };
}

export interface BindAttempt {
  /** A DN, `name@domain` or `DOMAIN\name` as the client wrote it; neither empty nor with a NUL. */
  readonly name: string;
  /** The password field as sent; not empty. */
  readonly credentials: Secret;
  /**
   * The same Bind for the directory: message id, version and controls stay. From here on its
   * answer is expected from upstream. Undefined: the session ended meanwhile. May be called again
   * when the upstream connection was lost before it answered.
   */
  rewrite(dn: string, password: Secret): Buffer | undefined;
}

/** What became of a BindAttempt. */
export type BindOutcome =
  /** Relays the directory's own answer; without one that says success it is a refusal. */
  | "accepted"
  | "refused"
  /** Nothing but a separator and a code. */
  | "empty-password"
  | "unavailable"
  | "busy";

/** A Password Modify, or a Modify or Add of a password attribute, on a bound session. */
export interface PasswordChange {
  /** As the client wrote it; undefined: of the person who is bound. */
  readonly person: string | undefined;
  /** What the client says the password is: an attempt to be counted. Undefined: none was given. */
  readonly oldPassword: Secret | undefined;
}

export type PasswordChangeOutcome =
  /** Goes upstream, with `oldPassword` instead of what was given (a code taken off). */
  | { readonly kind: "accepted"; readonly oldPassword: Secret | undefined }
  | { readonly kind: "refused" | "unavailable" | "busy" };
