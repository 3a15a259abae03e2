// UDP sockets and the addresses they are bound to. Node can't choose the source address of a
// datagram, so a wildcard becomes one socket for each address of this host.
// Invariant: all of them are bound, or none.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";

import type { ListenAddress } from "../../lib/listen.ts";

export type Interfaces = ReturnType<typeof networkInterfaces>;

export function isWildcard({ host }: ListenAddress): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** The address itself, or for a wildcard every address of the host as it is now. */
export function concreteAddresses(
  listen: ListenAddress,
  interfaces: Interfaces = networkInterfaces(),
): ListenAddress[] {
  if (!isWildcard(listen)) return [listen];
  const found: ListenAddress[] = [];
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    for (const { address, family } of addresses) {
      if (family !== `IPv${listen.family}`) continue;
      // RFC 4007 §11: a link-local address says nothing without its interface.
      const host = address.startsWith("fe80:") ? `${address}%${name}` : address;
      found.push({ ...listen, host });
    }
  }
  return found;
}

// A second's worth of 10,000 small packets in the kernel's own way of counting.
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface BoundSocket {
  readonly socket: Socket;
  readonly address: ListenAddress;
  /** Undefined, or how many bytes the system gave instead of how many were asked. */
  readonly smallBuffer: { readonly asked: number; readonly got: number } | undefined;
}

/** Bound and receiving. Fails with what the system says, the socket closed. */
export async function bindSocket(address: ListenAddress): Promise<BoundSocket> {
  const socket = createSocket({
    type: address.family === 4 ? "udp4" : "udp6",
    ipv6Only: address.family === 6,
    reuseAddr: false,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    // Replies go to the addresses requests came from: there is never a name to look up.
    lookup: (host, _options, callback) => callback(null, host, address.family),
  });
  try {
    // Asked first: with nothing to look up, it listens before bind returns.
    const listening = once(socket, "listening");
    socket.bind({ address: address.host, port: address.port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  const got = socket.getRecvBufferSize();
  const asked = RECEIVE_BUFFER_BYTES;
  return {
    socket,
    address: { ...address, port: socket.address().port },
    smallBuffer: got < asked ? { asked, got } : undefined,
  };
}
