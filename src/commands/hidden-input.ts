// Secrets typed by a person or piped by a program: one line each, never shown.

import { createInterface } from "node:readline";
import { Writable } from "node:stream";

import type { Io } from "./context.ts";
import { Failure } from "./failure.ts";

export interface HiddenInput {
  /** Prompts on a terminal. Throws Failure when there is no further line. */
  read(prompt: string): Promise<string>;
  close(): void;
}

export function openHiddenInput({ stdin, stderr }: Io): HiddenInput {
  const isTerminal = "isTTY" in stdin && stdin.isTTY === true;
  // What is typed is echoed to nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output, terminal: isTerminal });
  reader.on("SIGINT", () => reader.close());
  const lines = reader[Symbol.asyncIterator]();
  return {
    async read(prompt) {
      if (isTerminal) stderr.write(prompt);
      const { value, done } = await lines.next();
      if (isTerminal) stderr.write("\n");
      if (done === true) throw new Failure(2, `${prompt.replace(/:\s*$/, "")} is missing`);
      return value;
    },
    close: () => reader.close(),
  };
}
