// What a client sent behind a Bind, until that is answered (RFC 4511 §4.2.1).
// Invariant: bounded in octets and in messages, except for a single message, which the framer bounds.

/** Each costs more than its octets: a chunk full of the smallest must not cost a megabyte. */
const MESSAGES_MAX = 1024;

export class Waiting {
  readonly #bytesMax: number;
  readonly #messages: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** False: it is full. */
  add(message: Buffer): boolean {
    const isLarge = this.#bytes + message.length > this.#bytesMax;
    if (this.#messages.length >= (isLarge ? 1 : MESSAGES_MAX)) return false;
    this.#messages.push(message);
    this.#bytes += message.length;
    return true;
  }

  /** The oldest; undefined: there is none. */
  take(): Buffer | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }

  clear(): void {
    this.#messages.length = 0;
    this.#bytes = 0;
  }
}
