// One route of the API as data: who may call it, what it takes, what it answers. Registration, the
// OpenAPI document and the test of every route for every role are made from the same list.
// Invariant: a route can't be written down without saying who may call it.

import { z } from "zod";

import type { Permission } from "../../../core/permissions.ts";
import type { ApiContext, Caller, Principal } from "./context.ts";

/**
 * `anyone`: nobody is asked who they are. `signed-in`: any administrator. A permission: whoever holds
 * it now.
 */
export type Access = "anyone" | "signed-in" | Permission;

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Answer<Body> {
  readonly status?: 200 | 201 | 202;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Body;
}

interface Request<Params, Query, Body> extends Caller {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

interface Description<Who extends Access, Params, Query, Body, Result> {
  readonly method: Method;
  /** As fastify writes it: "/api/systemusers/:id". */
  readonly path: string;
  readonly summary: string;
  readonly access: Who;
  /** Needs a login of the last ten minutes, so no key will do: who else may administer. */
  readonly isFresh?: true;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  readonly result: z.ZodType<Result>;
  handle(
    context: ApiContext,
    request: Request<Params, Query, Body> & WhoAsks<Who>,
  ): Promise<Answer<Result>>;
  /** Told of a body that doesn't fit, before it is refused. */
  onMisfit?(context: ApiContext, body: unknown, caller: Caller): Promise<void>;
}

interface WhoAsks<Who extends Access> {
  readonly principal: Who extends "anyone" ? Principal | undefined : Principal;
}

/** A route that has been tied: what comes in and what goes out is checked inside. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly isFresh: boolean;
  readonly takesBody: boolean;
  readonly shapes: {
    readonly params: z.ZodType | undefined;
    readonly query: z.ZodType | undefined;
    readonly body: z.ZodType | undefined;
    readonly result: z.ZodType;
  };
  run(context: ApiContext, asked: Asked): Promise<Answer<unknown>>;
}

/** A request as it came, after it is known who asks. */
interface Asked extends Caller {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** What a caller can understand and mend. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const nothing = z.strictObject({});

export function route<Who extends Access, Result, Params = {}, Query = {}, Body = {}>(
  description: Description<Who, Params, Query, Body, Result>,
): Route {
  const { method, path, summary, access, isFresh = false, result } = description;
  const { params, query, body, onMisfit } = description;
  return {
    method,
    path,
    summary,
    access,
    isFresh,
    takesBody: method !== "GET",
    shapes: { params, query, body, result },
    async run(context, asked) {
      const fits = (body ?? nothing).safeParse(asked.body ?? {});
      if (!fits.success) await onMisfit?.(context, asked.body, asked);
      const request = {
        ...asked,
        params: check("path", params, asked.params),
        query: check("query", query, asked.query),
        body: fits.success ? fits.data : refuseMisfit("body", fits.error),
      };
      // The site has found out who asks, and let nobody pass whom `access` doesn't.
      const answer = await description.handle(
        context,
        request as Request<Params, Query, Body> & WhoAsks<Who>,
      );
      return { ...answer, body: result.parse(answer.body) };
    },
  };
}

function check(where: string, shape: z.ZodType | undefined, value: unknown): unknown {
  const fits = (shape ?? nothing).safeParse(value ?? {});
  return fits.success ? fits.data : refuseMisfit(where, fits.error);
}

// Names the field and the rule, never the value: it may be a secret.
function refuseMisfit(where: string, error: z.ZodError): never {
  const [issue] = error.issues;
  const path = [where, ...(issue?.path ?? [])].join(".");
  throw new ApiError(400, `${path}: ${issue?.message ?? "does not fit"}`);
}
