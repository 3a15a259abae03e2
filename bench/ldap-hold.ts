// People who bind and then do nothing: opens connections, binds each as somebody else, says so in one
// line of JSON and holds them until it is killed.
//
// node bench/ldap-hold.ts PORT CONNECTIONS FIRST [CA]

import { once } from "node:events";

import { peekEnvelope } from "../src/wire/ldap/envelope.ts";
import { createFramer } from "../src/wire/ldap/frame.ts";
import { peekResult } from "../src/wire/ldap/response.ts";
import { connector, makeBind } from "./ldap-client.ts";

export interface LdapHoldResult {
  readonly held: number;
  readonly refused: number;
}

const MESSAGE_BYTES_MAX = 65_536;
/** At a time: a door takes no more than a thousand from one address that haven't bound. */
const OPENING = 16;

const [, , port, connections, first, caFile] = process.argv;
const open = connector(Number(port), caFile);
let left = Number(connections);
let next = Number(first);
let held = 0;
let refused = 0;

async function bindOne(index: number): Promise<void> {
  const socket = open();
  socket.on("error", () => undefined);
  const answered = Promise.withResolvers<boolean>();
  const framer = createFramer(MESSAGE_BYTES_MAX);
  socket.on("data", (chunk: Buffer) => {
    framer.push(chunk, (message) => {
      answered.resolve(peekResult(message, peekEnvelope(message)).resultCode === 0);
    });
  });
  socket.on("close", () => answered.resolve(false));
  socket.write(makeBind(index, true));
  if (await answered.promise) held += 1;
  else refused += 1;
}

async function bindSome(): Promise<void> {
  while (left > 0) {
    left -= 1;
    next += 1;
    await bindOne(next - 1);
  }
}

await Promise.all(Array.from({ length: OPENING }, bindSome));
const result: LdapHoldResult = { held, refused };
console.log(JSON.stringify(result));
// The connections keep it alive as long as somebody listens.
process.stdin.resume();
await once(process.stdin, "end");
process.exit(0);
