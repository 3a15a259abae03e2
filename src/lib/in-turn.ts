// Work that must not overlap, asked for at any moment. Invariant: one runs and at most one waits.

/**
 * Each call resolves to a run of `work` that began after it. Calls that come while one run is waiting
 * for another to end share it.
 */
export function inTurn<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let waiting: Promise<T> | undefined;

  async function begin(before: Promise<unknown>): Promise<T> {
    // How that one ended is for those who asked for it.
    await before.catch(() => undefined);
    waiting = undefined;
    const run = work();
    running = run;
    return run;
  }

  return () => (waiting ??= begin(running));
}
