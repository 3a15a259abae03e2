// The same operations while no gateway runs: done in this process, on a store opened here.

import type { Operations } from "./client.ts";
import type { ControlContext } from "./context.ts";
import { runOperation } from "./handlers.ts";

/** `close` ends what follows, then runs `release`. */
export function localOperations(
  context: ControlContext,
  operator: string,
  release: () => Promise<void>,
): Operations {
  const gone = new AbortController();
  return {
    async run(operation, args, watch = {}) {
      const result = await runOperation(context, operation.name, args, {
        operator,
        signal: gone.signal,
        progress: (done, total) => watch.onProgress?.({ done, total }),
        item: async (item) => watch.onItem?.(operation.item.parse(item)),
      });
      return operation.result.parse(result);
    },
    async close() {
      gone.abort();
      await release();
    },
  };
}
