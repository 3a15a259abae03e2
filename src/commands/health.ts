// `gatehouse health`: is the gateway serving? For people, and for container health checks.

import { health } from "../doors/control/operations.ts";
import type { HealthReport } from "../doors/control/views.ts";
import { defineCommand, GENERAL, JSON_OPTION, withGateway } from "./command.ts";
import { durationWords, paint, table, writeJson } from "./words.ts";

export const command = defineCommand({
  usage: "health",
  about: `Asks the running gateway how it is. Exit code 1 if none answers or nobody can be served;
one directory of several being down is told, and is 0.`,
  example: "health --json",
  words: [0, 0],
  options: { ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const report = await withGateway(input, (operations) => operations.run(health, {}));
    if (values.json === true) writeJson(io.stdout, report);
    else {
      const style = report.status === "healthy" ? "green" : "red";
      const about = `version ${report.version}, up for ${durationWords(report.uptimeMs)}`;
      io.stdout.write(`${paint(io.stdout, style, report.status)}  ${about}\n`);
      io.stdout.write(table(rowsOf(report)));
    }
    return report.status === "failing" ? 1 : 0;
  },
});

function rowsOf({ store, directories, listeners }: HealthReport): string[][] {
  const parts = [
    { kind: "store", ...store },
    ...directories.map((part) => ({ kind: "directory", ...part })),
    ...listeners.map((part) => ({ kind: "listener", ...part })),
  ];
  return parts.map(({ kind, state, name, detail }) => [
    state === "up" ? "✓" : "✗",
    kind,
    name,
    detail ?? "",
  ]);
}
