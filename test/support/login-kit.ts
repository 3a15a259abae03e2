// The decision with everything behind it but the network: the real store, a clock that is moved by
// hand, and a directory that says what the test tells it to.

import type { Test } from "tap";

import type { Attempt, Authenticator, Decision } from "../../src/core/attempt.ts";
import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { BindResult, Directory } from "../../src/core/ports.ts";
import { newRecoveryCodes } from "../../src/core/recovery.ts";
import { generateCode, stepAt } from "../../src/core/totp.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import { Secret } from "../../src/lib/secret.ts";
import { memoryLog } from "./radius-door.ts";
import { event, MASTER_KEY, newToken, person, testStore, type TestStore } from "./store.ts";

export interface LoginKit extends Pick<TestStore, "store" | "clock" | "path"> {
  readonly authenticator: Authenticator;
  readonly log: ReturnType<typeof memoryLog>;
  /** What the next binds come to; an error is thrown. */
  bind: BindResult | Error | "compare";
  /** The passwords that came to the directory. */
  binds: number;
  /** What the next questions about groups come to; an error is thrown. */
  groups: ReadonlySet<string> | Error;
  /** Alice by default, from a device of her own. */
  attempt(credentials: string, more?: { mode?: "append" | "challenge"; device?: string }): Attempt;
  login(credentials: string, device?: string): Promise<Decision["verdict"]>;
  code(offset?: number): string;
  enroll(): Promise<void>;
  /** Alice's recovery codes, with a new token. */
  enrollWithRecovery(): Promise<readonly string[]>;
  /** The answer to a challenge that the right password brought. */
  answer(code: string): Promise<Verdict>;
}

export async function openLoginKit(t: Test): Promise<LoginKit> {
  const test = await testStore();
  t.teardown(() => test.end());
  const { store, clock } = test;
  const alice = person("alice");
  const directory: Directory = {
    name: "corp",
    find: async (name) =>
      name === "alice" ? { kind: "found", identity: alice } : { kind: "not-found" },
    async bind(_, password) {
      kit.binds += 1;
      if (kit.bind instanceof Error) throw kit.bind;
      if (kit.bind !== "compare") return kit.bind;
      return { kind: password.equals(Secret.of("right")) ? "right" : "wrong" };
    },
    async memberOf() {
      if (kit.groups instanceof Error) throw kit.groups;
      return kit.groups;
    },
  };
  const log = memoryLog();
  const authenticator = createAuthenticator({
    attempts: store,
    clock,
    log,
    masterKey: MASTER_KEY,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 30 * 60_000,
  });
  const kit: LoginKit = {
    store,
    clock,
    path: test.path,
    authenticator,
    log,
    bind: "compare",
    binds: 0,
    groups: new Set(),
    attempt: (credentials, { mode = "append", device = "alice's laptop" } = {}) => ({
      username: "alice",
      credentials: Secret.of(credentials),
      directory,
      demand: {
        mfa: "required",
        code: mode,
        separator: ",",
        canChallenge: true,
        allowGroups: [],
        replyGroups: [],
      },
      door: {
        service: "radius",
        attemptEvent: "radius_auth_attempt",
        challengeEvent: "radius_auth_challenge",
        authType: "pap",
        requestId: "request",
        client: "vpn",
        endUser: device,
      },
    }),
    login: async (credentials, device) =>
      (await authenticator.login(kit.attempt(credentials, device === undefined ? {} : { device })))
        .verdict,
    code: (offset = 0) =>
      generateCode(newToken, newToken.secret, stepAt(clock.now(), newToken.periodSeconds) + offset),
    async enroll() {
      await store.enroll(alice, newToken, { replace: true }, event());
    },
    async enrollWithRecovery() {
      const { codes, hashes: recovery } = newRecoveryCodes(store.recoveryKey);
      await store.enroll(alice, newToken, { replace: true, recovery }, event());
      return codes;
    },
    async answer(code) {
      const asked = kit.attempt("right", { mode: "challenge" });
      const { verdict, state } = await authenticator.login(asked);
      if (state === undefined) return verdict;
      const given = { ...kit.attempt(code, { mode: "challenge" }), state };
      return (await authenticator.answer(given)).verdict;
    },
  };
  return kit;
}
