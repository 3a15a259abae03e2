// From a TCP connection to a client: a place within the limits, the PROXY header where a balancer has
// to send one, TLS where it comes first. Invariants: what has no place or no header is closed at once,
// in silence; whoever is on the way here is bounded in number and in time.

import type { Socket } from "node:net";

import { plainAddress } from "../../lib/address.ts";
import { Client } from "./client.ts";
import type { DoorContext } from "./context.ts";
import type { ListenerPlace } from "./listener.ts";
import { readProxyHeader } from "./proxy-protocol.ts";
import type { Trouble } from "./troubles.ts";

export interface Arrivals {
  accept(socket: Socket, place: ListenerPlace): void;
  readonly clients: ReadonlySet<Client>;
  /** Ends those that have waited too long for their header; called every now and then. */
  sweep(nowMs: number): void;
  /** Those that are no clients yet. */
  destroyPending(): void;
}

export function createArrivals(context: DoorContext, onGone: () => void): Arrivals {
  const clients = new Set<Client>();
  /** Without a client so far, and since when; monotonic ms. */
  const pending = new Map<Socket, number>();

  function turnAway(socket: Socket, place: ListenerPlace, address: string, trouble: Trouble): void {
    const where = { listener: place.current.settings.name, address };
    context.troubles.connection(trouble, where, undefined);
    socket.destroy();
  }

  function take(socket: Socket, place: ListenerPlace, address: string): boolean {
    const taken = context.places.take(address);
    if (taken === "taken") return true;
    turnAway(socket, place, address, taken);
    return false;
  }

  function admit(socket: Socket, place: ListenerPlace, address: string): void {
    if (!take(socket, place, address)) return;
    if (place.rules.tls !== "implicit") return begin(socket, place, address, false);
    context.secure(place, socket, address, (secured) => {
      if (secured === undefined) context.places.leave(address, false);
      else begin(secured, place, address, true);
    });
  }

  function begin(socket: Socket, place: ListenerPlace, address: string, isTls: boolean): void {
    const onClientGone = (client: Client): void => {
      clients.delete(client);
      context.places.leave(address, client.isBound);
      onGone();
    };
    clients.add(new Client(context, socket, { place, address, isTls, onGone: onClientGone }));
  }

  function readHeader(socket: Socket, place: ListenerPlace, balancer: string): void {
    let held: Buffer = Buffer.alloc(0);
    const forget = (): void => void pending.delete(socket);
    function read(chunk: Buffer): void {
      held = Buffer.concat([held, chunk]);
      const header = readProxyHeader(held);
      if (header.kind === "unfinished") return;
      socket.off("data", read).off("close", forget).off("error", forget);
      pending.delete(socket);
      if (header.kind === "wrong") return turnAway(socket, place, balancer, "no-proxy-header");
      // Whoever reads next finds it in front.
      socket.pause();
      if (held.length > header.bytes) socket.unshift(held.subarray(header.bytes));
      admit(socket, place, plainAddress(header.source ?? balancer));
      if (place.rules.tls !== "implicit") socket.resume();
    }
    pending.set(socket, context.clock.monotonic());
    socket.on("data", read).on("close", forget).on("error", forget);
  }

  return {
    clients,
    accept(socket, place) {
      // Undefined when it was closed before anybody looked.
      if (socket.remoteAddress === undefined) return void socket.destroy();
      const address = plainAddress(socket.remoteAddress);
      if (!place.current.isBalancer(address)) return admit(socket, place, address);
      if (pending.size < context.limits.unboundPerAddressMax) {
        return readHeader(socket, place, address);
      }
      turnAway(socket, place, address, "too-many-unbound");
    },
    sweep(nowMs) {
      for (const [socket, since] of pending) {
        if (nowMs - since > context.limits.handshakeMs) socket.destroy();
      }
      for (const client of clients) client.sweep(nowMs);
    },
    destroyPending() {
      for (const socket of pending.keys()) socket.destroy();
    },
  };
}
