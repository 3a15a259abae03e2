// People: listed, searched, read. What is changed about one stands in person-changes.ts.

import { z } from "zod";

import type { RosterQuery } from "../../../core/roster.ts";
import { accountOf, personParams, personView, viewOf } from "./person-view.ts";
import { PERSON_CHANGES } from "./person-changes.ts";
import { ApiError, route, type Route } from "./route.ts";

/** The reference system's: more may be asked for, and isn't given. */
const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 10;

const count = z.string().regex(/^[0-9]{1,9}$/, "has to be a whole number");
const query = z.strictObject({
  limit: count.exactOptional(),
  skip: count.exactOptional(),
  sort: z.enum(["username", "-username"]).exactOptional(),
  /** Part of a username. */
  search: z.string().min(1).max(256).exactOptional(),
  filter: z
    .string()
    .max(300)
    .regex(
      /^(username:\$eq:.+|(totp_enabled|enable_user_portal_multifactor):\$eq:(true|false))$/,
      "is FIELD:$eq:VALUE with username, totp_enabled or enable_user_portal_multifactor",
    )
    .exactOptional(),
  /** Scripts name fields; all of them are given. */
  fields: z.string().max(1_024).exactOptional(),
});

const list = route({
  method: "GET",
  path: "/api/systemusers",
  summary: "People the gateway knows, a page at a time; at most 100 of them",
  access: "people:read",
  query,
  result: z.strictObject({ totalCount: z.int(), results: z.array(personView) }),
  async handle({ roster, clock }, { query, principal }) {
    const { limit, skip = "0", sort = "username", search, filter } = query;
    const { total, people } = await roster.page({
      limit: Math.min(Number(limit ?? LIMIT_DEFAULT), LIMIT_MAX),
      skip: Number(skip),
      order: sort,
      search,
      ...readFilter(filter),
    });
    const now = clock.now();
    const results = people.map((one) => viewOf(one, principal.permissions, now));
    return { body: { totalCount: total, results } };
  },
});

function readFilter(
  filter: string | undefined,
): Pick<RosterQuery, "username" | "hasToken" | "isRequired"> {
  const [field, value = ""] = (filter ?? "").split(":$eq:");
  if (field === "username") return { username: value };
  if (field === "totp_enabled") return { hasToken: value === "true" };
  if (field === "enable_user_portal_multifactor") return { isRequired: value === "true" };
  return {};
}

const show = route({
  method: "GET",
  path: "/api/systemusers/:id",
  summary: "One person",
  access: "people:read",
  params: personParams,
  result: personView,
  async handle({ roster, clock }, { params, principal }) {
    const found = await roster.find(accountOf(params.id));
    if (found === undefined) throw new ApiError(404, "there is no such person");
    return { body: viewOf(found, principal.permissions, clock.now()) };
  },
});

export const PERSON_ROUTES: readonly Route[] = [list, show, ...PERSON_CHANGES];
