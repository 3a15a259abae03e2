// The OpenAPI document (3.1), made from the routes themselves: what it says is what is checked.

import { z } from "zod";

import type { Route } from "./route.ts";

type Json = Readonly<Record<string, unknown>>;

const ERRORS: Readonly<Record<number, string>> = {
  400: "The request doesn't fit; the message names the field",
  401: "Nobody is logged in, or the key isn't valid",
  403: "Not allowed, or from another site",
  429: "Too many requests",
  503: "The store or a directory can't answer now",
};

const error = {
  type: "object",
  required: ["message", "request_id"],
  properties: { message: { type: "string" }, request_id: { type: "string" } },
};

export function describeApi(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    // Of the API: whoever may read this needn't learn which Gatehouse it is.
    info: { title: "Gatehouse", version: "1" },
    paths,
    components: {
      schemas: { Error: error },
      securitySchemes: {
        key: { type: "apiKey", in: "header", name: "x-api-key" },
        session: { type: "apiKey", in: "cookie", name: "__Host-gatehouse-admin" },
      },
    },
  };
}

function operationOf({ summary, access, isFresh, shapes }: Route): Json {
  const { params, query, body, result } = shapes;
  const failed = content("#/components/schemas/Error");
  const responses = Object.entries(ERRORS).map(([status, description]) => [
    status,
    { description, content: failed },
  ]);
  return {
    summary,
    "x-permission": access,
    ...(isFresh ? { "x-needs-recent-login": true } : {}),
    security:
      access === "anyone" ? [] : isFresh ? [{ session: [] }] : [{ key: [] }, { session: [] }],
    parameters: [...parametersOf(params, "path"), ...parametersOf(query, "query")],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: jsonOf(body, "input") } }),
    responses: {
      "2XX": { description: "Done", content: jsonOf(result, "output") },
      ...Object.fromEntries(responses),
    },
  };
}

function content(reference: string): Json {
  return { "application/json": { schema: { $ref: reference } } };
}

function jsonOf(shape: z.ZodType, io: "input" | "output"): Json {
  return { "application/json": { schema: schemaOf(shape, io) } };
}

function schemaOf(shape: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _draft, ...schema } = z.toJSONSchema(shape, { io, unrepresentable: "any" });
  return schema;
}

function parametersOf(shape: z.ZodType | undefined, where: "path" | "query"): Json[] {
  if (shape === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(shape, "input") as {
    properties?: Record<string, unknown>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    schema,
  }));
}
