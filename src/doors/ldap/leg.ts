// A client's own way to the directory: taken from the pool when something has to go there, given back
// or destroyed when the session says so. Invariants: a Bind that was sent is seen through to its
// answer, whatever becomes of the client (the directory counts it, so the core has to know);
// what arrives for a session that is over is looked at for nothing else.

import { DependencyDown, type BindResult, type Identity } from "../../core/ports.ts";
import { Outbox } from "../../lib/outbox.ts";
import { peekEnvelope } from "../../wire/ldap/envelope.ts";
import { createFramer, type Framer } from "../../wire/ldap/frame.ts";
import { OPERATION } from "../../wire/ldap/operation.ts";
import { UPSTREAM_MESSAGE_BYTES_MAX } from "./limits.ts";
import type { Upstream, UpstreamDirectory, UpstreamUser } from "./upstream.ts";

export interface LegOwner {
  /** Operations of the client are unanswered. */
  readonly isAwaiting: boolean;
  /** Whole messages, as they come. */
  onMessage(message: Buffer): void;
  /** All messages of one chunk were given. */
  onChunkEnd(): void;
  /** Requests may be read on, or not: see `isBlocked`. */
  onFlow(): void;
  /** It ended by itself, broke the protocol or can't be had. */
  onLost(reason: string): void;
}

interface Answer {
  readonly resolve: (message: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class Leg implements UpstreamUser {
  readonly #directory: () => UpstreamDirectory;
  readonly #owner: LegOwner;
  readonly #outbox = new Outbox();
  #framer: Framer | undefined;
  #upstream: Upstream | undefined;
  #acquiring: Promise<Upstream> | undefined;
  /** When that was asked for. */
  #acquiringTurn = 0;
  /** Who waits for the answer to a Bind. */
  #answer: Answer | undefined;
  #isFull = false;
  /** Grows each time it is given up, so that what was asked for before isn't used after. */
  #turn = 0;
  /** The session wants nothing any more; only the answer to its Bind is waited for. */
  #isOver = false;

  constructor(directory: () => UpstreamDirectory, owner: LegOwner) {
    this.#directory = directory;
    this.#owner = owner;
  }

  /** Nothing more can be sent for now. */
  get isBlocked(): boolean {
    return this.#isFull || this.#acquiring !== undefined;
  }

  get isAwaiting(): boolean {
    return !this.#isOver && this.#owner.isAwaiting;
  }

  /** Leaves with the next `flush`. */
  send(bytes: Buffer): void {
    this.#outbox.push(bytes);
  }

  flush(): void {
    if (this.#acquiring !== undefined) return;
    const bytes = this.#outbox.take();
    if (bytes === undefined) return;
    if (this.#upstream !== undefined) {
      this.#upstream.write(bytes);
      return;
    }
    this.#outbox.push(bytes);
    const turn = this.#turn;
    this.#get().then(
      () => this.#flow(),
      (error: unknown) => {
        if (turn === this.#turn) this.#lose(error instanceof Error ? error.message : String(error));
        else this.#flow();
      },
    );
  }

  /** `encode` gives the Bind; undefined: the session ended meanwhile. Throws DependencyDown. */
  async askBind(identity: Identity, encode: () => Buffer | undefined): Promise<BindResult> {
    const upstream = await this.#get();
    const bytes = encode();
    if (bytes === undefined) throw new DependencyDown("client", "it hung up");
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#answer = { resolve, reject };
    upstream.writeBind(bytes);
    return upstream.judgeBind(await promise, identity);
  }

  bindAnswered(message: Buffer): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.resolve(message);
  }

  /** Nothing is outstanding: somebody else may have it. `isAnonymous`: nobody has bound on it. */
  release(isAnonymous: boolean): void {
    this.flush();
    this.#leave()?.release(isAnonymous);
  }

  /** At once: nobody may use it again. */
  drop(): void {
    this.#leave()?.destroy();
    this.#reject("the connection to it was given up");
  }

  /** The client is gone. */
  leave(): void {
    this.#isOver = true;
    if (this.#answer === undefined) this.#leave()?.destroy();
    else this.#upstream?.resume();
  }

  pause(): void {
    this.#upstream?.pause();
  }

  resume(): void {
    this.#upstream?.resume();
  }

  onData(chunk: Buffer): void {
    const framer = (this.#framer ??= createFramer(UPSTREAM_MESSAGE_BYTES_MAX));
    try {
      framer.push(chunk, this.#take);
    } catch (error) {
      // A WireError: what follows can't be understood any more.
      this.#leave()?.destroy();
      this.#lose(error instanceof Error ? error.message : String(error));
      return;
    }
    if (!this.#isOver) this.#owner.onChunkEnd();
  }

  onFull(): void {
    this.#isFull = true;
    this.#owner.onFlow();
  }

  onDrain(): void {
    this.#flow();
  }

  onClosed(reason: string): void {
    this.#leave();
    this.#lose(reason);
  }

  // One function for all messages, not one for each chunk.
  readonly #take = (message: Buffer): void => {
    if (!this.#isOver) {
      this.#owner.onMessage(message);
    } else if (peekEnvelope(message).tag === OPERATION.bindResponse) {
      // Something that was given up may still come before it.
      this.bindAnswered(message);
      this.#leave()?.destroy();
    }
  };

  #flow(): void {
    this.#isFull = false;
    this.flush();
    this.#owner.onFlow();
  }

  #get(): Promise<Upstream> {
    if (this.#upstream !== undefined) return Promise.resolve(this.#upstream);
    if (this.#acquiring !== undefined && this.#acquiringTurn !== this.#turn) {
      // It was given up before it came, and comes to nothing.
      const again = (): Promise<Upstream> => this.#get();
      return this.#acquiring.then(again, again);
    }
    this.#acquiringTurn = this.#turn;
    this.#acquiring ??= this.#acquire().finally(() => {
      this.#acquiring = undefined;
    });
    return this.#acquiring;
  }

  async #acquire(): Promise<Upstream> {
    const turn = this.#turn;
    const upstream = await this.#directory().relays.acquire(this);
    if (this.#isOver || turn !== this.#turn) {
      upstream.release(true);
      throw new DependencyDown("client", "it hung up");
    }
    this.#upstream = upstream;
    return upstream;
  }

  #leave(): Upstream | undefined {
    const upstream = this.#upstream;
    this.#turn += 1;
    this.#outbox.take();
    this.#upstream = undefined;
    this.#framer = undefined;
    this.#isFull = false;
    return upstream;
  }

  #lose(reason: string): void {
    this.#reject(reason);
    if (!this.#isOver) this.#owner.onLost(reason);
  }

  #reject(reason: string): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.reject(new DependencyDown(`directory:${this.#directory().name}`, reason));
  }
}
