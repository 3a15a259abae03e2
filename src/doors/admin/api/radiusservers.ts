// RADIUS clients as the file has them, to be read: `managed_by` says where to change one. Invariant: a
// shared secret has no field here.

import { z } from "zod";

import { route, type Route } from "./route.ts";

const view = z.strictObject({
  id: z.string(),
  name: z.string(),
  networkSourceIp: z.string(),
  addresses: z.array(z.string()),
  mfa: z.string(),
  code: z.string(),
  directory: z.string().nullable(),
  managed_by: z.literal("file"),
});

const list = route({
  method: "GET",
  path: "/api/radiusservers",
  summary: "RADIUS clients; they stand in the configuration file and are changed there",
  access: "clients:read",
  result: z.strictObject({ totalCount: z.int(), results: z.array(view) }),
  async handle({ clients }) {
    const results = clients().map(({ name, addresses, directory, mfa, code }) => ({
      id: name,
      name,
      networkSourceIp: addresses[0] ?? "",
      addresses: [...addresses],
      mfa,
      code,
      directory: directory ?? null,
      managed_by: "file" as const,
    }));
    return { body: { totalCount: results.length, results } };
  },
});

export const RADIUS_SERVER_ROUTES: readonly Route[] = [list];
