// What is measured, for those the configuration lets read it: the names of clients and directories
// are in it. Invariant: who asks is known from the socket alone, never from a header.

import { BlockList } from "node:net";

import type { FastifyInstance } from "fastify";

import type { Exposition } from "./exposition.ts";

export interface Network {
  readonly family: 4 | 6;
  /** Bits. */
  readonly prefix: number;
  /** The address, with or without the prefix behind it. */
  readonly text: string;
}

export interface MetricsOptions {
  readonly exposition: Exposition;
  readonly mayRead: () => BlockList;
  readonly onRefused: (address: string) => void;
}

export function metricsRoutes(app: FastifyInstance, options: MetricsOptions): void {
  const { exposition, mayRead, onRefused } = options;
  app.get("/metrics", async (request, reply) => {
    const { remoteAddress = "", remoteFamily } = request.socket;
    const family = remoteFamily === "IPv6" ? "ipv6" : "ipv4";
    if (!mayRead().check(remoteAddress, family)) {
      onRefused(remoteAddress);
      return reply.code(403).send("not from this address\n");
    }
    return reply.type(exposition.contentType).send(await exposition.text());
  });
}

/** Node's list, which also knows IPv4 addresses in IPv6 clothes. */
export function listNetworks(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const { family, text, prefix } of networks) {
    const [address = ""] = text.split("/");
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
