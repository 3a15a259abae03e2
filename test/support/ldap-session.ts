// A session of the LDAP door without sockets: its client's stream through the real framer, a
// directory that says what the test wants, and everything that was done written down as words.

import { Secret } from "../../src/lib/secret.ts";
import type { Action, BindAttempt, PasswordChange } from "../../src/doors/ldap/action.ts";
import type { ListenerRules } from "../../src/doors/ldap/rules.ts";
import { createSession, type Session, type SessionOptions } from "../../src/doors/ldap/session.ts";
import { WireError } from "../../src/wire/error.ts";
import { peekEnvelope } from "../../src/wire/ldap/envelope.ts";
import { createFramer, type Framer } from "../../src/wire/ldap/frame.ts";
import { OPERATION, OPERATION_NAMES, responseTo } from "../../src/wire/ldap/operation.ts";
import { encodeResult } from "../../src/wire/ldap/response.ts";
import { bindRequest, readResponse } from "./ldap-requests.ts";

export const BOB = "uid=bob,dc=example,dc=com";

/** Everything is allowed, passwords may come in the clear. */
export const OPEN: ListenerRules = {
  tls: "none",
  operations: new Set(OPERATION_NAMES),
  referrals: "drop",
};

/** What a listener allows if nothing else is said. */
export const STANDARD: ListenerRules = {
  tls: "implicit",
  operations: new Set(["search", "compare", "whoami", "cancel"]),
  referrals: "drop",
};

const KINDS = new Map<number, string>(
  Object.entries(OPERATION).map(([name, tag]) => [tag, name.replace(/Request$/, "")]),
);

export class SessionPeer {
  readonly session: Session;
  readonly framer: Framer;
  /** What was done, in order. */
  readonly events: string[] = [];
  readonly toClient: Buffer[] = [];
  readonly toUpstream: Buffer[] = [];
  bind: BindAttempt | undefined;
  change: PasswordChange | undefined;
  /** Whether whatever reaches the directory is answered with success at once. */
  isAnswering = true;
  /** Whether a Bind is decided at once: bob's is right with "hello". */
  isDeciding = true;
  /** Whether a change of a password is accepted at once. */
  isAccepting = false;
  /** It has sent a whole message. */
  #hasSpoken = false;

  constructor(rules: ListenerRules = OPEN, options: Partial<SessionOptions> = {}) {
    this.session = createSession({ rules, isTls: rules.tls === "implicit", ...options });
    this.framer = createFramer(this.session.messageBytesMax);
  }

  /** A session on which bob is bound. */
  static bound(rules?: ListenerRules, options?: Partial<SessionOptions>): SessionPeer {
    const peer = new SessionPeer(rules, options);
    peer.client(bindRequest(1, BOB, "hello"));
    if (peer.session.state !== "bound") throw new Error(peer.events.join(", "));
    peer.forget();
    return peer;
  }

  /** What happened from here on. */
  forget(): void {
    this.events.length = 0;
    this.toClient.length = 0;
    this.toUpstream.length = 0;
  }

  /** Feeds the client's stream; what it gives is returned. */
  client(stream: Buffer, chunkBytes = Math.max(1, stream.length)): string[] {
    const from = this.events.length;
    for (let at = 0; at < stream.length; at += chunkBytes) {
      this.framer.messageBytesMax = this.session.messageBytesMax;
      try {
        this.framer.push(stream.subarray(at, at + chunkBytes), (message) => {
          this.#hasSpoken = true;
          this.do(this.session.fromClient(message));
        });
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.do(this.session.end(this.#hasSpoken ? "broken-message" : "not-ldap"));
      }
      if (this.session.state === "closed") break;
    }
    return this.events.slice(from);
  }

  upstream(message: Buffer): string[] {
    const from = this.events.length;
    this.do(this.session.fromUpstream(message));
    return this.events.slice(from);
  }

  /** Carries out actions, or what some event gave. */
  do(actions: readonly Action[]): string[] {
    const from = this.events.length;
    for (const action of actions) this.#perform(action);
    return this.events.slice(from);
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case "to-client": {
        this.toClient.push(action.bytes);
        const { id, kind, resultCode } = readResponse(action.bytes);
        const name = id === 0 ? "notice" : `${kind} ${id}`;
        this.events.push(resultCode === -1 ? name : `${name}: ${resultCode}`);
        return;
      }
      case "to-upstream":
        this.toUpstream.push(action.bytes);
        this.#reach(action.bytes);
        return;
      case "ask-bind":
        this.events.push(`ask ${action.bind.name}`);
        this.bind = action.bind;
        if (this.isDeciding) this.#decide(action.bind);
        return;
      case "ask-password-change":
        this.events.push(`ask change of ${action.change.person ?? "own"}`);
        this.change = action.change;
        if (this.isAccepting) {
          const { oldPassword } = action.change;
          this.do(this.session.passwordChangeDecided({ kind: "accepted", oldPassword }));
        }
        return;
      case "refused":
        this.events.push(`refused ${action.refusal}`);
        return;
      case "release-upstream":
        this.events.push(`release ${action.isAnonymous ? "anonymous" : "identified"}`);
        return;
      case "close":
        this.events.push(`close ${action.ending}`);
        return;
      case "bind-answered":
        // What asked is here.
        return;
      default:
        this.events.push(action.kind);
    }
  }

  #reach(bytes: Buffer): void {
    const { id, tag } = peekEnvelope(bytes);
    this.events.push(`up ${KINDS.get(tag)} ${id}`);
    const isAnswered = responseTo(tag) !== undefined;
    if (this.isAnswering && isAnswered) this.upstream(encodeResult(id, tag, 0, ""));
  }

  #decide(bind: BindAttempt): void {
    const isRight = bind.credentials.equals(Secret.of("hello"));
    const bytes = bind.rewrite(BOB, isRight ? bind.credentials : Secret.of("wrong"));
    if (bytes === undefined) return;
    this.toUpstream.push(bytes);
    const { id, tag } = peekEnvelope(bytes);
    this.do(this.session.fromUpstream(encodeResult(id, tag, isRight ? 0 : 49, "")));
    this.do(this.session.bindDecided(isRight ? "accepted" : "refused"));
  }
}
