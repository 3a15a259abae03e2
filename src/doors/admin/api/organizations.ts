// The one organisation there is, in the shape that scripts for the reference system read. An
// administrator without a second factor can't exist here, nor a login without its event: what says so
// is true and stays so.

import { z } from "zod";

import { changeEvent, type ApiContext } from "./context.ts";
import { ApiError, route, type Route } from "./route.ts";

const view = z.strictObject({
  id: z.string(),
  _id: z.string(),
  displayName: z.string(),
  settings: z.strictObject({
    requireAdminMFA: z.literal(true),
    features: z.strictObject({
      directoryInsights: z.strictObject({ enabled: z.literal(true) }),
    }),
  }),
});
const params = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{24}$/, "is no organisation's id"),
});

const body = z.strictObject({
  settings: z.strictObject({
    requireAdminMFA: z.boolean().exactOptional(),
    features: z
      .strictObject({ directoryInsights: z.strictObject({ enabled: z.boolean() }) })
      .exactOptional(),
  }),
});

async function read({ roster, issuer }: ApiContext): Promise<z.infer<typeof view>> {
  const id = await roster.organizationId();
  const features = { directoryInsights: { enabled: true } } as const;
  return { id, _id: id, displayName: issuer(), settings: { requireAdminMFA: true, features } };
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
  summary:
    "Change settings; neither administrators' second factor nor the audit can be switched off",
  access: "settings:write",
  params,
  body,
  result: view,
  async handle(context, { body: asked, ...request }) {
    const organization = await get(context, request.params.id);
    const off = switchedOff(asked.settings);
    if (off === undefined) return { body: organization };
    const subject = { type: "organization", id: organization.id } as const;
    const changes = [{ field: `settings.${off}`, from: true, to: false }];
    const event = changeEvent(context, request, "organization_update", subject, { changes });
    // Refused, and worth knowing: somebody wanted it.
    await context.record({ ...event, success: false, error_message: "denied by policy" });
    throw new ApiError(422, `body.settings.${off}: can't be switched off, it is always true`);
  },
});

function switchedOff({
  requireAdminMFA,
  features,
}: z.infer<typeof body>["settings"]): string | undefined {
  if (requireAdminMFA === false) return "requireAdminMFA";
  return features?.directoryInsights.enabled === false
    ? "features.directoryInsights.enabled"
    : undefined;
}

export const ORGANIZATION_ROUTES: readonly Route[] = [list, show, change];
