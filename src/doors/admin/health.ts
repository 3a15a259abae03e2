// For load balancers and whoever restarts processes. Answers anybody who can connect, so the words
// come from a closed list: no name, no version, no cause.

import type { FastifyInstance } from "fastify";

/** What is missing before anybody can log in. */
export const MISSING = ["store", "directory", "stopping"] as const;
export type Missing = (typeof MISSING)[number];

export function healthRoutes(app: FastifyInstance, missing: () => readonly Missing[]): void {
  app.get("/healthz", async () => "alive\n");

  app.get("/readyz", async (_request, reply) => {
    const lacking = missing();
    if (lacking.length === 0) return "ready\n";
    return reply.code(503).send(`not ready: ${lacking.join(", ")}\n`);
  });
}
