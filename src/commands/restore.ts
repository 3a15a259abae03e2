// `gatehouse restore`: brings a backup back, while no gateway runs.

import { resolve } from "node:path";

import { connectControl } from "../doors/control/client.ts";
import { defineCommand, GENERAL, JSON_OPTION } from "./command.ts";
import { Failure } from "./failure.ts";
import { plural, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "restore FILE",
  about: `Puts a backup in the place of the store, which must not be there any more. Codes up to
this moment are dead afterwards: what was used since the backup must not work again.`,
  example: "restore /var/lib/gatehouse/monday.db",
  words: [1, 1],
  options: { ...JSON_OPTION, ...GENERAL },
  async run({ values, io, app, configPath, positionals }) {
    const program = await app();
    const { path, mistakes } = await program.controlSocket(configPath);
    if (mistakes !== undefined) throw mistakes;
    const running = await connectControl(path, io.operator);
    if (running !== undefined) {
      await running.close();
      throw new Failure(1, `a gateway is running at ${path}`, "stop it, then restore");
    }
    const { events } = await program.restore(configPath, resolve(positionals[0] ?? ""));
    if (values.json === true) writeJson(io.stdout, { events });
    else io.stdout.write(`Restored, with ${plural(events, "event")}.\nnext: gatehouse run\n`);
    return 0;
  },
});
