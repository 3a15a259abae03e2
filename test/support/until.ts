// Waits for what has to come about, however long a busy machine takes for it.

import { setTimeout as wait } from "node:timers/promises";

const PATIENCE_MS = 30_000;
const TURN_MS = 5;

/** Rejects when it doesn't come about at all. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`it never was so: ${isSo.toString()}`);
    await wait(TURN_MS);
  }
}
