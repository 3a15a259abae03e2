// What `gatehouse check --connect` goes through: everything the gateway will need, as it is now.

import { examineDirectory } from "../backends/directory/examine.ts";
import { examineStore } from "../backends/store/examine.ts";
import type { Config } from "../config/config.ts";
import type { Tell } from "../core/finding.ts";
import { examineListen } from "../doors/radius/examine.ts";
import type { Clock } from "../lib/clock.ts";
import { addressText } from "../lib/listen.ts";

/** Never rejects. `isRunning`: a gateway has the addresses already. */
export async function examine(
  config: Config,
  isRunning: boolean,
  clock: Clock,
  tell: Tell,
): Promise<void> {
  for (const directory of config.directories) await examineDirectory({ ...directory, clock }, tell);
  for (const listen of config.radius.listen) {
    if (!isRunning) tell(await examineListen(listen));
    else {
      const subject = `listen ${addressText(listen)}`;
      tell({ state: "right", subject, said: "the running gateway has it" });
    }
  }
  tell(examineStore(config.store.sqlite));
  const said = `it is ${new Date(clock.now()).toISOString()} here: as on your phone?`;
  tell({ state: "right", subject: "clock", said });
}
