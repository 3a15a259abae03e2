// The process's own log: JSON lines on stdout. What happened to whom stands in the audit trail; this is
// for the people who run the machine.

import { pino } from "pino";

import type { LogLevel } from "../config/config.ts";
import type { Log } from "../lib/log.ts";

export interface Logger extends Log {
  setLevel(level: LogLevel): void;
}

// The net below the net: nothing is ever logged under these names, and if it were, not its value.
const NEVER = ["password", "secret", "code", "credentials", "state", "key", "token"];

export function createLogger(level: LogLevel): Logger {
  const logger = pino({
    level,
    base: null,
    redact: [...NEVER, ...NEVER.map((n) => `*.${n}`)],
  });
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    setLevel(next) {
      logger.level = next;
    },
  };
}
