// The one organisation there is, in the shape that scripts for the reference system read. An
// administrator without a second factor can't exist here, so requireAdminMFA is true and stays so.

import { z } from "zod";

import { changeEvent, type ApiContext } from "./context.ts";
import { ApiError, route, type Route } from "./route.ts";

const view = z.strictObject({
  id: z.string(),
  _id: z.string(),
  displayName: z.string(),
  settings: z.strictObject({ requireAdminMFA: z.literal(true) }),
});
const params = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{24}$/, "is no organisation's id"),
});

async function read({ roster, issuer }: ApiContext): Promise<z.infer<typeof view>> {
  const id = await roster.organizationId();
  return { id, _id: id, displayName: issuer(), settings: { requireAdminMFA: true } };
}

async function get(context: ApiContext, id: string): Promise<z.infer<typeof view>> {
  const organization = await read(context);
  if (organization.id === id) return organization;
  throw new ApiError(404, "there is no such organisation");
}

const list = route({
  method: "GET",
  path: "/api/organizations",
  summary: "The organisation, as the one item of a list",
  access: "settings:read",
  result: z.array(view),
  handle: async (context) => ({ body: [await read(context)] }),
});

const show = route({
  method: "GET",
  path: "/api/organizations/:id",
  summary: "The organisation and its settings",
  access: "settings:read",
  params,
  result: view,
  handle: async (context, request) => ({ body: await get(context, request.params.id) }),
});

const change = route({
  method: "PUT",
  path: "/api/organizations/:id",
  summary: "Change settings; that administrators need a second factor can't be switched off",
  access: "settings:write",
  params,
  body: z.strictObject({
    settings: z.strictObject({ requireAdminMFA: z.boolean().exactOptional() }),
  }),
  result: view,
  async handle(context, { body, ...request }) {
    const organization = await get(context, request.params.id);
    if (body.settings.requireAdminMFA !== false) return { body: organization };
    const subject = { type: "organization", id: organization.id } as const;
    const changes = [{ field: "settings.requireAdminMFA", from: true, to: false }];
    const event = changeEvent(context, request, "organization_update", subject, { changes });
    // Refused, and worth knowing: somebody wanted it.
    await context.record({ ...event, success: false, error_message: "denied by policy" });
    throw new ApiError(
      409,
      "administrators always need a second factor: requireAdminMFA stays true",
    );
  },
});

export const ORGANIZATION_ROUTES: readonly Route[] = [list, show, change];
