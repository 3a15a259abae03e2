// One connection to a directory that belongs to one client of the LDAP door at a time: bytes both
// ways. Invariants: its next user finds it anonymous (RFC 4513 §4), or doesn't find it; whatever
// comes in while nobody uses it ends it.

import type { Socket } from "node:net";

import { DependencyDown, type BindResult, type Identity } from "../../core/ports.ts";
import { Outbox } from "../../lib/outbox.ts";
import type { Due, TurnEnd } from "../../lib/turn-end.ts";
import { WireError } from "../../wire/error.ts";
import { createFramer, type Framer } from "../../wire/ldap/frame.ts";
import {
  decodeAnswer,
  encodeAnonymousBind,
  encodeUnbind,
  MESSAGE_ID_MAX,
  type Result,
  RESULT_CODE,
} from "../../wire/ldap/message.ts";
import { bindResultOf, refuseDisabled } from "./bind.ts";
import type { Dialled } from "./connection.ts";
import type { DirectoryUrl } from "./options.ts";

/** Whom it belongs to. */
export interface RelayUser {
  /** Operations of its own are unanswered. A bind isn't one: that has a deadline. */
  readonly isAwaiting: boolean;
  onData(chunk: Buffer): void;
  /** It takes no more for now, until `onDrain`. */
  onFull(): void;
  onDrain(): void;
  /** Once; it is nobody's any more. */
  onClosed(reason: string): void;
}

export interface RelayOwner {
  readonly dependency: string;
  /** When what is written leaves. */
  readonly turnEnd: TurnEnd;
  /** Monotonic ms at which an answer that is asked for now is due. */
  dueAt(): number;
  /** A bind was answered in time. */
  onAnswered(connection: RelayConnection, dueAt: number): void;
  /** It is anonymous again, and nobody's. */
  onFree(connection: RelayConnection): void;
  onClosed(connection: RelayConnection): void;
}

/** A result code and a text: what comes while it is being reset. */
const RESET_BYTES_MAX = 4096;
/** Longer than a firewall's memory must not be. */
const KEEP_ALIVE_MS = 60_000;

export class RelayConnection implements Due {
  readonly url: DirectoryUrl;
  /** Monotonic ms. */
  readonly renewAt: number;
  /** Monotonic ms by which a bind has to be answered; Infinity: none is under way. */
  answerDueAt = Infinity;
  /** Since when nobody has used it, monotonic ms. */
  idleSince = 0;
  /** Since when its user has waited and nothing has come, monotonic ms; Infinity: it doesn't wait. */
  silentSince = Infinity;
  /** When the latest look found that something had come, monotonic ms. */
  heardAt = -Infinity;
  readonly #socket: Socket;
  readonly #owner: RelayOwner;
  readonly #outbox = new Outbox();
  #user: RelayUser | undefined;
  #resetting: Framer | undefined;
  /** No Bind has gone over it since it was opened or reset. */
  #isUntouched = true;
  #isPaused = false;
  /** Something has come since the last look. */
  #hasSpoken = false;
  #isDue = false;
  #isClosed = false;

  constructor({ url, socket }: Dialled, renewAt: number, owner: RelayOwner) {
    this.url = url;
    this.renewAt = renewAt;
    this.#socket = socket;
    this.#owner = owner;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("error", (error) => this.#close(error.message));
    socket.on("end", () => this.#close("it closed the connection"));
    socket.on("close", () => this.#close("the connection was closed"));
    socket.on("drain", () => this.#user?.onDrain());
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // It may have ended between being opened and being listened to.
    if (socket.destroyed) setImmediate(() => this.#close("the connection was closed"));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isUsed(): boolean {
    return this.#user !== undefined;
  }

  /** Called by its pool alone. */
  assign(user: RelayUser): void {
    this.#user = user;
  }

  /** Leaves at the end of this turn. */
  write(bytes: Buffer): void {
    if (this.#isClosed) return;
    if (!this.#isDue) {
      this.#isDue = true;
      this.#owner.turnEnd.add(this);
    }
    this.#outbox.push(bytes);
  }

  flush(): void {
    this.#isDue = false;
    const bytes = this.#outbox.take();
    if (bytes === undefined || this.#isClosed) return;
    if (!this.#socket.write(bytes)) this.#user?.onFull();
  }

  /** A bind: unless its answer comes in the directory's time, the connection is lost. */
  writeBind(bytes: Buffer): void {
    this.#isUntouched = false;
    this.answerDueAt = this.#owner.dueAt();
    this.write(bytes);
  }

  /** What the answer to that bind means for this person. Throws DependencyDown if nothing. */
  judgeBind(answer: Buffer, { isDisabled }: Pick<Identity, "isDisabled">): BindResult {
    const dueAt = this.answerDueAt;
    this.answerDueAt = Infinity;
    this.#owner.onAnswered(this, dueAt);
    const { dependency } = this.#owner;
    const decoded = decodeBindAnswer(answer, dependency);
    const result = bindResultOf(decoded);
    if (result === undefined) {
      throw new DependencyDown(dependency, `it answers a bind with ${decoded.resultCode}`);
    }
    return isDisabled === true ? refuseDisabled(result) : result;
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Brings `silentSince` and `heardAt` up to date: every now and then, not for each chunk. */
  look(nowMs: number): void {
    if (this.#hasSpoken) this.heardAt = nowMs;
    // What a client that reads slowly doesn't take can't be held against the directory.
    if (this.#user?.isAwaiting !== true || this.#isPaused) this.silentSince = Infinity;
    else if (this.#hasSpoken || this.silentSince === Infinity) this.silentSince = nowMs;
    this.#hasSpoken = false;
  }

  /**
   * Its user is done and owes and expects nothing. The pool has it back once it is anonymous: at
   * once if nobody has ever bound on it, else when the directory has confirmed it.
   */
  release(isAnonymous: boolean): void {
    if (this.#isClosed) return;
    this.#user = undefined;
    this.resume();
    if (isAnonymous && this.#isUntouched) {
      this.#owner.onFree(this);
      return;
    }
    this.#isUntouched = true;
    this.#resetting = createFramer(RESET_BYTES_MAX);
    this.answerDueAt = this.#owner.dueAt();
    this.write(encodeAnonymousBind(MESSAGE_ID_MAX));
  }

  /** At once. Says goodbye where that costs nothing (RFC 4511 §4.3). */
  destroy(): void {
    if (this.#isClosed) return;
    this.#user = undefined;
    this.flush();
    if (!this.#socket.writableNeedDrain) this.#socket.write(encodeUnbind(MESSAGE_ID_MAX));
    this.#socket.destroySoon();
    this.#close("closed");
  }

  /** The directory, or the way to it, is at fault. */
  fail(reason: string): void {
    this.#close(reason);
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    this.#hasSpoken = true;
    if (this.#user !== undefined) this.#user.onData(chunk);
    else if (this.#resetting !== undefined) this.#readReset(this.#resetting, chunk);
    else this.#close("it said something to nobody");
  }

  #readReset(framer: Framer, chunk: Buffer): void {
    let isAnonymous = false;
    try {
      framer.push(chunk, (message) => {
        const answer = decodeAnswer(message);
        const isExpected = answer.kind === "bind" && answer.id === MESSAGE_ID_MAX && !isAnonymous;
        if (!isExpected || answer.resultCode !== RESULT_CODE.success) throw new Error("not reset");
        isAnonymous = true;
      });
      if (!isAnonymous) return;
      if (framer.heldBytes > 0) throw new Error("not reset");
    } catch {
      // An answer to somebody else's question, or a directory that refuses anonymous binds.
      this.destroy();
      return;
    }
    this.#resetting = undefined;
    this.answerDueAt = Infinity;
    this.#owner.onFree(this);
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#socket.writableEnded) this.#socket.destroy();
    const user = this.#user;
    this.#user = undefined;
    this.#owner.onClosed(this);
    user?.onClosed(reason);
  }
}

function decodeBindAnswer(message: Buffer, dependency: string): Result {
  try {
    const answer = decodeAnswer(message);
    if (answer.kind === "bind") return answer;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  throw new DependencyDown(dependency, "it answers a bind with nonsense");
}
