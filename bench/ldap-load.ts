// The generator: a closed loop of LDAP operations on loopback, one at a time on each connection. Prints one JSON line. Binds are made before the clock starts.
//
// node bench/ldap-load.ts PORT JOB CONNECTIONS SECONDS FIRST USERS CODES [CA]
//
// JOB bind: binds on connections that stay; login: connect, bind, read one's own entry, close; search:
// one bind, then reads of anybody's entry. CODES 1: passwords end in ",code". CA: a PEM file; LDAPS.

import { once } from "node:events";

import { peekEnvelope } from "../src/wire/ldap/envelope.ts";
import { parseFilter } from "../src/wire/ldap/filter.ts";
import { createFramer } from "../src/wire/ldap/frame.ts";
import { encodeSearch, encodeUnbind } from "../src/wire/ldap/message.ts";
import { OPERATION } from "../src/wire/ldap/operation.ts";
import { peekResult } from "../src/wire/ldap/response.ts";
import { connector, dnOf, hangUp, makeBind } from "./ldap-client.ts";

export interface LdapLoadResult {
  /** Those that succeeded. */
  readonly operations: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly refused: number;
  /** Connections that ended by themselves. */
  readonly lost: number;
  /** Everybody has been there: the figure is too low. */
  readonly ranOut: boolean;
}

const MESSAGE_BYTES_MAX = 65_536;

const [, , portText, job = "bind", ...numbers] = process.argv;
const port = Number(portText);
const [connections = 16, seconds = 5, first = 0, users = 1, codes = 0] = numbers.map(Number);
const open = connector(port, numbers[5]);
const isThere = parseFilter("(objectClass=*)");

function makeSearch(index: number): Buffer {
  return encodeSearch(2, {
    base: dnOf(index),
    scope: "base-object",
    sizeLimit: 0,
    timeLimitSeconds: 0,
    filter: isThere,
    username: Buffer.alloc(0),
    attributes: [],
  });
}

const wanted = job === "search" ? connections : users;
const binds = Array.from({ length: wanted }, (_, at) => makeBind(first + at, codes !== 0));
const unbind = encodeUnbind(3);
const latencies: number[] = [];
let refused = 0;
let lost = 0;
let next = 0;
let read = 0;
let isOver = false;
let startedAt = performance.now();

/** One connection after another, or one for ever. */
async function work(): Promise<void> {
  while (!isOver && isAnybodyLeft()) await useConnection();
}

/** Without codes people come back at once. */
function isAnybodyLeft(): boolean {
  return codes === 0 || next < binds.length;
}

async function useConnection(): Promise<void> {
  let begunAt = performance.now();
  let isLeaving = false;
  const socket = open();
  const framer = createFramer(MESSAGE_BYTES_MAX);
  let person = begin();
  socket.on("data", (chunk: Buffer) => {
    framer.push(chunk, (message) => {
      const envelope = peekEnvelope(message);
      if (envelope.tag === OPERATION.searchResultEntry) return;
      const isRight = peekResult(message, envelope).resultCode === 0;
      const isBind = envelope.tag === OPERATION.bindResponse;
      if (!isRight) refused += 1;
      if (isRight && isBind && job === "login") return void socket.write(makeSearch(person));
      if (isRight && (job !== "search" || !isBind)) latencies.push(performance.now() - begunAt);
      if (isOver || job === "login") return leave();
      begunAt = performance.now();
      if (job === "bind") person = begin();
      else socket.write(makeSearch(anybody()));
    });
  });
  socket.on("error", () => undefined);
  await once(socket, "close");
  if (!isLeaving) lost += 1;

  /** Sends the next person's bind; there may be none left. */
  function begin(): number {
    const place = next % binds.length;
    const bind = isAnybodyLeft() ? binds[place] : undefined;
    if (bind === undefined) leave();
    else socket.write(bind);
    next += 1;
    return first + place;
  }

  function leave(): void {
    isLeaving = true;
    socket.write(unbind);
    hangUp(socket);
  }
}

/** Everybody in turn, far apart, so that nothing is in anybody's cache by neighbourhood. */
function anybody(): number {
  read += 1;
  return first + ((read * 7919) % users);
}

startedAt = performance.now();
const timer = setTimeout(() => (isOver = true), seconds * 1000);
await Promise.all(Array.from({ length: connections }, work));
clearTimeout(timer);
const elapsed = (performance.now() - startedAt) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
const result: LdapLoadResult = {
  operations: latencies.length,
  perSecond: latencies.length / elapsed,
  p50: at(0.5),
  p99: at(0.99),
  refused,
  lost,
  ranOut: !isOver,
};
console.log(JSON.stringify(result));
