// `gatehouse run`: the gateway itself, and what the operating system may tell it.
// Invariant: once told to stop the process ends within ten seconds, whatever happens.

import { defineCommand, GENERAL } from "./command.ts";

// The gateway drains in less; this is for one that doesn't. Container engines kill after ten.
const STOP_MS_MAX = 9_500;

export const command = defineCommand({
  usage: "run --config FILE",
  about: `Starts the gateway. It logs "ready" once every listener is up. SIGTERM and SIGINT let
running logins finish and stop it; a second one stops at once; SIGHUP reads the configuration
again.`,
  example: "run --config /etc/gatehouse/gatehouse.yaml",
  words: [0, 0],
  options: GENERAL,
  async run({ app, configPath }) {
    const { startGateway } = await app();
    const stop = new AbortController();
    let reload = (): void => undefined;
    const onStop = (): void => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
      setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
    };
    const onHangUp = (): void => reload();
    process.on("SIGTERM", onStop).on("SIGINT", onStop).on("SIGHUP", onHangUp);
    try {
      const { stopped } = await startGateway(configPath, {
        stop: stop.signal,
        onReload: (listener) => {
          reload = listener;
        },
      });
      return await stopped;
    } finally {
      process.off("SIGTERM", onStop).off("SIGINT", onStop).off("SIGHUP", onHangUp);
    }
  },
});
