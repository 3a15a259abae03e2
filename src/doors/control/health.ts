// The gateway itself: how it is, and reading its configuration again.

import type { Handler } from "./bind.ts";
import type { ControlContext, Gateway } from "./context.ts";
import type { health, reload } from "./operations.ts";
import { OperationError } from "./protocol.ts";

export const showHealth: Handler<typeof health> = (context) => getGateway(context).health();

export const reloadConfiguration: Handler<typeof reload> = async (context) => {
  const gateway = getGateway(context);
  try {
    return { notes: [...(await gateway.reload())] };
  } catch (error) {
    const message = error instanceof Error ? error.message : "the configuration has errors";
    throw new OperationError("refused", message, "the old configuration stays in force");
  }
};

function getGateway(context: ControlContext): Gateway {
  if (context.gateway !== undefined) return context.gateway;
  throw new OperationError("unavailable", "no gateway is running", "start it: gatehouse run");
}
