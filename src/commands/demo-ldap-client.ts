// An application as small as it can be: binds, searches, leaves. For the demo only.

import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { Failure } from "./failure.ts";
import { parseFilter } from "../wire/ldap/filter.ts";
import { createFramer } from "../wire/ldap/frame.ts";
import {
  decodeAnswer,
  encodeBind,
  encodeSearch,
  encodeUnbind,
  type Answer,
} from "../wire/ldap/message.ts";

const TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 1024 * 1024;

/** The result code of the bind; if that is 0, how many people the search found. */
export async function bindAndSearch(
  port: number,
  dn: string,
  password: string,
  base: string,
): Promise<{ readonly resultCode: number; readonly found: number }> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const framer = createFramer(ANSWER_BYTES_MAX);
  const answers: Answer[] = [];
  socket.on("data", (chunk: Buffer) => {
    framer.push(chunk, (message) => answers.push(decodeAnswer(message)));
  });
  // Every 10 ms is soon enough for somebody who watches.
  const answered = async (kind: Answer["kind"]): Promise<number> => {
    for (let waited = 0; waited < TIMEOUT_MS; waited += 10) {
      const done = answers.find((answer) => answer.kind === kind);
      if (done !== undefined && "resultCode" in done) return done.resultCode;
      await wait(10);
    }
    throw new Failure(1, `no answer from 127.0.0.1:${port}`);
  };
  try {
    socket.write(encodeBind(1, dn, Buffer.from(password)));
    const resultCode = await answered("bind");
    if (resultCode !== 0) return { resultCode, found: 0 };
    const filter = parseFilter("(objectClass=person)");
    const limits = { sizeLimit: 0, timeLimitSeconds: 5, attributes: ["cn"] };
    const where = { base, scope: "whole-subtree", filter, username: Buffer.alloc(0) } as const;
    socket.write(encodeSearch(2, { ...where, ...limits }));
    await answered("search");
    return { resultCode, found: answers.filter(({ kind }) => kind === "entry").length };
  } finally {
    socket.end(encodeUnbind(3));
  }
}
