// Ties an operation's shapes to the function that does it.
// Invariant: a handler sees only arguments that fit, and nothing leaves that doesn't.

import { z } from "zod";

import type { Call, ControlContext } from "./context.ts";
import type { Operation } from "./operations.ts";
import { OperationError } from "./protocol.ts";

/** The function that does an operation, e.g. Handler<typeof tokenList>. */
export type Handler<Op> =
  Op extends Operation<string, infer Arguments, infer Item, infer Result>
    ? (context: ControlContext, args: Arguments, call: Call<Item>) => Promise<Result>
    : never;

/** An operation that has been tied: arguments and answers are checked inside. */
export interface Bound {
  readonly name: string;
  run(context: ControlContext, args: unknown, call: Call<unknown>): Promise<unknown>;
}

export function bind<Name extends string, Arguments, Item, Result>(
  operation: Operation<Name, Arguments, Item, Result>,
  handler: (context: ControlContext, args: Arguments, call: Call<Item>) => Promise<Result>,
): Bound {
  return {
    name: operation.name,
    async run(context, args, call) {
      const parsed = operation.arguments.safeParse(args);
      if (!parsed.success) throw argumentsError(operation.name, parsed.error);
      const item = (value: Item): Promise<void> => call.item(operation.item.parse(value));
      const result = await handler(context, parsed.data, { ...call, item });
      return operation.result.parse(result);
    },
  };
}

// Names the argument and the rule, never the value: it may be a secret.
function argumentsError(name: string, error: z.ZodError): OperationError {
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? name : issue.path.join(".");
  return new OperationError("usage", `${where}: ${issue?.message ?? "does not fit"}`);
}
