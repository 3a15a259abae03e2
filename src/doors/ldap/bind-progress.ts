// One Bind from its arrival to its answer.
// Invariant: only an answer that came after the Bind was sent, and only one, can be its success.

import type { Secret } from "../../lib/secret.ts";
import { CONTROL, type Control } from "../../wire/ldap/control.ts";
import type { Envelope } from "../../wire/ldap/envelope.ts";
import { RESULT_CODE } from "../../wire/ldap/message.ts";
import { peekResult } from "../../wire/ldap/response.ts";
import { rewriteBind, withoutPasswordPolicy } from "../../wire/ldap/rewrite.ts";
import type { BindJudgement } from "./bind.ts";

export class BindInProgress {
  readonly envelope: Envelope;
  readonly judgement: BindJudgement;
  readonly wasBound: boolean;
  /** The connection it was sent on is gone. */
  isUpstreamLost = false;
  readonly #message: Buffer;
  #isSent = false;
  /** The client hasn't, and doesn't get to see the answer. */
  #isPolicyAsked = false;
  #answer: { readonly message: Buffer; readonly isSuccess: boolean } | undefined;

  constructor(message: Buffer, envelope: Envelope, judgement: BindJudgement, wasBound: boolean) {
    this.#message = message;
    this.envelope = envelope;
    this.judgement = judgement;
    this.wasBound = wasBound;
  }

  /** It went upstream: whatever that connection was, it may be somebody's now. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** The directory's answer, if it is a success. */
  get success(): Buffer | undefined {
    return this.#answer?.isSuccess === true ? this.#answer.message : undefined;
  }

  /** The Bind for the directory; from now on its answer is due. */
  send(controls: readonly Control[], dn: string, password: Secret): Buffer {
    // RFC 4513 §5.1.2: either would bind somebody else than the one who was judged.
    if (dn === "" || password.byteLength === 0)
      throw new Error("a bind needs a name and a password");
    this.#isSent = true;
    this.#answer = undefined;
    this.isUpstreamLost = false;
    // "Right, but expired" and "right, but change it first" are told to those alone who ask.
    this.#isPolicyAsked = controls.every(({ oid }) => oid !== CONTROL.passwordPolicy);
    const added = this.#isPolicyAsked ? CONTROL.passwordPolicy : undefined;
    return rewriteBind(this.#message, this.envelope, controls, dn, password.reveal(), added);
  }

  /** False: none was due. Throws WireError. */
  takeAnswer(message: Buffer, envelope: Envelope): boolean {
    if (!this.#isSent || this.#answer !== undefined || this.isUpstreamLost) return false;
    const isSuccess = peekResult(message, envelope).resultCode === RESULT_CODE.success;
    const told = this.#isPolicyAsked ? withoutPasswordPolicy(message, envelope) : message;
    this.#answer = { message: told, isSuccess };
    return true;
  }

  /** The connection did what can't be: nothing that came over it counts. */
  distrust(): void {
    this.#answer = undefined;
  }
}
