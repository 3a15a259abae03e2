// UDP sockets and the addresses they are bound to. Node can't choose the source address of a
// datagram, so a wildcard becomes one socket for each address of this host.
// Invariant: an error names the address, the cause and what to do about it.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";

export interface ListenAddress {
  readonly family: 4 | 6;
  /** "0.0.0.0" and "::" stand for every address of this host. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export type Interfaces = ReturnType<typeof networkInterfaces>;

export function isWildcard({ host }: ListenAddress): boolean {
  return host === "0.0.0.0" || host === "::";
}

export function addressText({ family, host, port }: ListenAddress): string {
  return family === 4 ? `${host}:${port}` : `[${host}]:${port}`;
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

export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What a failed bind means to the person who reads it. */
export function bindProblem(address: ListenAddress, error: unknown): string {
  const place = `radius.listen ${addressText(address)}`;
  switch (systemCode(error)) {
    case "EADDRINUSE": {
      const who = `ss -lnup 'sport = :${address.port}'`;
      return `${place}: the port is in use; stop the program that has it (${who})`;
    }
    case "EACCES":
    case "EPERM":
      return `${place}: not permitted; ports below 1024 need the capability CAP_NET_BIND_SERVICE`;
    case "EADDRNOTAVAIL":
      return `${place}: not an address of this host; see "ip address", or listen on a wildcard`;
    default:
      return `${place}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
