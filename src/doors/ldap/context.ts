// What all connections of the door share.

import type { Socket } from "node:net";

import type { Log } from "../../lib/log.ts";
import type { Delayed } from "../../lib/delayed.ts";
import type { TurnEnd } from "../../lib/turn-end.ts";
import type { BoundConnections } from "./bound.ts";
import type { Limits, Places } from "./limits.ts";
import type { ListenerPlace } from "./listener.ts";
import type { LoginContext } from "./login.ts";
import type { Troubles } from "./troubles.ts";

export interface DoorContext extends LoginContext {
  readonly log: Log;
  readonly limits: Limits;
  readonly places: Places;
  readonly bound: BoundConnections;
  readonly troubles: Troubles;
  readonly delayed: Delayed;
  readonly turnEnd: TurnEnd;
  nextConnectionId(): string;
  /** TLS on an open connection; undefined: it came to nothing, and that was told. */
  secure(
    place: ListenerPlace,
    socket: Socket,
    address: string,
    then: (secured: Socket | undefined) => void,
  ): void;
}
