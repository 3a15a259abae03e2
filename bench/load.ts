// The generator: a closed loop of RADIUS logins, `password,code`, over UDP on loopback. Prints one
// JSON line. Requests are made before the clock starts and replies verified after it stopped, so that
// the generator takes as little as possible from the two it shares the machine with.
//
// node bench/load.ts PORT WINDOW SOCKETS SECONDS FIRST USERS

import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";

import { generateCode, stepAt } from "../src/core/totp.ts";
import { Secret } from "../src/lib/secret.ts";
import { ATTRIBUTE } from "../src/wire/radius/attributes.ts";
import { CODE } from "../src/wire/radius/code.ts";
import { verifyReply } from "../src/wire/radius/authenticator.ts";
import { decode, encodeRequest } from "../src/wire/radius/packet.ts";
import { SharedSecret } from "../src/wire/radius/shared-secret.ts";
import { nameOf, passwordOf, SHARED_SECRET, totpKeyOf } from "./people.ts";

export interface LoadResult {
  readonly logins: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly rejects: number;
  readonly resent: number;
  readonly lost: number;
  /** Replies whose authenticator is wrong. */
  readonly forged: number;
}

const IDENTIFIERS = 256;
const RESEND_MS = 3_000;
const LOST_MS = 10_000;
const SWEEP_MS = 250;
const STEP_MS = 30_000;
/** One request, generously. */
const MAKING_MS = 0.1;

interface Request {
  readonly bytes: Buffer;
  readonly authenticator: Buffer;
  readonly socket: number;
  readonly identifier: number;
  sentAt: number;
  hasResent: boolean;
  reply: Buffer | undefined;
}

const [port = 0, window = 64, sockets = 4, seconds = 5, first = 0, users = 0] = process.argv
  .slice(2)
  .map(Number);
const secret = new SharedSecret(Secret.of(SHARED_SECRET));
const token = { algorithm: "sha1", digits: 6 } as const;

// FreeRADIUS takes the current step's code only: making and using them has to fit into one step.
async function untilStepLasts(neededMs: number): Promise<number> {
  const left = STEP_MS - (Date.now() % STEP_MS);
  if (left < neededMs) await wait(left);
  return stepAt(Date.now(), STEP_MS / 1000);
}

function makeRequests(step: number): Request[] {
  return Array.from({ length: users }, (_, at) => {
    const index = first + at;
    const socket = at % sockets;
    const identifier = Math.floor(at / sockets) % IDENTIFIERS;
    const authenticator = randomBytes(16);
    const code = generateCode(token, Secret.of(totpKeyOf(index)), step);
    const password = Secret.of(`${passwordOf(index)},${code}`);
    const port_ = Buffer.alloc(4);
    port_.writeUInt32BE(index);
    const bytes = encodeRequest({
      code: CODE.accessRequest,
      identifier,
      authenticator,
      attributes: [
        { type: ATTRIBUTE.userName, value: Buffer.from(nameOf(index)) },
        { type: ATTRIBUTE.nasIpAddress, value: Buffer.from([127, 0, 0, 1]) },
        { type: ATTRIBUTE.nasPort, value: port_ },
        { type: ATTRIBUTE.callingStationId, value: Buffer.from(stationOf(index)) },
      ],
      secret,
      password,
    });
    return {
      bytes,
      authenticator,
      socket,
      identifier,
      sentAt: 0,
      hasResent: false,
      reply: undefined,
    };
  });
}

function stationOf(index: number): string {
  const octets = index.toString(16).padStart(6, "0").match(/../g) ?? [];
  return ["02", "00", "00", ...octets].join("-").toUpperCase();
}

async function connected(): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

const step = await untilStepLasts(seconds * 1000 + users * MAKING_MS);
const requests = makeRequests(step);
const open: Socket[] = [];
for (let at = 0; at < sockets; at += 1) open.push(await connected());
const waiting = new Map<number, Request>();
const latencies: number[] = [];
const answered: Request[] = [];
let next = 0;
let resent = 0;
let lost = 0;
let isOver = false;
const finished = Promise.withResolvers<void>();

function slotOf({ socket, identifier }: Request): number {
  return socket * IDENTIFIERS + identifier;
}

function sendNext(): void {
  const request = requests[next];
  if (isOver || request === undefined) {
    if (waiting.size === 0) finished.resolve();
    return;
  }
  next += 1;
  // Still waited for, a thousand logins later: as good as lost.
  if (waiting.has(slotOf(request))) lost += 1;
  waiting.set(slotOf(request), request);
  request.sentAt = performance.now();
  open[request.socket]?.send(request.bytes);
}

for (const [index, socket] of open.entries()) {
  socket.on("message", (reply) => {
    const slot = index * IDENTIFIERS + reply.readUInt8(1);
    const request = waiting.get(slot);
    if (request === undefined) return;
    waiting.delete(slot);
    latencies.push(performance.now() - request.sentAt);
    request.reply = reply;
    answered.push(request);
    sendNext();
  });
}

const startedAt = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  if (now - startedAt >= seconds * 1000) isOver = true;
  for (const [slot, request] of waiting) {
    if (now - request.sentAt > LOST_MS || (isOver && now - startedAt > seconds * 1000 + LOST_MS)) {
      waiting.delete(slot);
      lost += 1;
      sendNext();
    } else if (now - request.sentAt > RESEND_MS && !request.hasResent) {
      request.hasResent = true;
      resent += 1;
      open[request.socket]?.send(request.bytes);
    }
  }
  if (isOver && waiting.size === 0) finished.resolve();
}, SWEEP_MS);
for (let at = 0; at < window; at += 1) sendNext();
await finished.promise;
const elapsed = (performance.now() - startedAt) / 1000;
clearInterval(timer);
for (const socket of open) socket.close();

latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
const accepts = answered.filter(({ reply }) => reply?.readUInt8(0) === CODE.accessAccept);
const forged = answered.filter(
  ({ reply, authenticator }) =>
    reply === undefined || !verifyReply(decode(reply), authenticator, secret),
);
const result: LoadResult = {
  logins: accepts.length,
  perSecond: accepts.length / elapsed,
  p50: at(0.5),
  p99: at(0.99),
  rejects: answered.length - accepts.length,
  resent,
  lost,
  forged: forged.length,
};
console.log(JSON.stringify(result));
