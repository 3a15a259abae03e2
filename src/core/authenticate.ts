// The loop around the decision: asks, decides, records, answers. Invariants: exactly one audit event
// per call, committed before the answer returns; a fault of any dependency is never an accept.

import type { Clock } from "../lib/clock.ts";
import { deriveKey } from "../lib/derive.ts";
import { ExpiringMap } from "../lib/expiring-map.ts";
import type { Log } from "../lib/log.ts";
import { uuidv7 } from "../lib/random.ts";
import type { Secret } from "../lib/secret.ts";
import {
  challengeScope,
  createAskers,
  findChallenge,
  fingerprint,
  type AskerOptions,
} from "./ask.ts";
import type { Authenticator, Decision, DoorFacts } from "./attempt.ts";
import type { EventType } from "./audit.ts";
import { newNonce, sealChallenge } from "./challenge.ts";
import { nextStep, type Question } from "./decide.ts";
import { helpFor } from "./help.ts";
import { newLogin, NO_GROUPS, type Login } from "./login.ts";
import type { LoginObserver } from "./observer.ts";
import { DependencyDown, type Attempts } from "./ports.ts";
import { doorEvent, endingOf, failureOf, loginEvent, type Moment } from "./record.ts";
import { createRebinds } from "./rebind.ts";
import { createSourceThrottle } from "./throttle.ts";
import type { CodeWindow } from "./totp.ts";
import { type OutageReason, type Verdict } from "./verdict.ts";

export interface AuthenticatorOptions {
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 bytes; every key used here is derived from it. */
  readonly masterKey: Secret;
  /** Read for each code, so that a reload takes effect at once. */
  readonly window: () => CodeWindow;
  /** How long a failed field is remembered: the lockout window, ms. */
  readonly failedFieldMs: number;
  readonly observer?: LoginObserver;
}

// The questions that the directory answers.
const AT_DIRECTORY: ReadonlySet<Question> = new Set(["person", "policy", "password"]);
// Long enough to find the telephone, short enough that a stolen State is worthless.
const CHALLENGE_LIFETIME_MS = 120_000;
// About 150 bytes each. Beyond it the oldest are forgotten and would count again.
const FAILED_FIELDS_MAX = 50_000;
// Every question is asked at most once; more turns than questions is a mistake of ours.
const STEPS_MAX = 12;

const DOWN: Verdict = { outcome: "unavailable", reason: "internal-error", dependency: "gatehouse" };

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { attempts, clock, log } = options;
  const keys = {
    challenge: deriveKey(options.masterKey, "challenge"),
    bypass: deriveKey(options.masterKey, "bypass"),
    fingerprint: deriveKey(options.masterKey, "fingerprint"),
  };
  const failedFields = new ExpiringMap<string, true>({
    lifetimeMs: options.failedFieldMs,
    entriesMax: FAILED_FIELDS_MAX,
  });
  const rebinds = createRebinds();
  const endUsers = createSourceThrottle(clock);
  const clients = createSourceThrottle(clock);
  const context: AskerOptions = {
    attempts,
    clock,
    throttle: endUsers,
    window: options.window,
    keys,
    failedFields,
    rebinds,
  };
  const askers = createAskers(context);

  async function authenticate(login: Login): Promise<Decision> {
    try {
      const wanted = await decide(login);
      const verdict = await settle(login, wanted);
      const state = verdict.outcome === "challenge" ? sealState(login) : undefined;
      watchSource(login, verdict);
      observe(login, verdict);
      watchRebinds(login, verdict);
      const groups = verdict.outcome === "accept" ? login.groups : NO_GROUPS;
      const help = helpFor(login, verdict, clock.now());
      return { verdict, groups, identity: login.identity, state, help };
    } catch (error) {
      const verdict = await giveUp(login, error);
      observe(login, verdict);
      return { verdict, groups: NO_GROUPS };
    }
  }

  function observe({ attempt, startedAt, directoryMs }: Login, verdict: Verdict): void {
    const { door, receivedAt = startedAt } = attempt;
    const totalMs = clock.monotonic() - receivedAt;
    options.observer?.decided(door.service, door.client, verdict, totalMs, directoryMs);
  }

  async function decide(login: Login): Promise<Verdict> {
    for (let steps = 0; steps < STEPS_MAX; steps += 1) {
      const step = nextStep(login.facts, login.attempt.demand);
      if ("verdict" in step) {
        if (needsGroups(login, step.verdict)) await learnGroups(login);
        return step.verdict;
      }
      const asked = askers[step.ask](login);
      // Half of the questions are answered at once: no turn of the microtask queue for those.
      if (asked === undefined) continue;
      const askedAt = clock.monotonic();
      try {
        await asked;
      } finally {
        // An answer that never comes has been waited for as well.
        if (AT_DIRECTORY.has(step.ask)) login.directoryMs += clock.monotonic() - askedAt;
      }
    }
    throw new Error("the decision asked more questions than there are");
  }

  // A challenge answered brings them along.
  function needsGroups({ attempt, state }: Login, { outcome }: Verdict): boolean {
    const isNeeded = outcome === "accept" || outcome === "challenge";
    return isNeeded && state === undefined && attempt.demand.replyGroups.length > 0;
  }

  // Before anything is claimed: a failed group lookup is an outage, and must burn no code.
  async function learnGroups(login: Login): Promise<void> {
    const { directory, demand } = login.attempt;
    if (login.identity === undefined) return;
    const askedAt = clock.monotonic();
    try {
      login.groups = await directory.memberOf(login.identity, demand.replyGroups);
    } finally {
      login.directoryMs += clock.monotonic() - askedAt;
    }
  }

  async function settle(login: Login, verdict: Verdict): Promise<Verdict> {
    const event = loginEvent(login, verdict, momentOf(login.startedAt));
    if (login.reservation === undefined) {
      await attempts.record(event);
      return verdict;
    }
    const reservation = login.reservation;
    const isRepeat = failureOf(verdict) !== "neutral" && !rememberFailure(login);
    const recorded = await attempts.finish(reservation, endingOf(login, verdict, isRepeat, event));
    if (recorded.kind === "lost") return { outcome: "reject", reason: recorded.reason };
    return verdict;
  }

  // True for the first failure of this field in the window. Marked before the store is told, so that
  // of parallel copies exactly one is counted.
  function rememberFailure(login: Login): boolean {
    const key = fingerprint(keys, login);
    const now = clock.monotonic();
    if (failedFields.find(key, now) === true) return false;
    failedFields.set(key, true, now);
    return true;
  }

  function sealState(login: Login): Buffer {
    const { account, groups } = login;
    if (account?.id === undefined || account.token === undefined) {
      throw new Error("a challenge needs an enrolled account");
    }
    const challenge = {
      nonce: newNonce(),
      expiresAt: clock.now() + CHALLENGE_LIFETIME_MS,
      account: account.id,
      generation: account.token.generation,
      groups,
    };
    return sealChallenge(keys.challenge, challenge, challengeScope(login));
  }

  function watchSource(login: Login, verdict: Verdict): void {
    if (verdict.outcome !== "reject") return;
    if (failureOf(verdict) === "neutral" && verdict.reason !== "user-not-found") return;
    const { door, username } = login.attempt;
    const person = login.identity?.id ?? username.toLowerCase();
    if (door.endUser === undefined) {
      if (clients.failed(door.client, person)) alarm("password_spray_suspected", door);
    } else if (endUsers.failed(door.endUser, person)) {
      alarm("client_ip_blocked", door);
    }
  }

  function watchRebinds({ attempt: { rebind, door }, rebindKey, facts }: Login, verdict: Verdict) {
    if (rebind === undefined || rebindKey === undefined) return;
    const now = clock.monotonic();
    if (verdict.outcome === "accept" && facts.code === "right") rebinds.accepted(rebindKey, now);
    if (verdict.outcome !== "reject" || verdict.reason !== "mfa-code-replayed") return;
    if (!rebinds.isExplained(rebindKey, rebind.windowMs, now)) return;
    const { setting, address } = rebind;
    const hint = "an application bound twice with one code and was refused; to let it through, set";
    log.warn({ client: door.client, address, setting }, `${hint} ${setting}`);
  }

  function alarm(eventType: EventType, door: DoorFacts): void {
    const verdict: Verdict = { outcome: "reject", reason: "source-blocked" };
    const moment = { id: uuidv7(clock.now()), now: clock.now(), durationMs: 0 };
    const event = { ...doorEvent(door, undefined, verdict, moment), event_type: eventType };
    log.warn({ client: door.client, end_user: door.endUser }, eventType);
    attempts.record(event).catch((error: unknown) => log.error({ err: error }, "event lost"));
  }

  // An outage counts nothing and accepts nothing; even its event may be impossible to keep.
  async function giveUp(login: Login, error: unknown): Promise<Verdict> {
    const verdict = outageOf(error, log);
    const event = loginEvent(login, verdict, momentOf(login.startedAt));
    try {
      if (login.reservation === undefined) await attempts.record(event);
      else await attempts.abandon(login.reservation, event);
    } catch (failure) {
      log.error({ err: failure, request_id: event.request_id }, "the event of an outage was lost");
    }
    return verdict;
  }

  function momentOf(startedAt: number): Moment {
    const now = clock.now();
    return { id: uuidv7(now), now, durationMs: clock.monotonic() - startedAt };
  }

  return {
    login: (attempt) => authenticate(newLogin(attempt, clock.monotonic())),
    answer: (answer) => authenticate(newLogin(answer, clock.monotonic(), answer.state)),
    opens: (answer) => findChallenge(context, newLogin(answer, 0, answer.state)) !== undefined,
    async refuse(door, reason) {
      const verdict: Verdict = { outcome: "reject", reason };
      const startedAt = clock.monotonic();
      await attempts.record(doorEvent(door, door.username, verdict, momentOf(startedAt)));
      const totalMs = clock.monotonic() - startedAt;
      options.observer?.decided(door.service, door.client, verdict, totalMs, 0);
    },
  };
}

function outageOf(error: unknown, log: Log): Verdict {
  if (!(error instanceof DependencyDown)) {
    log.error({ err: error }, "a login ended in a fault of Gatehouse's own; it was refused");
    return DOWN;
  }
  return { outcome: "unavailable", reason: outageReason(error), dependency: error.dependency };
}

function outageReason(error: DependencyDown): OutageReason {
  if (error.dependency === "store") return "store-unavailable";
  if (error.dependency === "clock") return "clock-unreliable";
  if (error.dependency === "client") return "client-gone";
  return error.dependency.startsWith("directory:") ? "directory-unavailable" : "internal-error";
}
