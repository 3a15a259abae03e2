// One client's connection: its socket, its session, its way to the directory. Reads, asks the session,
// carries out what that says. Invariants: everything of one event leaves in one write to each side;
// whoever is slow on one side isn't read from on the other.

import type { Socket } from "node:net";

import type { Identity } from "../../core/ports.ts";
import { rejectAt } from "../../core/reject-delay.ts";
import { Outbox } from "../../lib/outbox.ts";
import type { Due } from "../../lib/turn-end.ts";
import { WireError } from "../../wire/error.ts";
import { createFramer, type Framer } from "../../wire/ldap/frame.ts";
import type { Action, BindAttempt, PasswordChange } from "./action.ts";
import type { BoundConnection } from "./bound.ts";
import type { DoorContext } from "./context.ts";
import { Leg, type LegOwner } from "./leg.ts";
import type { ListenerPlace } from "./listener.ts";
import { decideBind, decidePasswordChange, type Bound, type RequestOrigin } from "./login.ts";
import type { SessionEnding } from "./rules.ts";
import { createSession, type Session } from "./session.ts";
import type { Where } from "./troubles.ts";

/** When a refusal leaves, counted from the arrival of the request. */
const REJECT_DELAY_MS = 1_000;
/** For a client to take the last that is sent to it. */
const CLOSE_MS = 5_000;

export interface ClientOptions {
  readonly place: ListenerPlace;
  /** Plain form; the client's own, whoever passed the connection on. */
  readonly address: string;
  readonly isTls: boolean;
  /** Told once, when the socket is gone. */
  readonly onGone: (client: Client) => void;
}

export class Client implements BoundConnection, LegOwner, Due {
  readonly address: string;
  readonly place: ListenerPlace;
  readonly #id: string;
  readonly #context: DoorContext;
  readonly #onGone: (client: Client) => void;
  readonly #session: Session;
  readonly #framer: Framer;
  readonly #outbox = new Outbox();
  readonly #leg: Leg;
  #socket: Socket;
  /** Who is bound; set and unset with the session's state. */
  #identity: Identity | undefined;
  #operations = 0;
  /** Of messages that aren't dealt with yet, as the door's limits know it. */
  #unfinishedBytes = 0;
  #hasSpoken = false;
  /** The client takes no more for now. */
  #isFull = false;
  #isReading = true;
  /** Something leaves at the end of this turn. */
  #isDue = false;
  /** A handshake begins once all of this event has left. */
  #isTlsDue = false;
  /** Monotonic ms. */
  #activeAt: number;
  #messageSince = Infinity;
  #drainSince = Infinity;
  #closingSince = Infinity;

  constructor(context: DoorContext, socket: Socket, options: ClientOptions) {
    this.#context = context;
    this.#socket = socket;
    this.address = options.address;
    this.place = options.place;
    this.#onGone = options.onGone;
    this.#id = context.nextConnectionId();
    this.#session = createSession({ rules: options.place.rules, isTls: options.isTls });
    this.#framer = createFramer(this.#session.messageBytesMax);
    this.#leg = new Leg(() => this.place.current.directory, this);
    this.#activeAt = context.clock.monotonic();
    this.#listen(socket);
  }

  /** Nothing is under way that anybody waits for. */
  get isQuiet(): boolean {
    const { state, outstanding } = this.#session;
    return outstanding === 0 && (state === "bound" || state === "unbound" || state === "closed");
  }

  get isAwaiting(): boolean {
    return this.#session.outstanding > 0;
  }

  get isBound(): boolean {
    return this.#identity !== undefined;
  }

  revoke(): void {
    this.end("revoked");
  }

  end(ending: SessionEnding): void {
    this.#run(this.#session.end(ending));
    this.#settle();
  }

  /** At once, whatever it carries. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** What has taken too long; called every now and then. */
  sweep(nowMs: number): void {
    const { limits } = this.#context;
    const { state } = this.#session;
    if (state === "closed") {
      if (nowMs - this.#closingSince > CLOSE_MS) this.#socket.destroy();
    } else if (nowMs - this.#messageSince > limits.messageMs) {
      this.end("unfinished-message");
    } else if (state === "draining") {
      if (nowMs - this.#drainSince <= limits.bindDrainMs) return;
      this.#run(this.#session.drainExpired());
      this.#settle();
    } else if (!this.isQuiet) {
      // Idle is counted from the end of what runs.
      this.#activeAt = nowMs;
    } else {
      const idleMs = state === "bound" ? limits.boundIdleMs : limits.unboundIdleMs;
      if (nowMs - this.#activeAt > idleMs) this.end("idle");
    }
  }

  onMessage(message: Buffer): void {
    this.#run(this.#session.fromUpstream(message));
  }

  onChunkEnd(): void {
    this.#settle();
  }

  onFlow(): void {
    this.#flow();
  }

  onLost(): void {
    this.#run(this.#session.upstreamLost());
    this.#settle();
  }

  #listen(socket: Socket): void {
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onEnd);
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#session.state === "closed") return;
    const now = this.#context.clock.monotonic();
    this.#activeAt = now;
    const before = this.#operations;
    this.#framer.messageBytesMax = this.#session.messageBytesMax;
    try {
      this.#framer.push(chunk, this.#take);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#breakOff();
      return;
    }
    if (this.#framer.heldBytes === 0) this.#messageSince = Infinity;
    else if (this.#messageSince === Infinity || this.#operations > before) this.#messageSince = now;
    this.#settle();
  };

  readonly #take = (message: Buffer): void => {
    this.#hasSpoken = true;
    this.#operations += 1;
    this.#run(this.#session.fromClient(message));
    this.#framer.messageBytesMax = this.#session.messageBytesMax;
  };

  readonly #onDrain = (): void => {
    this.#isFull = false;
    this.#leg.resume();
    this.#flow();
  };

  readonly #onEnd = (): void => {
    this.#run(this.#session.clientGone());
    this.#settle();
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#run(this.#session.clientGone());
    this.#settle();
    this.#onGone(this);
  };

  // What was before it in the same chunk is done; then the stream can't be followed any more.
  #breakOff(): void {
    const trouble = this.#hasSpoken ? "broken-message" : "not-ldap";
    this.#context.troubles.connection(trouble, this.#where, undefined);
    this.end(trouble);
  }

  #run(actions: readonly Action[]): void {
    for (const action of actions) this.#do(action);
  }

  #do(action: Action): void {
    switch (action.kind) {
      case "to-client":
        return this.#outbox.push(action.bytes);
      case "to-upstream":
        return this.#leg.send(action.bytes);
      case "ask-bind":
        return void this.#bind(action.bind);
      case "bind-answered":
        return this.#leg.bindAnswered(action.message);
      case "ask-password-change":
        return void this.#changePassword(action.change);
      case "refused":
        return this.#context.troubles.refused(action.refusal, this.#where, action.name);
      case "start-tls":
        this.#isTlsDue = true;
        return;
      case "release-upstream":
        return this.#leg.release(action.isAnonymous);
      case "drop-upstream":
        return this.#session.state === "closed" ? this.#leg.leave() : this.#leg.drop();
      case "close":
        return this.#close();
    }
  }

  /** What this turn has for the client leaves. */
  flush(): void {
    this.#isDue = false;
    const bytes = this.#outbox.take();
    if (bytes === undefined || this.#socket.destroyed || this.#socket.write(bytes)) return;
    this.#isFull = true;
    this.#leg.pause();
    this.#flow();
  }

  /** The end of an event: reading goes by what is possible now. */
  #settle(): void {
    this.#leg.flush();
    if (!this.#isDue && !this.#outbox.isEmpty) {
      this.#isDue = true;
      this.#context.turnEnd.add(this);
    }
    this.#follow();
    this.#hold();
    this.#flow();
    if (this.#isTlsDue) this.#startTls();
  }

  /** How much is kept for it of messages that have to wait, for their end or for a Bind. */
  #hold(): void {
    const isClosed = this.#session.state === "closed";
    const now = isClosed ? 0 : this.#framer.heldBytes + this.#session.waitingBytes;
    if (now === this.#unfinishedBytes) return;
    const before = this.#unfinishedBytes;
    this.#unfinishedBytes = now;
    if (this.#context.places.hold({ before, now }, this.isBound) || now < before) return;
    this.#context.troubles.connection("too-much-unfinished", this.#where, undefined);
    this.end("overload");
  }

  /** Who is bound, and since when a Bind has waited. */
  #follow(): void {
    const { state } = this.#session;
    if (state !== "draining") this.#drainSince = Infinity;
    else if (this.#drainSince === Infinity) this.#drainSince = this.#context.clock.monotonic();
    if (this.#identity === undefined || state === "bound") return;
    this.#context.bound.remove(this.#identity, this);
    this.#context.places.bound(this.address, false);
    this.#identity = undefined;
  }

  #flow(): void {
    const mayRead = this.#session.isReading && !this.#isFull && !this.#leg.isBlocked;
    if (mayRead === this.#isReading || this.#session.state === "closed") return;
    this.#isReading = mayRead;
    // What is half read can't go on while nobody reads.
    const isHalf = mayRead && this.#framer.heldBytes > 0;
    this.#messageSince = isHalf ? this.#context.clock.monotonic() : Infinity;
    if (mayRead) this.#socket.resume();
    else this.#socket.pause();
  }

  get #where(): Where {
    return { listener: this.place.current.settings.name, address: this.address };
  }

  get #origin(): RequestOrigin {
    return {
      listener: this.place.current,
      address: this.address,
      connectionId: this.#id,
      operationNumber: this.#operations,
      isTls: this.#session.isTls,
    };
  }

  async #bind(bind: BindAttempt): Promise<void> {
    const { clock, log } = this.#context;
    const receivedAt = clock.monotonic();
    let bound: Bound = { outcome: "unavailable", identity: undefined };
    let judged: Identity | undefined;
    try {
      bound = await decideBind(this.#context, this.#origin, bind, (identity, password) => {
        // A lock that is kept between the accept and its arrival here must find them.
        judged = identity;
        this.#context.bound.add(identity, this);
        return this.#leg.askBind(identity, () => bind.rewrite(identity.dn, password));
      });
    } catch (error) {
      log.error({ err: error }, "a bind ended in a fault of Gatehouse's own; it was refused");
    } finally {
      if (judged !== undefined) this.#context.bound.remove(judged, this);
    }
    const { outcome, identity, help } = bound;
    if (this.#session.state === "closed") return;
    const finish = (): void => {
      this.#run(this.#session.bindDecided(outcome, help));
      if (identity !== undefined && this.#session.state === "bound") this.#admit(identity);
      this.#settle();
    };
    if (outcome === "refused" || outcome === "empty-password") this.#delay(receivedAt, finish);
    else finish();
  }

  #admit(identity: Identity): void {
    this.#identity = identity;
    this.#context.bound.add(identity, this);
    this.#context.places.bound(this.address, true);
  }

  #delay(receivedAt: number, finish: () => void): void {
    const { clock, delayed } = this.#context;
    const dueAt = rejectAt(receivedAt, clock.monotonic(), REJECT_DELAY_MS);
    // Never early: without a place to wait it isn't answered at all.
    if (!delayed.add(dueAt, finish)) this.end("overload");
  }

  async #changePassword({ person, oldPassword }: PasswordChange): Promise<void> {
    const { clock, log } = this.#context;
    const receivedAt = clock.monotonic();
    const name = person ?? this.#identity?.dn;
    let outcome: Parameters<Session["passwordChangeDecided"]>[0] = { kind: "refused" };
    try {
      // Without an old password nothing is tried out: the directory judges by who is bound.
      if (oldPassword === undefined) outcome = { kind: "accepted", oldPassword };
      else if (name !== undefined) {
        outcome = await decidePasswordChange(this.#context, this.#origin, name, oldPassword);
      }
    } catch (error) {
      log.error({ err: error }, "a change of a password ended in a fault; it was refused");
    }
    const finish = (): void => {
      this.#run(this.#session.passwordChangeDecided(outcome));
      this.#settle();
    };
    if (outcome.kind === "refused") this.#delay(receivedAt, finish);
    else finish();
  }

  #startTls(): void {
    this.#isTlsDue = false;
    const plain = this.#socket;
    // RFC 4513 §3.1.1: what came behind the request was in clear; it is no handshake either.
    if (this.#framer.heldBytes > 0 || plain.readableLength > 0) return this.end("broken-message");
    this.flush();
    plain.off("data", this.#onData);
    plain.pause();
    // What was written before has left when this has.
    plain.write("", () => {
      if (plain.destroyed) return;
      plain.off("drain", this.#onDrain).off("end", this.#onEnd).off("error", this.#onEnd);
      plain.off("close", this.#onClose);
      this.#context.secure(this.place, plain, this.address, (secured) => {
        if (secured === undefined) return this.#onClose();
        this.#socket = secured;
        this.#listen(secured);
        this.#run(this.#session.tlsStarted());
        this.#settle();
      });
    });
  }

  #close(): void {
    this.#closingSince = this.#context.clock.monotonic();
    this.flush();
    this.#socket.destroySoon();
  }
}
