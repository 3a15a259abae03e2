// The state table behind a session: who is bound, what is outstanding, what has to wait.
// Invariants: nothing throws but an assertion of our own mistakes; a success of a Bind leaves only
// with the directory's own answer to that very Bind; whoever fails one is nobody on both sides.

import type { Secret } from "../../lib/secret.ts";
import { WireError } from "../../wire/error.ts";
import { type Envelope, peekEnvelope } from "../../wire/ldap/envelope.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { EXTENDED, OPERATION, responseTo } from "../../wire/ldap/operation.ts";
import { decodeAbandon } from "../../wire/ldap/request.ts";
import {
  encodeAnonymousIdentity,
  encodeExtendedResult,
  encodeResult,
} from "../../wire/ldap/response.ts";
import {
  type Action,
  type BindOutcome,
  type PasswordChangeOutcome,
  toClient,
  toUpstream,
} from "./action.ts";
import { type BindJudgement, judgeBind } from "./bind.ts";
import { BindInProgress } from "./bind-progress.ts";
import { judgeControls, keepControls } from "./controls.ts";
import { Lease } from "./lease.ts";
import { type PasswordChangeRequest, withOldPassword } from "./password-change.ts";
import { judge, type Situation } from "./policy.ts";
import { isHarmless, relay } from "./relay.ts";
import { endingNotice, outcomeReply, refuse, unavailableReply } from "./reply.ts";
import type { ListenerRules, SessionEnding, SessionLimits } from "./rules.ts";
import type { Session, SessionOptions, SessionState } from "./session.ts";
import { Waiting } from "./waiting.ts";

/** OpenLDAP's limits of a message, before and after a bind. */
const LIMITS: SessionLimits = {
  outstandingMax: 256,
  unboundMessageBytesMax: 262_143,
  boundMessageBytesMax: 4_194_303,
  waitingBytesMax: 262_144,
};
/** While operations are drained an Abandon must still be seen, but not much else. */
const WAITING_READ_BYTES_MAX = 16_384;

const NOTHING: readonly Action[] = [];

export class ClientSession implements Session {
  #state: SessionState = "unbound";
  #isTls: boolean;
  readonly #rules: ListenerRules;
  readonly #limits: SessionLimits;
  readonly #lease = new Lease();
  #bind: BindInProgress | undefined;
  #change: PasswordChangeRequest | undefined;
  /** What came behind a Bind, or behind a change that is asked about. */
  readonly #waiting: Waiting;

  constructor({ rules, isTls, limits }: SessionOptions) {
    this.#rules = rules;
    this.#isTls = isTls;
    this.#limits = { ...LIMITS, ...limits };
    this.#waiting = new Waiting(this.#limits.waitingBytesMax);
  }

  get state(): SessionState {
    return this.#state;
  }

  get isTls(): boolean {
    return this.#isTls;
  }

  get isReading(): boolean {
    if (this.#state === "draining") return this.#waiting.bytes < WAITING_READ_BYTES_MAX;
    return this.#isFree;
  }

  get messageBytesMax(): number {
    const isBound = this.#state === "bound" || this.#bind?.wasBound === true;
    return isBound ? this.#limits.boundMessageBytesMax : this.#limits.unboundMessageBytesMax;
  }

  get waitingBytes(): number {
    return this.#waiting.bytes;
  }

  get outstanding(): number {
    return this.#lease.outstanding;
  }

  fromClient(message: Buffer): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    // RFC 4511 §4.14.1: what comes in the clear behind StartTLS is never taken for a request.
    if (this.#state === "starting-tls") return this.#close("broken-message");
    return this.#run(() => (this.#isFree ? this.#take(message) : this.#wait(message)));
  }

  fromUpstream(message: Buffer): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    return this.#run(() => {
      try {
        return this.#takeAnswer(message);
      } catch (error) {
        if (error instanceof WireError) return this.#breakUpstream();
        throw error;
      }
    });
  }

  bindDecided(outcome: BindOutcome, help?: string): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    const bind = this.#bind;
    if (this.#state !== "deciding" || bind === undefined) {
      throw new Error("no bind is being decided");
    }
    return this.#run(() => this.#finishBind(bind, outcome, help));
  }

  passwordChangeDecided(outcome: PasswordChangeOutcome): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    const request = this.#change;
    if (request === undefined) throw new Error("no change of a password is being decided");
    this.#change = undefined;
    const { id, tag } = request.envelope;
    return this.#run(() =>
      outcome.kind === "accepted"
        ? this.#forward(id, tag, withOldPassword(request, outcome.oldPassword))
        : [toClient(outcomeReply(id, tag, outcome.kind))],
    );
  }

  drainExpired(): readonly Action[] {
    const bind = this.#bind;
    if (this.#state !== "draining" || bind === undefined) return NOTHING;
    const abandons = this.#lease.abandonAll(bind.envelope.id).map(toUpstream);
    return this.#run(() => [...abandons, ...this.#decide(bind)]);
  }

  tlsStarted(): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    if (this.#state !== "starting-tls") throw new Error("no handshake was asked for");
    this.#isTls = true;
    this.#state = "unbound";
    return NOTHING;
  }

  upstreamLost(): readonly Action[] {
    return this.#run(() => this.#loseUpstream());
  }

  clientGone(): readonly Action[] {
    return this.#close("client-gone");
  }

  end(ending: SessionEnding, isAwaited = this.#isAwaited): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    const notice = endingNotice(ending, isAwaited);
    const actions = this.#close(ending);
    return notice === undefined ? actions : [toClient(notice), ...actions];
  }

  /** What the client sends is dealt with at once. */
  get #isFree(): boolean {
    const isOpen = this.#state === "unbound" || this.#state === "bound";
    return isOpen && this.#change === undefined;
  }

  /** The client waits for an answer. */
  get #isAwaited(): boolean {
    return this.#lease.outstanding > 0 || !this.#isFree;
  }

  get #situation(): Situation {
    return { rules: this.#rules, isTls: this.#isTls, isBound: this.#state === "bound" };
  }

  /** The actions of `step`, and of what has waited, as far as it needn't any longer. */
  #run(step: () => readonly Action[]): readonly Action[] {
    const actions = this.#guard(step);
    if (this.#waiting.isEmpty || !this.#isFree) return actions;
    const all = [...actions];
    while (this.#isFree) {
      const message = this.#waiting.take();
      if (message === undefined) break;
      all.push(...this.#guard(() => this.#take(message)));
    }
    // Behind a StartTLS nothing may wait (RFC 4511 §4.14.1).
    const isBehindTls = this.#state === "starting-tls" && !this.#waiting.isEmpty;
    return isBehindTls ? [...all, ...this.#close("broken-message")] : all;
  }

  /** Bytes of the client that can't be followed end the session (RFC 4511 §4.1.1). */
  #guard(step: () => readonly Action[]): readonly Action[] {
    try {
      return step();
    } catch (error) {
      if (error instanceof WireError) return this.end("broken-message");
      throw error;
    }
  }

  #take(message: Buffer): readonly Action[] {
    const envelope = peekEnvelope(message);
    const { id, tag } = envelope;
    // RFC 4511 §4.1.1.1: 0 is for unsolicited notifications.
    if (id === 0) throw new WireError("bad-integer", 0);
    if (tag === OPERATION.unbindRequest) return this.#close("unbind");
    if (tag === OPERATION.abandonRequest) return this.#abandon(message, envelope);
    if (tag === OPERATION.bindRequest) return this.#takeBind(message, envelope);
    if (responseTo(tag) === undefined) throw new WireError("bad-tag", envelope.operationAt);
    if (this.#lease.isInUse(id)) return refuse(id, tag, "duplicate-message-id");
    if (this.#lease.outstanding >= this.#limits.outstandingMax) {
      return refuse(id, tag, "too-many-operations");
    }
    return this.#judge(message, envelope);
  }

  #judge(message: Buffer, envelope: Envelope): readonly Action[] {
    const { id, tag } = envelope;
    const judgement = judge(message, envelope, this.#situation);
    switch (judgement.kind) {
      case "forward":
        return this.#forward(id, tag, judgement.message, judgement.leavesState);
      case "refuse":
        return refuse(id, tag, judgement.refusal);
      case "who-am-i":
        return [toClient(encodeAnonymousIdentity(id))];
      case "start-tls":
        return this.#startTls(id, tag);
      case "change-password":
        this.#change = judgement.request;
        return [{ kind: "ask-password-change", change: judgement.request.change }];
    }
  }

  #forward(id: number, tag: number, bytes: Buffer, leavesState = false): readonly Action[] {
    this.#lease.begin(id, tag, leavesState);
    return [toUpstream(bytes)];
  }

  #startTls(id: number, tag: number): readonly Action[] {
    if (this.#isTls) return refuse(id, tag, "tls-already-on");
    if (this.#lease.outstanding > 0) return refuse(id, tag, "tls-while-busy");
    this.#state = "starting-tls";
    const bytes = encodeExtendedResult(id, EXTENDED.startTls, RESULT_CODE.success, "");
    return [...this.#leave(), toClient(bytes), { kind: "start-tls" }];
  }

  /** RFC 4511 §4.11: never an answer, whatever it names. */
  #abandon(message: Buffer, envelope: Envelope): readonly Action[] {
    const target = decodeAbandon(message, envelope);
    const controls = judgeControls(message, envelope);
    if (controls.kind === "refuse" || !this.#lease.abandon(target)) return NOTHING;
    const bytes = keepControls(message, envelope, controls);
    return [toUpstream(bytes), ...this.#afterOperation()];
  }

  /** Behind a Bind only an Abandon of what the Bind waits for is done at once. */
  #wait(message: Buffer): readonly Action[] {
    if (this.#state === "draining") {
      const envelope = peekEnvelope(message);
      const isAbandon = envelope.tag === OPERATION.abandonRequest;
      if (isAbandon && this.#lease.find(decodeAbandon(message, envelope)) !== undefined) {
        return this.#abandon(message, envelope);
      }
    }
    return this.#waiting.add(message) ? NOTHING : this.end("overload");
  }

  #takeBind(message: Buffer, envelope: Envelope): readonly Action[] {
    const judgement = judgeBind(message, envelope, this.#situation);
    const bind = new BindInProgress(message, envelope, judgement, this.#state === "bound");
    this.#bind = bind;
    if (this.#lease.outstanding === 0) return this.#decide(bind);
    this.#state = "draining";
    return NOTHING;
  }

  /** Nothing is outstanding any more. */
  #decide(bind: BindInProgress): readonly Action[] {
    const { judgement, envelope } = bind;
    const { id, tag } = envelope;
    switch (judgement.kind) {
      case "ask":
        this.#state = "deciding";
        return this.#ask(bind, judgement);
      case "anonymous":
        return this.#becomeUnbound([toClient(encodeResult(id, tag, RESULT_CODE.success, ""))]);
      case "refuse":
        return this.#becomeUnbound(refuse(id, tag, judgement.refusal, judgement.name));
    }
  }

  #ask(
    bind: BindInProgress,
    { name, credentials, controls }: Extract<BindJudgement, { kind: "ask" }>,
  ): readonly Action[] {
    const rewrite = (dn: string, password: Secret): Buffer | undefined => {
      if (this.#bind !== bind) return undefined;
      const bytes = bind.send(controls, dn, password);
      this.#lease.hold();
      return bytes;
    };
    return [{ kind: "ask-bind", bind: { name, credentials, rewrite } }];
  }

  #finishBind(bind: BindInProgress, outcome: BindOutcome, help?: string): readonly Action[] {
    const { success, envelope, isUpstreamLost } = bind;
    if (outcome === "accepted" && success !== undefined) {
      this.#bind = undefined;
      this.#state = "bound";
      this.#lease.identify();
      const relayed: Action = toClient(success);
      return isUpstreamLost ? [relayed, ...this.end("upstream-lost")] : [relayed];
    }
    // An accept without the directory's own success is none.
    const told = outcome === "accepted" ? "unavailable" : outcome;
    const bytes = outcomeReply(envelope.id, envelope.tag, told, help);
    return this.#becomeUnbound([toClient(bytes)]);
  }

  /** RFC 4511 §4.2.1: whoever it was before, it is nobody's now, on both sides. */
  #becomeUnbound(actions: readonly Action[]): readonly Action[] {
    const upstream = this.#leave();
    this.#bind = undefined;
    this.#state = "unbound";
    return [...actions, ...upstream];
  }

  #takeAnswer(message: Buffer): readonly Action[] {
    const envelope = peekEnvelope(message);
    const { id, tag } = envelope;
    if (id === 0) return isHarmless(message, envelope) ? NOTHING : this.#breakUpstream();
    const bind = this.#bind;
    const isBindAnswer = tag === OPERATION.bindResponse && id === bind?.envelope.id;
    if (isBindAnswer && this.#state === "deciding") {
      if (!bind.takeAnswer(message, envelope)) return this.#breakUpstream();
      this.#lease.forgetAbandoned();
      return [{ kind: "bind-answered", message }];
    }
    const operation = this.#lease.find(id);
    if (operation === undefined) {
      return this.#lease.takeLate(id, tag) ? NOTHING : this.#breakUpstream();
    }
    const relayed = relay(message, envelope, operation.tag, this.#situation);
    if (relayed === undefined) return this.#breakUpstream();
    const { bytes, isFinal } = relayed;
    if (isFinal) this.#lease.finish(id);
    const actions: Action[] = bytes === undefined ? [] : [toClient(bytes)];
    if (relayed.refusal !== undefined && !operation.isReported) {
      operation.isReported = true;
      actions.unshift({ kind: "refused", refusal: relayed.refusal });
    }
    if (isFinal) actions.push(...this.#afterOperation());
    return actions;
  }

  /** One operation less: a Bind may have waited for it; and nobody unbound keeps a connection. */
  #afterOperation(): readonly Action[] {
    if (this.#lease.outstanding > 0) return NOTHING;
    if (this.#state === "draining" && this.#bind !== undefined) return this.#decide(this.#bind);
    return this.#state === "unbound" ? this.#leave() : NOTHING;
  }

  /** It can't be trusted any further. */
  #breakUpstream(): readonly Action[] {
    this.#bind?.distrust();
    return [{ kind: "drop-upstream" }, ...this.#loseUpstream()];
  }

  #loseUpstream(): readonly Action[] {
    const bind = this.#bind;
    const isAwaited = this.#isAwaited;
    const unanswered = this.#lease.list();
    this.#lease.lose();
    if (this.#state === "deciding" && bind !== undefined) bind.isUpstreamLost = true;
    // Without the connection nobody is who they were.
    if (this.#state === "bound" || bind?.wasBound === true) {
      return this.#state === "deciding" ? NOTHING : this.end("upstream-lost", isAwaited);
    }
    const actions = unanswered.map(([id, tag]) => toClient(unavailableReply(id, tag)));
    if (this.#state === "draining" && bind !== undefined) actions.push(...this.#decide(bind));
    return actions;
  }

  #leave(): readonly Action[] {
    return this.#lease.leave(this.#bind?.isSent === true);
  }

  #close(ending: Extract<Action, { kind: "close" }>["ending"]): readonly Action[] {
    if (this.#state === "closed") return NOTHING;
    const upstream = this.#leave();
    this.#state = "closed";
    this.#bind = undefined;
    this.#change = undefined;
    this.#waiting.clear();
    return [...upstream, { kind: "close", ending }];
  }
}
