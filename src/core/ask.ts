// How each question of the decision is answered: one asker per fact. Invariant: an asker sets its
// fact or throws (DependencyDown); it never decides.

import { createHmac } from "node:crypto";

import type { Clock } from "../lib/clock.ts";
import type { ExpiringMap } from "../lib/expiring-map.ts";
import type { Secret } from "../lib/secret.ts";
import { verifyBypassCode } from "./bypass.ts";
import { openChallenge, type Challenge, type ChallengeScope } from "./challenge.ts";
import {
  asWritten,
  isEmptyPassword,
  readAnswer,
  splitCredentials,
  type CodeForms,
  type Split,
} from "./credentials.ts";
import type { CodeFact, EnrolmentFact, Question } from "./decide.ts";
import type { Login } from "./login.ts";
import { DependencyDown, type Account, type Attempts } from "./ports.ts";
import type { Rebinds } from "./rebind.ts";
import { hashRecoveryCode } from "./recovery.ts";
import type { SourceThrottle } from "./throttle.ts";
import { checkCode, type CodeWindow } from "./totp.ts";

export interface AskerOptions {
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly throttle: SourceThrottle;
  readonly window: () => CodeWindow;
  readonly keys: Keys;
  readonly rebinds: Rebinds;
  /** Fingerprints of failed fields; core/authenticate.ts writes, the code's asker reads. */
  readonly failedFields: ExpiringMap<string, true>;
}

export interface Keys {
  readonly challenge: Secret;
  readonly bypass: Secret;
  readonly fingerprint: Secret;
}

export type Asker = (login: Login) => Promise<void> | void;

/** NIST SP 800-63B §3.2.2: at most 100 wrong codes in a row, then the factor is suspended. */
export const WRONG_CODES_MAX = 100;

// A host whose clock says 1970 has no business checking codes (RFC 6238 §5.2 needs the time).
const EARLIEST_PLAUSIBLE_MS = Date.UTC(2026, 0, 1);

export function createAskers(options: AskerOptions): Record<Question, Asker> {
  return {
    field: (login) => (login.state === undefined ? askField(login) : askState(options, login)),
    source: (login) => {
      const source = login.attempt.door.endUser;
      const isBlocked = source !== undefined && options.throttle.isBlocked(source);
      login.facts.source = isBlocked ? "blocked" : "open";
    },
    person: askPerson,
    service: askService,
    account: (login) => askAccount(options, login),
    policy: askPolicy,
    enrolment: (login) => {
      login.facts.enrolment = enrolmentOf(options, login);
    },
    code: (login) => askCode(options, login),
    password: askPassword,
  };
}

function askField(login: Login): void {
  const { credentials, demand } = login.attempt;
  const isEmpty = isEmptyPassword(credentials, demand.separator);
  login.facts.field = isEmpty ? "empty" : "filled";
}

// Claimed on arrival, right or wrong: one State, one try, whichever node takes it.
async function askState(options: AskerOptions, login: Login): Promise<void> {
  const challenge = findChallenge(options, login);
  const isLive =
    challenge !== undefined &&
    (await options.attempts.claimNonce(challenge.nonce, challenge.expiresAt));
  if (isLive) {
    login.resumed = { account: challenge.account, generation: challenge.generation };
    login.groups = challenge.groups;
  }
  login.facts.field = isLive ? "filled" : "state-invalid";
}

/** What the State says, if it is one of ours for this login and hasn't expired; claims nothing. */
export function findChallenge(
  { keys, clock }: Pick<AskerOptions, "keys" | "clock">,
  login: Login,
): Challenge | undefined {
  if (login.state === undefined) return undefined;
  const challenge = openChallenge(keys.challenge, login.state, challengeScope(login));
  return challenge !== undefined && challenge.expiresAt > clock.now() ? challenge : undefined;
}

export function challengeScope(login: Login): ChallengeScope {
  const { attempt } = login;
  return {
    client: attempt.door.client,
    username: attempt.username,
    directory: attempt.directory.name,
    mfa: attempt.demand.mfa,
    allowGroups: attempt.demand.allowGroups,
    replyGroups: attempt.demand.replyGroups,
  };
}

async function askPerson(login: Login): Promise<void> {
  const found = await login.attempt.directory.find(login.attempt.username);
  if (found.kind === "found") login.identity = found.identity;
  login.facts.person = found.kind;
}

function askService(login: Login): void {
  login.facts.service = login.attempt.serviceOf?.(getIdentity(login)) ?? "person";
}

async function askAccount(options: AskerOptions, login: Login): Promise<void> {
  if (login.facts.service === "exempt") return askServiceAccount(options, login);
  const source = login.attempt.door.endUser;
  const { resumed, identity } = login;
  let begun;
  if (resumed !== undefined) begun = await options.attempts.resume(resumed.account, source);
  else if (identity !== undefined) begun = await options.attempts.begin(identity, source);
  else throw new Error("an account was asked for before a person was found");
  if (begun.kind === "refused") {
    login.facts.account = begun.reason;
    return;
  }
  login.reservation = begun.reservation;
  login.account = begun.account;
  login.identity = begun.reservation.identity;
  const isSameToken =
    resumed === undefined || begun.account.token?.generation === resumed.generation;
  login.facts.account = isSameToken ? "begun" : "token-changed";
}

// Strangers' failures can't lock it out: nothing is counted, only an administrator's lock holds.
async function askServiceAccount(options: AskerOptions, login: Login): Promise<void> {
  const isLocked = await options.attempts.isLocked(getIdentity(login));
  login.facts.account = isLocked ? "account-locked" : "begun";
}

function askPolicy(login: Login): Promise<void> | void {
  if (login.attempt.demand.allowGroups.length > 0) return askGroups(login);
  login.facts.policy = "allowed";
}

async function askGroups(login: Login): Promise<void> {
  const { directory, demand } = login.attempt;
  const groups = await directory.memberOf(getIdentity(login), demand.allowGroups);
  login.facts.policy = groups.size > 0 ? "allowed" : "not-in-group";
}

function enrolmentOf(options: AskerOptions, login: Login): EnrolmentFact {
  const account = getAccount(login);
  if (account.token !== undefined) {
    if (account.suspicion >= WRONG_CODES_MAX) return "suspended";
    return account.token.secret === undefined ? "unreadable" : "enrolled";
  }
  const forms = codeForms(options, account);
  if (forms.bypass && splitOf(login, forms).codeKind === "bypass") return "enrolled";
  if (account.requirement === undefined) return "not-required";
  return account.requirement.until > options.clock.now() ? "in-period" : "period-expired";
}

function askCode(options: AskerOptions, login: Login): Promise<void> | void {
  const account = getAccount(login);
  const refusal = readCode(options, login, account);
  const { code, codeKind } = login.split ?? {};
  if (refusal !== undefined || code === undefined) login.facts.code = refusal ?? "absent";
  else if (codeKind === "recovery") return askRecovery(options, login, account, code);
  else if (codeKind === "totp") login.facts.code = checkTotp(options, login, account, code);
  else login.facts.code = checkBypass(options, account, code);
}

/** What is known of the code without comparing it; undefined: it has to be compared. */
function readCode(options: AskerOptions, login: Login, account: Account): CodeFact | undefined {
  const { credentials, demand } = login.attempt;
  const forms = codeForms(options, account);
  if (login.state !== undefined) {
    const code = asWritten(credentials);
    login.split = { password: credentials, code, codeKind: readAnswer(code, forms) };
  } else if (demand.code !== "challenge") {
    login.split = splitOf(login, forms);
  }
  const split = login.split;
  if (split?.code === undefined) return "absent";
  if (split.codeKind === "absent") return "malformed";
  if (isRebound(options, login, account)) return "rebound";
  return isRepeated(options, login) ? "repeated" : undefined;
}

function splitOf({ attempt }: Login, forms: CodeForms): Split {
  const { credentials, demand, codeField } = attempt;
  if (codeField === undefined) return splitCredentials(credentials, demand.separator, forms);
  const code = codeField.typed && asWritten(codeField.typed);
  const codeKind = code === undefined ? "absent" : readAnswer(code, forms);
  return { password: credentials, code, codeKind };
}

// Most logins happen while nobody fails: then there is nothing to compare with.
function isRepeated({ failedFields, keys, clock }: AskerOptions, login: Login): boolean {
  if (failedFields.size === 0) return false;
  return failedFields.find(fingerprint(keys, login), clock.monotonic()) === true;
}

function isRebound({ rebinds, clock }: AskerOptions, login: Login, account: Account): boolean {
  const { rebind, door, credentials } = login.attempt;
  if (rebind === undefined) return false;
  const identity = getIdentity(login);
  const { generation = 0 } = account.token ?? {};
  const { address, windowMs } = rebind;
  login.rebindKey = rebinds.key({
    identity,
    generation,
    listener: door.client,
    address,
    credentials,
  });
  return rebinds.take(login.rebindKey, windowMs, clock.monotonic());
}

function checkTotp(options: AskerOptions, login: Login, account: Account, code: Secret): CodeFact {
  const { token } = account;
  if (token?.secret === undefined) return "wrong";
  const now = options.clock.now();
  if (now < EARLIEST_PLAUSIBLE_MS) {
    throw new DependencyDown("clock", "the host's clock is before 2026: codes can't be checked");
  }
  const check = checkCode(token, token.secret, code, now, options.window());
  if (check.kind === "right") {
    const { step, driftSteps } = check;
    login.claim = { token: token.id, generation: token.generation, step, driftSteps };
  }
  return check.kind;
}

function checkBypass(options: AskerOptions, account: Account, code: Secret): CodeFact {
  const { bypass } = account;
  const isRight =
    bypass !== undefined &&
    verifyBypassCode(options.keys.bypass, code.reveal().toString("latin1"), bypass.codeHash);
  return isRight ? "right" : "wrong";
}

const RECOVERY_FACTS = { unused: "right", used: "replayed", unknown: "wrong" } as const;

// Looked up, not compared: the hash is keyed, so how long that takes tells nothing of the code.
async function askRecovery(
  { attempts }: AskerOptions,
  login: Login,
  { id }: Account,
  code: Secret,
): Promise<void> {
  const codeHash = hashRecoveryCode(attempts.recoveryKey, code.reveal().toString("latin1"));
  const found = id === undefined ? "unknown" : await attempts.findRecovery(id, codeHash);
  if (found === "unused") login.recovery = codeHash;
  login.facts.code = RECOVERY_FACTS[found];
}

async function askPassword(login: Login): Promise<void> {
  const password = login.split?.password ?? login.attempt.credentials;
  if (password.byteLength === 0) {
    login.facts.password = "empty";
  } else if (login.facts.service !== "exempt" && login.reservation?.mayAskDirectory !== true) {
    login.facts.password = "shielded";
  } else {
    const { attempt } = login;
    const identity = getIdentity(login);
    const answer = await (attempt.bind?.(identity, password) ??
      attempt.directory.bind(identity, password));
    login.facts.password = answer.kind === "refused" ? answer.reason : answer.kind;
  }
}

/** Keyed, so that nothing can be tried against it offline; of the person and all that was typed. */
export function fingerprint(keys: Keys, login: Login): string {
  const identity = getIdentity(login);
  const code = login.attempt.codeField?.typed;
  return (
    createHmac("sha256", keys.fingerprint.reveal())
      .update(`${login.state === undefined ? "field" : "answer"}\0${identity.directory}\0`)
      .update(`${identity.id}\0`)
      .update(login.attempt.credentials.reveal())
      // No door lets a NUL into a password.
      .update(code === undefined ? "" : "\0")
      .update(code?.reveal() ?? "")
      .digest("base64")
  );
}

function codeForms(options: AskerOptions, account: Account): CodeForms {
  const { bypass } = account;
  return {
    digits: account.token?.digits,
    bypass: bypass !== undefined && bypass.until > options.clock.now(),
  };
}

function getIdentity(login: Login): NonNullable<Login["identity"]> {
  if (login.identity === undefined) throw new Error("the person isn't known yet");
  return login.identity;
}

function getAccount(login: Login): Account {
  if (login.account === undefined) throw new Error("the account isn't known yet");
  return login.account;
}
