// How much of everything a client, an address and all together may have, by name.
// Invariant: whoever hasn't bound holds little, and not for long; all of them together fit in memory.

import { addressBytes, IPV6_SITE_PREFIX, networkKey } from "../../lib/address.ts";

export interface Limits {
  /** Connections in all; each has one to the directory besides. */
  readonly connectionsMax: number;
  /** From one address: an application's pool, or all clients of a balancer that names none. */
  readonly connectionsPerAddressMax: number;
  /** Of those, connections on which nobody has bound yet. */
  readonly unboundPerAddressMax: number;
  /** Octets of messages that nobody has dealt with yet, of all clients; half of it before a bind. */
  readonly unfinishedBytesMax: number;
  /** For the PROXY header, and then again for the TLS handshake. */
  readonly handshakeMs: number;
  /** For the rest of a message that has begun. */
  readonly messageMs: number;
  /** Without a request, before and after a bind; a search that runs is one. */
  readonly unboundIdleMs: number;
  readonly boundIdleMs: number;
  /** For the operations that a Bind has to wait for (RFC 4511 §4.2.1). */
  readonly bindDrainMs: number;
}

export const LIMITS: Limits = {
  connectionsMax: 20_000,
  connectionsPerAddressMax: 10_000,
  unboundPerAddressMax: 1_000,
  unfinishedBytesMax: 134_217_728,
  handshakeMs: 10_000,
  messageMs: 30_000,
  unboundIdleMs: 60_000,
  boundIdleMs: 1_800_000,
  bindDrainMs: 10_000,
};

/** Longest message of a directory: a photograph or a list of revocations fits. */
export const UPSTREAM_MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

/** What everybody may have of a message, whatever the others have: a login, several times over. */
const UNFINISHED_FREE_BYTES = 4_096;
type NoPlace = "too-many-connections" | "too-many-from-address" | "too-many-unbound";

export interface Places {
  /** A place for one more connection from there, or why there is none. */
  take(address: string): "taken" | NoPlace;
  /** Somebody has bound on one of them, or the other way round. */
  bound(address: string, isBound: boolean): void;
  leave(address: string, isBound: boolean): void;
  /** What one client has of unfinished messages; false: it is too much, with all the others'. */
  hold(bytes: { readonly before: number; readonly now: number }, isBound: boolean): boolean;
  readonly connections: number;
}

export function createPlaces(limits: Limits): Places {
  const byAddress = new Map<string, { connections: number; unbound: number }>();
  let connections = 0;
  let unfinishedBytes = 0;
  return {
    get connections() {
      return connections;
    },
    take(address) {
      const key = keyOf(address);
      const place = byAddress.get(key) ?? { connections: 0, unbound: 0 };
      if (connections >= limits.connectionsMax) return "too-many-connections";
      if (place.connections >= limits.connectionsPerAddressMax) return "too-many-from-address";
      if (place.unbound >= limits.unboundPerAddressMax) return "too-many-unbound";
      connections += 1;
      place.connections += 1;
      place.unbound += 1;
      byAddress.set(key, place);
      return "taken";
    },
    bound(address, isBound) {
      const place = byAddress.get(keyOf(address));
      if (place !== undefined) place.unbound += isBound ? -1 : 1;
    },
    leave(address, isBound) {
      const key = keyOf(address);
      const place = byAddress.get(key);
      if (place === undefined) return;
      connections -= 1;
      place.connections -= 1;
      if (!isBound) place.unbound -= 1;
      if (place.connections === 0) byAddress.delete(key);
    },
    hold({ before, now }, isBound) {
      unfinishedBytes += now - before;
      const most = isBound ? limits.unfinishedBytesMax : limits.unfinishedBytesMax / 2;
      return now <= UNFINISHED_FREE_BYTES || unfinishedBytes <= most;
    },
  };
}

function keyOf(address: string): string {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? networkKey(bytes, IPV6_SITE_PREFIX) : address;
}
