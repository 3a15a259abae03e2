// Attempts under way, in memory: one process holds a store, so this is the whole truth. Invariant: of
// parallel attempts never more are compared than the limit leaves; what begins also ends here.

import type { Identity, Reservation } from "../../core/ports.ts";

/** A reservation with what only the store knows of it. */
export class Held implements Reservation {
  readonly identity: Identity;
  readonly mayAskDirectory: boolean;
  /** Keyed hash of the person's own address; "" without one. */
  readonly source: string;
  /** Whether that source has counters of its own. */
  readonly isKnownSource: boolean;

  constructor(
    identity: Identity,
    mayAskDirectory: boolean,
    source: { readonly hash: string; readonly isKnown: boolean },
  ) {
    this.identity = identity;
    this.mayAskDirectory = mayAskDirectory;
    this.source = source.hash;
    this.isKnownSource = source.isKnown;
  }
}

export interface Reservations {
  /** This person's, in no order; a handful, because beyond the limit nothing begins. */
  of(identity: Identity): readonly Held[];
  begin(held: Held): void;
  /** Harmless when repeated. */
  end(held: Reservation): void;
}

const NONE: readonly Held[] = [];

export function createReservations(): Reservations {
  const people = new Map<string, Held[]>();
  const keyOf = (identity: Identity): string => `${identity.directory}\0${identity.id}`;

  return {
    of: (identity) => people.get(keyOf(identity)) ?? NONE,
    begin(held) {
      const key = keyOf(held.identity);
      const own = people.get(key);
      if (own === undefined) people.set(key, [held]);
      else own.push(held);
    },
    end(held) {
      const key = keyOf(held.identity);
      const own = people.get(key);
      if (own === undefined) return;
      const left = own.filter((one) => one !== held);
      if (left.length === 0) people.delete(key);
      else people.set(key, left);
    },
  };
}
