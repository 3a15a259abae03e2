// A restore in a process of its own, so that it can be killed: the store's path, the backup's.

import { restoreStore } from "../../src/backends/store/restore.ts";
import { fakeClock } from "./clock.ts";
import { event, MASTER_KEY, RULES } from "./store.ts";

const [path = "", backup = ""] = process.argv.slice(2);

await restoreStore(
  {
    path,
    durability: "full",
    masterKey: MASTER_KEY,
    retentionMs: 1,
    rules: RULES,
    lockoutOf: () => undefined,
    clock: fakeClock(),
    alarm: () => undefined,
  },
  backup,
  event(),
);
