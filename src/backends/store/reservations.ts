// Attempts under way, in memory: one process holds a store, so this is the whole truth. Invariant: of
// parallel attempts never more are compared than the limit leaves; what begins also ends here.

import type { Identity, Reservation } from "../../core/ports.ts";

export interface Reservations {
  /** Attempts under way in this scope ("" or a known source) of this person. */
  count(identity: Identity, scope: string): number;
  /** Of this person, those that may reach the directory. */
  bindsUnderWay(identity: Identity): number;
  begin(reservation: Reservation, scope: string): void;
  /** Harmless when repeated. */
  end(reservation: Reservation): void;
}

export function createReservations(): Reservations {
  const attempts = new Map<string, number>();
  const binds = new Map<string, number>();
  const scopes = new WeakMap<Reservation, string>();
  const personKey = (identity: Identity): string => `${identity.directory}\0${identity.id}`;
  const add = (map: Map<string, number>, key: string, change: 1 | -1): void => {
    const next = (map.get(key) ?? 0) + change;
    if (next > 0) map.set(key, next);
    else map.delete(key);
  };

  return {
    count: (identity, scope) => attempts.get(`${personKey(identity)}\0${scope}`) ?? 0,
    bindsUnderWay: (identity) => binds.get(personKey(identity)) ?? 0,
    begin(reservation, scope) {
      const person = personKey(reservation.identity);
      scopes.set(reservation, scope);
      add(attempts, `${person}\0${scope}`, 1);
      if (reservation.mayAskDirectory) add(binds, person, 1);
    },
    end(reservation) {
      const scope = scopes.get(reservation);
      if (scope === undefined) return;
      scopes.delete(reservation);
      const person = personKey(reservation.identity);
      add(attempts, `${person}\0${scope}`, -1);
      if (reservation.mayAskDirectory) add(binds, person, -1);
    },
  };
}
