// Bytes for one side of a connection until they leave together. Invariant: what stood side by side in
// memory leaves uncopied.

export class Outbox {
  #sealed: Buffer[] = [];
  #memory: ArrayBufferLike | undefined;
  #from = 0;
  #to = 0;

  get isEmpty(): boolean {
    return this.#memory === undefined;
  }

  /** They must never be written to again. */
  push(bytes: Buffer): void {
    if (bytes.buffer === this.#memory && bytes.byteOffset === this.#to) {
      this.#to += bytes.length;
      return;
    }
    this.#seal();
    this.#memory = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** All of it, once; undefined if there is nothing. */
  take(): Buffer | undefined {
    if (this.#memory === undefined) return undefined;
    this.#seal();
    const [first, ...more] = this.#sealed;
    this.#sealed = [];
    return first === undefined || more.length === 0 ? first : Buffer.concat([first, ...more]);
  }

  #seal(): void {
    if (this.#memory === undefined) return;
    this.#sealed.push(Buffer.from(this.#memory, this.#from, this.#to - this.#from));
    this.#memory = undefined;
  }
}
