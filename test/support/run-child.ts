// A process that runs `gatehouse run` with a gateway of two lines, for tests of signals.
// "slow" as its argument: a gateway that never finishes draining.

import type { App } from "../../src/commands/context.ts";
import { dispatch } from "../../src/commands/dispatch.ts";
import { systemClock } from "../../src/lib/clock.ts";

const isSlow = process.argv[2] === "slow";
const refused = (): Promise<never> => Promise.reject(new Error("not in this test"));

const app: App = {
  controlSocket: refused,
  assemble: refused,
  restore: refused,
  examine: refused,
  async startGateway(_configPath, { stop, onReload }) {
    // Something has to keep the process alive, as a socket would.
    const alive = setInterval(() => undefined, 60_000);
    onReload(() => process.stdout.write("reloaded\n"));
    process.stdout.write("ready\n");
    const stopped = new Promise<number>((resolve) => {
      stop.addEventListener("abort", () => {
        process.stdout.write("draining\n");
        if (isSlow) return;
        clearInterval(alive);
        resolve(0);
      });
    });
    return { stopped };
  },
};

const { stdin, stdout, stderr } = process;
const io = { stdin, stdout, stderr, clock: systemClock, operator: "root", version: "0.1.0" };
process.exitCode = await dispatch(["run", "--config", "any.yaml"], io, async () => app);
