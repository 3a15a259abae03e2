// Who is bound on which connections, so that an administrator's lock, disable or reset ends them.
// Invariant: a connection stands here as long as somebody is bound on it, and while the directory is
// asked about somebody: no lock falls between an accept and the session that it opens.

import type { PersonName } from "../../core/administration.ts";
import type { Identity } from "../../core/ports.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type { ListenerPlace } from "./listener.ts";

/** A connection with somebody bound on it. */
export interface BoundConnection {
  readonly place: ListenerPlace;
  /** With a notice; everything it carries ends. */
  revoke(): void;
}

export interface BoundConnections {
  add(identity: Identity, connection: BoundConnection): void;
  remove(identity: Identity, connection: BoundConnection): void;
  /** By id or by name, which may have been another when they bound. How many were ended. */
  revoke(person: PersonName): number;
  /** Everybody who is bound now, once, and where. */
  people(): { readonly identity: Identity; readonly place: ListenerPlace }[];
}

export function createBoundConnections(): BoundConnections {
  const people = new Map<string, { identity: Identity; connections: Set<BoundConnection> }>();
  return {
    add(identity, connection) {
      const key = keyOf(identity);
      const bound = people.get(key);
      if (bound === undefined) people.set(key, { identity, connections: new Set([connection]) });
      else bound.connections.add(connection);
    },
    remove(identity, connection) {
      const key = keyOf(identity);
      const bound = people.get(key);
      if (bound?.connections.delete(connection) === true && bound.connections.size === 0) {
        people.delete(key);
      }
    },
    revoke({ directory, id, username }) {
      const nameKey = normaliseUsername(username);
      const meant = [...people.values()].filter(({ identity }) => {
        const isNamed = normaliseUsername(identity.username) === nameKey;
        return identity.directory === directory && (isNamed || identity.id === id);
      });
      const connections = meant.flatMap((each) => [...each.connections]);
      for (const connection of connections) connection.revoke();
      return connections.length;
    },
    people: () =>
      [...people.values()].flatMap(({ identity, connections }) =>
        [...connections].slice(0, 1).map(({ place }) => ({ identity, place })),
      ),
  };
}

function keyOf({ directory, id }: Identity): string {
  return `${directory}/${id}`;
}
