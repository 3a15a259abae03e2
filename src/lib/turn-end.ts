// Work for the end of a turn of the event loop: what many events want written leaves together, so that
// whoever reads it is woken once. Each write is a system call; waking a sleeping reader costs more.

export interface Due {
  /** Must not throw. */
  flush(): void;
}

export class TurnEnd {
  #due: Due[] = [];

  /** Once for each call: the caller knows whether it has asked already. */
  add(due: Due): void {
    if (this.#due.length === 0) setImmediate(this.#run);
    this.#due.push(due);
  }

  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const one of due) one.flush();
  };
}
