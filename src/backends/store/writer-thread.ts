// The main thread's end of the writer: collects the writes of a turn, sends the next batch when the
// last one is committed. Invariant: a promise resolves after its commit, or rejects as DependencyDown.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import { DependencyDown } from "../../core/ports.ts";
import type { Answers, BatchAnswer, Write, WriterSetup } from "./writes.ts";

// About two seconds of work at full load; beyond it a NAS has given up on the oldest anyway.
const WAITING_MAX = 20_000;
// Enough to be worth a commit at once: the writer works while the turn brings the rest.
const BATCH_WRITES_MIN = 16;
// One commit is never larger, so that nobody waits for a whole import.
const BATCH_WRITES_MAX = 512;
// While nothing can be written nobody need try: this finds out when it can.
const PROBE_MS = 1_000;

interface Waiting {
  readonly write: Write;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WriterThread {
  #setup: WriterSetup;
  readonly #onDown: (message: string) => void;
  #worker: Worker | undefined;
  #waiting: Waiting[] = [];
  #inFlight: Waiting[] | undefined;
  #isScheduled = false;
  #isClosing = false;
  #restartDelayMs = 100;
  readonly #counts = { written: 0, failed: 0, batches: 0 };
  #problem: string | undefined;
  #isProbing = false;
  /** Told of each commit before anybody learns of theirs. */
  onCommitted: () => void = () => undefined;

  constructor(setup: WriterSetup, onDown: (message: string) => void) {
    this.#setup = setup;
    this.#onDown = onDown;
  }

  get isUp(): boolean {
    return this.#worker !== undefined && !this.#isClosing;
  }

  /** Writes that aren't committed yet; since the start, those that were or couldn't be. */
  get load(): Readonly<{ waiting: number; written: number; failed: number; batches: number }> {
    const waiting = this.#waiting.length + (this.#inFlight?.length ?? 0);
    return { ...this.#counts, waiting };
  }

  /** Why nothing can be written: there is no writer, or its last batch failed as a whole. */
  get problem(): string | undefined {
    return this.isUp ? this.#problem : (this.#problem ?? "the store's writer is not running");
  }

  /** Resolves when the database is open and migrated; rejects with why it can't be. */
  start(): Promise<void> {
    const entry = new URL(`./writer${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, { workerData: this.#setup });
    return new Promise((resolve, reject) => {
      worker.on("message", (answer: BatchAnswer) => {
        if (answer.kind === "refused") reject(new Error(answer.message));
        else if (answer.kind === "done") this.#answer(answer);
        else {
          this.#worker = worker;
          this.#problem = undefined;
          resolve();
        }
      });
      worker.once("error", reject);
      worker.on("error", (error: Error) => this.#lose(worker, error));
      worker.once("exit", () => this.#lose(worker, new Error("the writer ended")));
    });
  }

  /** After a rotation: should the writer have to start again, the store is sealed under this one. */
  useKey(masterKey: Uint8Array): void {
    this.#setup = { ...this.#setup, masterKey, previousMasterKey: this.#setup.masterKey };
  }

  write<K extends Write["kind"]>(write: Extract<Write, { kind: K }>): Promise<Answers[K]> {
    if (!this.isUp) return Promise.reject(down("the store's writer is not running"));
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(down("the store can't keep up: too many writes are waiting"));
    }
    return new Promise((resolve, reject) => {
      // The writer answers in order, each kind with its own shape (writes.ts).
      const settle = resolve as (answer: unknown) => void;
      this.#waiting.push({ write, resolve: settle, reject });
      if (this.#waiting.length >= BATCH_WRITES_MIN) this.#send();
      else this.#schedule();
    });
  }

  /** Commits what is waiting, then closes the database. */
  async close(): Promise<void> {
    while (this.isUp && (this.#inFlight !== undefined || this.#waiting.length > 0)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isClosing = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.postMessage("close");
    await ended;
  }

  // Once per turn of the event loop: what a turn brings together is committed together.
  #schedule(): void {
    if (this.#isScheduled || this.#inFlight !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#worker === undefined || this.#inFlight !== undefined) return;
    if (this.#waiting.length === 0) return;
    this.#inFlight = this.#waiting.splice(0, BATCH_WRITES_MAX);
    this.#worker.postMessage({ writes: this.#inFlight.map((waiting) => waiting.write) });
  }

  #answer(answer: Extract<BatchAnswer, { kind: "done" }>): void {
    const batch = this.#inFlight ?? [];
    this.#inFlight = undefined;
    this.#counts.batches += 1;
    this.onCommitted();
    this.#judge(answer);
    // A few can wait for what this turn brings: each commit has a price of its own.
    if (this.#waiting.length >= BATCH_WRITES_MIN) this.#send();
    else if (this.#waiting.length > 0) this.#schedule();
    for (const [index, waiting] of batch.entries()) {
      const result = answer.results[index] ?? { error: "the writer gave no answer" };
      this.#counts["ok" in result ? "written" : "failed"] += 1;
      if ("ok" in result) waiting.resolve(result.ok);
      else waiting.reject(down(result.error));
    }
  }

  #judge({ results }: Extract<BatchAnswer, { kind: "done" }>): void {
    const [first] = results;
    const failed = first !== undefined && "error" in first ? first.error : undefined;
    if (failed === undefined || results.some((result) => "ok" in result)) {
      this.#problem = undefined;
      return;
    }
    if (this.#problem === undefined) this.#onDown(failed);
    this.#problem = failed;
    if (this.#isProbing) return;
    this.#isProbing = true;
    setTimeout(() => this.#probe(), PROBE_MS).unref();
  }

  // Should nobody log in any more: a NAS that gets no answer goes elsewhere.
  #probe(): void {
    this.#isProbing = false;
    this.write<"probe">({ kind: "probe" }).catch(() => undefined);
  }

  // A writer that dies takes its batch with it: nobody was told it was written.
  #lose(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#problem = error.message;
    // Its last batch may have been committed after all.
    this.onCommitted();
    const lost = [...(this.#inFlight ?? []), ...this.#waiting];
    this.#inFlight = undefined;
    this.#waiting = [];
    this.#counts.failed += lost.length;
    for (const waiting of lost) waiting.reject(down(error.message));
    if (this.#isClosing) return;
    this.#onDown(error.message);
    this.#restart();
  }

  #restart(): void {
    const delay = this.#restartDelayMs;
    this.#restartDelayMs = Math.min(delay * 2, 10_000);
    setTimeout(() => {
      if (this.#isClosing) return;
      this.start().then(
        () => {
          this.#restartDelayMs = 100;
        },
        () => this.#restart(),
      );
    }, delay).unref();
  }
}

function down(message: string): DependencyDown {
  return new DependencyDown("store", message);
}
