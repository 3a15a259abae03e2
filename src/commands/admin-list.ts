// `gatehouse admin list`: who may administer, and how they stand. Never shows a secret.

import { adminList } from "../doors/control/operations.ts";
import type { AdministratorView } from "../doors/control/views.ts";
import { defineCommand, GENERAL, JSON_OPTION, withOperations } from "./command.ts";
import { durationWords, momentWords, plural, table, writeJson } from "./words.ts";

// More people than this with all permissions are more ways in than anybody watches.
const UNRESTRICTED_MAX = 3;

export const command = defineCommand({
  usage: "admin list",
  about: "Lists the administrators. With --json: one a line.",
  example: "admin list",
  words: [0, 0],
  options: { ...JSON_OPTION, ...GENERAL },
  async run(input) {
    const { values, io } = input;
    const found: AdministratorView[] = [];
    await withOperations(input, (operations) =>
      operations.run(
        adminList,
        {},
        {
          onItem(administrator) {
            if (values.json === true) writeJson(io.stdout, administrator);
            else found.push(administrator);
          },
        },
      ),
    );
    if (values.json === true) return 0;
    if (found.length === 0) {
      io.stdout.write("There is no administrator yet.\nnext: gatehouse admin create EMAIL\n");
      return 0;
    }
    const rows = found.map((one) => rowOf(one, io.clock.now()));
    io.stdout.write(table([["USER", "ROLE", "STATE", "LAST LOGIN", "API KEYS"], ...rows]));
    io.stdout.write(`${plural(found.length, "administrator")}\n`);
    const all = found.filter(({ role, state }) => role === "administrator" && state === "active");
    if (all.length > UNRESTRICTED_MAX) {
      const advice = "three are enough: give the others the role manager, help_desk or read_only";
      io.stdout.write(`${all.length} of them may do everything; ${advice}\n`);
    }
    return 0;
  },
});

function rowOf(one: AdministratorView, nowMs: number): string[] {
  const { lockedUntil = 0, lastLoginAt } = one;
  const locked =
    lockedUntil > nowMs ? ` · locked for another ${durationWords(lockedUntil - nowMs)}` : "";
  return [
    one.username,
    one.role,
    `${one.state}${locked}`,
    lastLoginAt === undefined ? "never" : momentWords(lastLoginAt),
    String(one.keys),
  ];
}
