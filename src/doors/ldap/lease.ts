// What a session has on its upstream connection: operations by message id, operations given up, an
// identity. Invariants: an answer belongs to exactly one operation, and an id is free again only
// when no answer to its earlier use can come any more; a connection is given back for others only
// when nothing can still arrive on it.

import { encodeAbandon, MESSAGE_ID_MAX } from "../../wire/ldap/message.ts";
import { responseTo } from "../../wire/ldap/operation.ts";
import type { Action } from "./action.ts";

interface Operation {
  /** Of the request. */
  readonly tag: number;
  /** Grows with every operation: which was begun before which. */
  readonly turn: number;
  /** That its entries lose their passwords has been said. */
  isReported: boolean;
}

/** Nobody gives up more at a time; an answer to one forgotten ends the session. */
const ABANDONED_MAX = 256;

export class Lease {
  /** A connection is held, or asked for. */
  #isHeld = false;
  /** It carries an identity, whoever's. */
  #isIdentified = false;
  /** The directory remembers something of it: a page of results, and where the next one begins. */
  #hasState = false;
  readonly #operations = new Map<number, Operation>();
  /** Not answered any more, except for what was under way already. */
  readonly #abandoned = new Map<number, Operation>();
  #turn = 0;
  #lastFinished = 0;

  get outstanding(): number {
    return this.#operations.size;
  }

  /** For something that isn't an operation of the client. */
  hold(): void {
    this.#isHeld = true;
  }

  identify(): void {
    this.#isIdentified = true;
  }

  /** The connection is gone, and with it every answer. */
  lose(): void {
    this.#isHeld = false;
    this.#isIdentified = false;
    this.#hasState = false;
    this.#operations.clear();
    this.#abandoned.clear();
  }

  /** Gives the connection back. `isTainted`: somebody may be bound on it who was refused. */
  leave(isTainted: boolean): readonly Action[] {
    if (!this.#isHeld) return [];
    const isIdle = this.#operations.size === 0 && this.#abandoned.size === 0;
    const isFit = isIdle && !isTainted && !this.#hasState;
    const isAnonymous = !this.#isIdentified;
    this.lose();
    return [isFit ? { kind: "release-upstream", isAnonymous } : { kind: "drop-upstream" }];
  }

  begin(id: number, tag: number, leavesState = false): void {
    this.#turn += 1;
    this.#isHeld = true;
    this.#hasState ||= leavesState;
    this.#abandoned.delete(id);
    this.#operations.set(id, { tag, turn: this.#turn, isReported: false });
  }

  find(id: number): Operation | undefined {
    return this.#operations.get(id);
  }

  finish(id: number): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    this.#lastFinished = Math.max(this.#lastFinished, operation.turn);
    this.#operations.delete(id);
  }

  /**
   * RFC 4511 §4.1.1.1: the id of an abandoned operation may be used again once an operation begun
   * after the Abandon has been answered.
   */
  isInUse(id: number): boolean {
    if (this.#operations.has(id)) return true;
    const abandoned = this.#abandoned.get(id);
    return abandoned !== undefined && this.#lastFinished <= abandoned.turn;
  }

  /** False: there is no such operation. */
  abandon(id: number): boolean {
    const operation = this.#operations.get(id);
    if (operation === undefined) return false;
    this.#operations.delete(id);
    this.#abandoned.set(id, { ...operation, turn: this.#turn });
    const oldest = this.#abandoned.keys().next();
    if (this.#abandoned.size > ABANDONED_MAX && oldest.done !== true) {
      this.#abandoned.delete(oldest.value);
    }
    return true;
  }

  /** Whether an answer with this id and tag was under way when its operation was abandoned. */
  takeLate(id: number, responseTag: number): boolean {
    const operation = this.#abandoned.get(id);
    if (operation === undefined) return false;
    if (responseTo(operation.tag) === responseTag) this.#abandoned.delete(id);
    return true;
  }

  /** Gives all operations up: an Abandon for each. `idInUse`: another id that is taken. */
  abandonAll(idInUse: number): Buffer[] {
    let id = MESSAGE_ID_MAX;
    return [...this.#operations.keys()].map((target) => {
      while (id === idInUse || this.isInUse(id)) id -= 1;
      this.abandon(target);
      return encodeAbandon(id, target);
    });
  }

  /** Ids and tags of the requests. */
  list(): (readonly [id: number, tag: number])[] {
    return [...this.#operations].map(([id, { tag }]) => [id, tag]);
  }

  /** RFC 4511 §4.2.1: the answer to a Bind comes after everything before it. */
  forgetAbandoned(): void {
    this.#abandoned.clear();
  }
}
