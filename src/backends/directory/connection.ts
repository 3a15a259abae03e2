// One open connection: requests out under ids of its own, answers back to whom they belong.
// Invariant: an answer reaches the request with its id or ends the connection; once it is closed
// nothing that still arrives is looked at.

import type { Socket } from "node:net";

import { createFramer, type Framer } from "../../wire/ldap/frame.ts";
import {
  decodeAnswer,
  encodeUnbind,
  MESSAGE_ID_MAX,
  type Answer,
} from "../../wire/ldap/message.ts";
import type { DirectoryUrl } from "./options.ts";
import { FIRST_MESSAGE_ID } from "./dial.ts";

/** One question to a directory, from the queue to its last answer. */
export interface Exchange {
  /** Monotonic ms. */
  readonly deadlineAt: number;
  /** Monotonic ms; its connection sets it. */
  sentAt: number;
  /** It may be put once more, on another connection. */
  readonly isRepeatable: boolean;
  encode(id: number): Buffer;
  /** True if this was the last answer. Throws if it is no answer to the question. */
  take(answer: Answer): boolean;
  /** Its connection is gone, and it is put again. Called only where it is repeatable. */
  repeat(): void;
  fail(reason: string): void;
}

export interface ConnectionOwner {
  /** It can take one more exchange. */
  onFree(connection: Connection): void;
  /** Once. `unanswered` are the owner's again. */
  onClosed(connection: Connection, unanswered: readonly Exchange[], reason: string): void;
}

/** An open connection that carries LDAP. */
export interface Dialled {
  readonly url: DirectoryUrl;
  readonly socket: Socket;
}

export class Connection {
  readonly url: DirectoryUrl;
  /** Bound, where binding comes first, and not about to be replaced. */
  isReady = false;
  /** Monotonic ms. */
  readonly renewAt: number;
  /** When the last exchange was due, monotonic ms. */
  lastDeadlineAt = 0;
  /** When the latest exchange that was answered was sent, monotonic ms. */
  answeredSentAt = -Infinity;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #framer: Framer;
  readonly #isShared: boolean;
  readonly #pending = new Map<number, Exchange>();
  #outbox: Buffer[] = [];
  #nextId = FIRST_MESSAGE_ID;
  #isClosed = false;

  /** `isShared`: it carries many exchanges at a time. */
  constructor(
    { url, socket }: Dialled,
    limits: {
      readonly messageBytesMax: number;
      readonly isShared: boolean;
      readonly renewAt: number;
    },
    owner: ConnectionOwner,
  ) {
    this.url = url;
    this.#socket = socket;
    this.#owner = owner;
    this.#isShared = limits.isShared;
    this.renewAt = limits.renewAt;
    this.#framer = createFramer(limits.messageBytesMax);
    socket.on("error", (error) => this.close(error.message));
    socket.on("end", () => this.close("it closed the connection"));
    socket.on("close", () => this.close("the connection was closed"));
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // It may have ended between being opened and being listened to.
    if (socket.destroyed) setImmediate(() => this.close("the connection was closed"));
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  send(exchange: Exchange, nowMs: number): void {
    exchange.sentAt = nowMs;
    const id = this.#nextId;
    this.#nextId = id === MESSAGE_ID_MAX ? FIRST_MESSAGE_ID : id + 1;
    const bytes = exchange.encode(id);
    this.lastDeadlineAt = Math.max(this.lastDeadlineAt, exchange.deadlineAt);
    this.#pending.set(id, exchange);
    if (!this.#isShared) {
      this.#socket.write(bytes);
      return;
    }
    // Each write is a system call, which costs more than all else here: one for all of a turn's.
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(bytes);
  }

  /**
   * When the question was sent whose answer is overdue, monotonic ms; undefined: none is. `patienceMs`:
   * how long a question that may be put again elsewhere waits here.
   */
  overdueSince(nowMs: number, patienceMs: number): number | undefined {
    for (const { deadlineAt, sentAt, isRepeatable } of this.#pending.values()) {
      if (deadlineAt <= nowMs || (isRepeatable && sentAt + patienceMs <= nowMs)) return sentAt;
    }
    return undefined;
  }

  /** At once; what is unanswered goes back to the owner. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#owner.onClosed(this, [...this.#pending.values()], reason);
    this.#pending.clear();
  }

  /** Says goodbye first (RFC 4511 §4.3), without waiting for anything. */
  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.write(encodeUnbind(this.#nextId));
    this.#socket.destroySoon();
    this.#owner.onClosed(this, [...this.#pending.values()], "closed");
    this.#pending.clear();
  }

  #flush(): void {
    const outbox = this.#outbox;
    this.#outbox = [];
    if (!this.#isClosed) this.#socket.write(Buffer.concat(outbox));
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    try {
      this.#framer.push(chunk, (message) => this.#take(message));
    } catch (error) {
      this.close(`it broke the protocol: ${error instanceof Error ? error.message : "?"}`);
    }
  }

  #take(message: Buffer): void {
    if (this.#isClosed) return;
    const answer = decodeAnswer(message);
    const exchange = this.#pending.get(answer.id);
    if (exchange === undefined) {
      // RFC 4511 §4.4.1: the notice of disconnection has the id 0, which no request has.
      throw new Error(answer.id === 0 ? "it disconnects us" : "an answer to no question");
    }
    if (!exchange.take(answer)) return;
    this.#pending.delete(answer.id);
    if (exchange.sentAt > this.answeredSentAt) this.answeredSentAt = exchange.sentAt;
    if (this.isReady) this.#owner.onFree(this);
  }
}
