// Simple binds, and what a directory's answer to one means.
// Invariants: no empty password is ever written (RFC 4513 §5.1.2: it would succeed for everybody);
// only a plain success is "right".

import { DependencyDown, type BindResult } from "../../core/ports.ts";
import type { DirectoryRefusal } from "../../core/verdict.ts";
import type { Secret } from "../../lib/secret.ts";
import {
  encodeBind,
  PASSWORD_EXPIRED_ERROR,
  RESULT_CODE,
  type Answer,
  type PasswordPolicy,
  type Result,
} from "../../wire/ldap/message.ts";
import type { Exchange } from "./connection.ts";
import { NotServing } from "./not-serving.ts";

/** An exchange that is one bind. */
export class BindExchange implements Exchange {
  readonly deadlineAt: number;
  sentAt = 0;
  /** Each may count as a failed login: a second one could lock the person. */
  readonly isRepeatable = false;
  readonly #dependency: string;
  readonly #dn: string;
  readonly #password: Secret;
  readonly #resolve: (result: BindResult) => void;
  readonly #reject: (error: Error) => void;

  constructor(
    question: { dependency: string; dn: string; password: Secret; deadlineAt: number },
    resolve: (result: BindResult) => void,
    reject: (error: Error) => void,
  ) {
    // An empty name would make it anonymous, an empty password unauthenticated.
    if (question.dn === "" || question.password.byteLength === 0) {
      throw new Error("a bind needs a name and a password");
    }
    this.deadlineAt = question.deadlineAt;
    this.#dependency = question.dependency;
    this.#dn = question.dn;
    this.#password = question.password;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  encode(id: number): Buffer {
    return encodeBind(id, this.#dn, this.#password.reveal());
  }

  take(answer: Answer): boolean {
    if (answer.kind !== "bind") throw new Error("a bind was answered with something else");
    const result = bindResultOf(answer);
    if (result !== undefined) this.#resolve(result);
    else {
      const reason = `it answers a bind with result code ${answer.resultCode}`;
      this.#reject(new NotServing(this.#dependency, reason));
    }
    return true;
  }

  repeat(): void {
    throw new Error("a bind isn't repeated");
  }

  fail(reason: string): void {
    this.#reject(new DependencyDown(this.#dependency, reason));
  }
}

// Active Directory's own word in the text of resultCode 49. 52e (wrong) and 525 (nobody) stay wrong.
const ACTIVE_DIRECTORY_REFUSALS: ReadonlyMap<string, DirectoryRefusal> = new Map([
  ["530", "logon-hours"],
  ["531", "logon-workstation"],
  ["532", "password-expired"],
  ["533", "directory-disabled"],
  ["701", "account-expired"],
  ["773", "must-change-password"],
  ["775", "directory-locked"],
]);
const ACTIVE_DIRECTORY_CODE = /\bdata ([0-9a-f]{1,8})\b/i;

/** draft-behera-ldap-password-policy-10 §6.2; the others are about changes of a password. */
const POLICY_REFUSALS: ReadonlyMap<number, DirectoryRefusal> = new Map([
  [PASSWORD_EXPIRED_ERROR, "password-expired"],
  [1, "directory-locked"],
  [2, "must-change-password"],
]);

// The directory is there and doesn't want this account, or not this way (RFC 4511 §4.1.9).
const REFUSING_CODES: ReadonlyMap<number, DirectoryRefusal> = new Map([
  [7, "stronger-auth-required"], // authMethodNotSupported
  [8, "stronger-auth-required"], // strongerAuthRequired: Active Directory wants TLS
  [13, "stronger-auth-required"], // confidentialityRequired
  [19, "directory-refused"], // constraintViolation
  [32, "directory-refused"], // noSuchObject
  [34, "directory-refused"], // invalidDNSyntax
  [48, "directory-refused"], // inappropriateAuthentication
  [50, "directory-refused"], // insufficientAccessRights
  [53, "directory-refused"], // unwillingToPerform
]);

/** Undefined: nothing was decided, the directory can't answer now. */
export function bindResultOf(result: Result): BindResult | undefined {
  const { resultCode, diagnosticMessage, policy } = result;
  const refusal = policy === undefined ? undefined : policyRefusal(policy);
  if (resultCode === RESULT_CODE.success) {
    return refusal === undefined ? { kind: "right" } : { kind: "refused", reason: refusal };
  }
  if (resultCode === RESULT_CODE.invalidCredentials) {
    const code = ACTIVE_DIRECTORY_CODE.exec(diagnosticMessage)?.[1]?.toLowerCase();
    const reason = refusal ?? ACTIVE_DIRECTORY_REFUSALS.get(code ?? "");
    return reason === undefined ? { kind: "wrong" } : { kind: "refused", reason };
  }
  const reason = REFUSING_CODES.get(resultCode);
  return reason === undefined ? undefined : { kind: "refused", reason: refusal ?? reason };
}

/** The same for an entry that says itself that it is disabled: then only a wrong password stays. */
export function refuseDisabled(result: BindResult): BindResult {
  return result.kind === "wrong" ? result : { kind: "refused", reason: "directory-disabled" };
}

function policyRefusal({ error, graceLogins }: PasswordPolicy): DirectoryRefusal | undefined {
  if (error !== undefined) return POLICY_REFUSALS.get(error) ?? "directory-refused";
  // The last login with an expired password: the next one fails, and nothing here can change it.
  return graceLogins === 0 ? "password-expired" : undefined;
}
