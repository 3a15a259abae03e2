// The way of a datagram: proven origin, duplicate or not, one login, one reply.
// Invariants: nothing unproven touches a cache; `handle` never throws; silence always has a reason.

import type { Authenticator, ChallengeAnswer, Decision, DoorFacts } from "../../core/attempt.ts";
import type { Learnt } from "../../core/ports.ts";
import { rejectAt } from "../../core/reject-delay.ts";
import type { HelpText, Reason } from "../../core/verdict.ts";
import type { Clock } from "../../lib/clock.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import type { Log } from "../../lib/log.ts";
import { uuidv7 } from "../../lib/random.ts";
import { WireError } from "../../wire/error.ts";
import { CODE } from "../../wire/radius/code.ts";
import { decode, type Packet } from "../../wire/radius/packet.ts";
import type { SharedSecret } from "../../wire/radius/shared-secret.ts";
import { plainAddress } from "../../lib/address.ts";
import { type ClientTable, createClientTable, type KnownClient } from "./clients.ts";
import { type Copies, createCopies, type Outcome } from "./copies.ts";
import type { Drop, DropReason } from "./drop-reasons.ts";
import { createDrops, type Drops, type DropsOptions } from "./drops.ts";
import { doorFacts } from "./facts.ts";
import { loadSigners, type Proof, proveOrigin, type Signers } from "./proof.ts";
import { createQueue, type Queue, type QueueLimits } from "../../lib/queue.ts";
import { type Answer, createReplies, type Replies } from "./replies.ts";
import {
  challengeAttributes,
  rejectAttributes,
  messageAttributes,
  replyAttributes,
  writeReply,
  writeStatusReply,
} from "./reply.ts";
import { type AccessRequest, readRequest } from "./request.ts";
import { readTrial, type Trial, trialPacket, type TrialResult } from "./trial.ts";

export interface RadiusDoorOptions extends DropsOptions {
  readonly clients: Parameters<typeof createClientTable>[0];
  /** By name; under undefined all of them together. */
  readonly directories: Parameters<typeof createClientTable>[1];
  readonly authenticator: Authenticator;
  readonly learnt: Learnt;
  /** Whether anybody at all could be logged in now. */
  readonly canServe: () => boolean;
  readonly helpText: HelpText;
  readonly limits?: QueueLimits;
}

/** Where a datagram came from, and which of our sockets took it. */
export interface Origin {
  readonly address: string;
  readonly port: number;
  readonly socket: string;
}

interface RadiusCounts {
  accepts: number;
  challenges: number;
  rejects: number;
  duplicates: number;
  statusRequests: number;
  readonly drops: Readonly<Record<DropReason, number>>;
}

export interface RadiusDoor {
  /** Reply or silence; never throws. */
  handle(datagram: Buffer, from: Origin): Promise<Answer | Drop>;
  /** As if a NAS of that client had sent it; undefined: there is no such client. May throw. */
  tryLogin(client: string, trial: Trial): Promise<TrialResult | undefined>;
  /** From now on these; logins under way finish with what they began with. */
  reload(settings: Pick<RadiusDoorOptions, "clients" | "directories">): void;
  /** Writes what was counted instead of reported; with `all`, of unfinished windows too. */
  report(all?: boolean): Promise<void>;
  readonly counts: Readonly<RadiusCounts>;
  readonly queue: Pick<Queue, "running" | "waiting">;
}

interface Door {
  readonly authenticator: Authenticator;
  readonly helpText: HelpText;
  readonly canServe: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly drops: Drops;
  readonly signers: Signers;
  readonly replies: Replies;
  readonly copies: Copies;
  readonly queue: Queue;
  /** States whose answer had its turn at the front. */
  readonly answered: ExpiringMap<string, true>;
  readonly counts: RadiusCounts;
  clients: ClientTable;
}

/** One proven packet. */
interface Arrival {
  readonly packet: Packet;
  readonly client: KnownClient;
  readonly address: string;
  readonly proof: Proof;
  readonly receivedAt: number;
}

/** No NAS is there: this login came through the control socket. */
const TRIAL_ADDRESS = "127.0.0.1";

// Enough to keep every directory connection busy; the rest waits where it can be sorted.
const LIMITS: QueueLimits = { runningMax: 512, waitingMax: 4_096, waitMsMax: 2_500 };

// As long as a challenge lives; some 250 bytes each.
const ANSWERED_MS = 120_000;
const ANSWERED_MAX = 50_000;

/** Throws DependencyDown when what was learnt before can't be read. */
export async function createRadiusDoor(options: RadiusDoorOptions): Promise<RadiusDoor> {
  const { clock, log } = options;
  const drops = createDrops(options);
  const door: Door = {
    authenticator: options.authenticator,
    helpText: options.helpText,
    canServe: options.canServe,
    clock,
    log,
    drops,
    signers: await loadSigners(options.learnt, log),
    replies: createReplies(),
    copies: createCopies(),
    queue: createQueue(clock, options.limits ?? LIMITS),
    answered: new ExpiringMap({ lifetimeMs: ANSWERED_MS, entriesMax: ANSWERED_MAX }),
    counts: {
      accepts: 0,
      challenges: 0,
      rejects: 0,
      duplicates: 0,
      statusRequests: 0,
      drops: drops.counts,
    },
    clients: createClientTable(options.clients, options.directories),
  };
  return {
    handle: (datagram, from) => handle(door, datagram, from),
    tryLogin: (client, trial) => tryLogin(door, client, trial),
    reload({ clients, directories }) {
      door.clients = createClientTable(clients, directories);
      // What was decided under other rules is decided again.
      door.copies.clear();
    },
    report: (all) => drops.report(all),
    counts: door.counts,
    queue: door.queue,
  };
}

async function handle(door: Door, datagram: Buffer, from: Origin): Promise<Answer | Drop> {
  const address = plainAddress(from.address);
  const receivedAt = door.clock.monotonic();
  const client = door.clients.find(address, receivedAt);
  if (client === undefined) return door.drops.drop("unknown-source", undefined, address);
  try {
    const packet = findPacket(datagram);
    if (packet === undefined) return door.drops.drop("malformed-packet", client, address);
    if (packet.code !== CODE.accessRequest && packet.code !== CODE.statusServer) {
      return door.drops.drop("unexpected-code", client, address);
    }
    const proof = proveOrigin(packet, client, address, door.signers);
    if (typeof proof === "string") return door.drops.drop(proof, client, address);
    const arrival = { packet, client, address, proof, receivedAt };
    if (packet.code === CODE.statusServer) return status(door, arrival);
    return await exchange(door, arrival, from);
  } catch (error) {
    door.log.error({ err: error, client: client.settings.name }, "a request ended in a fault");
    return door.drops.drop("internal-error", client, address);
  }
}

async function tryLogin(door: Door, name: string, trial: Trial): Promise<TrialResult | undefined> {
  const client = door.clients.named(name);
  if (client === undefined) return undefined;
  const proof = { secret: client.secret, isSigned: true };
  const packet = trialPacket(trial, client);
  const receivedAt = door.clock.monotonic();
  const arrival = { packet, client, address: TRIAL_ADDRESS, proof, receivedAt };
  const request = readRequest(packet, client, proof);
  const outcome = await settle(door, arrival, request);
  const answer = answerTo(door, arrival, proof.secret, outcome);
  const reason =
    outcome !== "overload" && "reason" in outcome.verdict ? outcome.verdict.reason : undefined;
  return readTrial(typeof answer === "string" ? answer : answer.bytes, reason);
}

function findPacket(datagram: Buffer): Packet | undefined {
  try {
    return decode(datagram);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

// RFC 5997 §3: silence is the way to say that nobody can be served.
function status(
  door: Door,
  { packet, client, address, proof, receivedAt }: Arrival,
): Answer | Drop {
  door.counts.statusRequests += 1;
  if (!door.canServe()) return door.drops.drop("unavailable", client, address);
  return { bytes: writeStatusReply(packet, proof.secret), sendAt: receivedAt };
}

// RFC 5080 §2.2.2: a duplicate gets the same reply, not a second login.
async function exchange(door: Door, arrival: Arrival, from: Origin): Promise<Answer | Drop> {
  const { packet, client, address, receivedAt } = arrival;
  const key = `${packet.identifier} ${from.port} ${address} ${from.socket}`;
  const begun = door.replies.begin(key, packet.authenticator, receivedAt);
  if (begun.kind === "in-progress") {
    return door.drops.drop("duplicate-in-progress", client, address);
  }
  if (begun.kind === "answered") {
    door.counts.duplicates += 1;
    return { bytes: begun.answer.bytes, sendAt: receivedAt };
  }
  let answer: Answer | DropReason = "internal-error";
  try {
    const request = readRequest(packet, client, arrival.proof);
    const outcome = await settle(door, arrival, request);
    answer = answerTo(door, arrival, request.secret, outcome);
  } finally {
    if (typeof answer === "string") door.replies.forget(begun.exchange, door.clock.monotonic());
  }
  if (typeof answer === "string") return door.drops.drop(answer, client, address);
  const isWanted = door.replies.finish(begun.exchange, answer, door.clock.monotonic());
  return isWanted ? answer : door.drops.drop("superseded", client, address);
}

async function settle(door: Door, arrival: Arrival, request: AccessRequest): Promise<Outcome> {
  const { packet, client, address, receivedAt } = arrival;
  if (request.kind === "probe") {
    door.drops.probe(client, request.username, address);
    return refusal("probe-user");
  }
  const requestId = uuidv7(door.clock.now());
  const { authType } = request;
  const facts = doorFacts(packet.attributes, client, { address, authType, requestId });
  if (request.kind === "refused") return refuse(door, facts, request);

  const { username, credentials, state } = request;
  const { directory, demand } = client;
  const attempt = { username, credentials, directory, demand, door: facts, receivedAt };
  const login = (): Promise<Outcome> =>
    state === undefined
      ? door.queue.run(false, () => door.authenticator.login(attempt))
      : answer(door, { ...attempt, state }, receivedAt);
  if (state !== undefined) door.copies.spend(state, receivedAt);
  const { attributes } = packet;
  const key = door.copies.key({ ...attempt, client: client.settings.name, state, attributes });
  return key === undefined ? login() : door.copies.share(key, receivedAt, login);
}

// RFC 5080 §2.2.3 puts answers first. One turn at the front for each State we sent: neither a made-up
// one nor a repeated one keeps those who log in from their turn.
async function answer(door: Door, given: ChallengeAnswer, receivedAt: number): Promise<Outcome> {
  const { authenticator, answered, queue } = door;
  const state = given.state.toString("latin1");
  const isFirst = answered.find(state, receivedAt) === undefined && authenticator.opens(given);
  if (isFirst) answered.set(state, true, receivedAt);
  const outcome = await queue.run(isFirst, () => authenticator.answer(given));
  if (isFirst && outcome === "overload") answered.delete(state);
  return outcome;
}

async function refuse(
  door: Door,
  facts: DoorFacts,
  { username, reason }: Extract<AccessRequest, { kind: "refused" }>,
): Promise<Outcome> {
  const named = username === undefined ? facts : { ...facts, username };
  return door.queue.run(false, async () => {
    try {
      await door.authenticator.refuse(named, reason);
      return refusal(reason);
    } catch (error) {
      // What can't be written down isn't answered as if it had been.
      door.log.error({ err: error, request_id: facts.requestId }, "a refusal's event was lost");
      return UNRECORDED;
    }
  });
}

function refusal(reason: Reason): Decision {
  return { verdict: { outcome: "reject", reason }, groups: new Set() };
}

const UNRECORDED: Decision = {
  verdict: { outcome: "unavailable", reason: "store-unavailable", dependency: "store" },
  groups: new Set(),
};

function answerTo(
  door: Door,
  { packet, client, receivedAt }: Arrival,
  secret: SharedSecret,
  outcome: Outcome,
): Answer | DropReason {
  if (outcome === "overload") return "overload";
  const { counts, clock } = door;
  const now = clock.monotonic();
  const { reply, rejectDelayMs } = client.settings;
  switch (outcome.verdict.outcome) {
    case "accept": {
      counts.accepts += 1;
      const granted = replyAttributes(reply, outcome.groups);
      const attributes = [...granted, ...messageAttributes(helpOf(door, outcome))];
      return sent(writeReply(packet, CODE.accessAccept, attributes, secret), now);
    }
    case "challenge": {
      counts.challenges += 1;
      if (outcome.state === undefined) throw new Error("a challenge came without its State");
      const attributes = challengeAttributes(outcome.state);
      return sent(writeReply(packet, CODE.accessChallenge, attributes, secret), now);
    }
    case "unavailable":
      // Silence would take the whole NAS down for one directory of several.
      if (!door.canServe()) return "unavailable";
      break;
    case "reject":
      break;
  }
  counts.rejects += 1;
  const attributes = [...rejectAttributes(packet), ...messageAttributes(helpOf(door, outcome))];
  const bytes = writeReply(packet, CODE.accessReject, attributes, secret);
  return sent(bytes, rejectAt(receivedAt, now, rejectDelayMs));
}

function helpOf(door: Door, { help, verdict }: Decision): string | undefined {
  return help && door.helpText(help, verdict.outcome === "accept");
}

function sent(bytes: Buffer | undefined, sendAt: number): Answer | DropReason {
  return bytes === undefined ? "reply-too-long" : { bytes, sendAt };
}
