// `gatehouse events`: the audit trail, as sentences or as JSON; follows it, checks its chain.

import { parseDuration } from "../config/duration.ts";
import { EVENT_TYPES, type EventType } from "../core/audit.ts";
import { EVENTS_MAX, eventsQuery, eventsVerify } from "../doors/control/operations.ts";
import { findNearest } from "../lib/edit-distance.ts";
import type { Operations } from "../doors/control/client.ts";
import {
  defineCommand,
  GENERAL,
  JSON_OPTION,
  withGateway,
  withOperations,
  type Input,
} from "./command.ts";
import { eventLine } from "./event-line.ts";
import { Failure } from "./failure.ts";
import { plural, writeJson } from "./words.ts";

const LIMIT_DEFAULT = 50;
const FOLLOW_LIMIT_DEFAULT = 10;

const OPTIONS = {
  follow: { type: "boolean", short: "f", help: "go on with new ones as they come" },
  since: { type: "string", value: "WHEN", help: "1h ago (1h), or from a moment (RFC 3339)" },
  until: { type: "string", value: "WHEN", help: "the same, for the end" },
  user: { type: "string", value: "NAME", help: "of this person" },
  client: { type: "string", value: "NAME", help: "through this RADIUS client" },
  type: { type: "string", value: "TYPE", help: "of this type, e.g. user_lockout" },
  reason: { type: "string", value: "REASON", help: "refused or dropped for this reason" },
  failed: { type: "boolean", help: "failures only" },
  success: { type: "boolean", help: "successes only" },
  limit: { type: "string", value: "N", help: "the newest N (50; 10 with --follow)" },
  verify: { type: "boolean", help: "check that no event was changed or removed" },
  ...JSON_OPTION,
  ...GENERAL,
} as const;

type Given = Input<typeof OPTIONS>;

export const command = defineCommand({
  usage: "events",
  about: "Shows the audit trail, oldest first. With --json: one event a line.",
  example: "events --user alice --since 1h --failed",
  words: [0, 0],
  options: OPTIONS,
  run: (input) => (input.values.verify === true ? verify(input) : query(input)),
});

async function query(input: Given): Promise<number> {
  const { values, io } = input;
  const args = queryOf(input);
  const work = (operations: Operations): Promise<{ events: number }> =>
    operations.run(eventsQuery, args, {
      onItem(event) {
        if (values.json === true) writeJson(io.stdout, event);
        else io.stdout.write(`${eventLine(event)}\n`);
      },
    });
  // Following a store that this command holds open would keep the gateway from starting.
  const run = args.follow ? withGateway : withOperations;
  const { events } = await run(input, work);
  if (events === 0 && values.json !== true) io.stderr.write("no event matches\n");
  return 0;
}

async function verify(input: Given): Promise<number> {
  const { values, io } = input;
  const report = await withOperations(input, (operations) => operations.run(eventsVerify, {}));
  if (values.json === true) writeJson(io.stdout, report);
  if (report.kind === "intact") {
    if (values.json !== true) {
      io.stdout.write(`The chain of ${plural(report.events, "event")} is whole.\n`);
    }
    return 0;
  }
  const what = report.problem === "gap" ? "events are missing before" : "the content changed of";
  throw new Failure(
    1,
    `the audit trail was tampered with: ${what} event ${report.seq}`,
    "keep a copy of the store as it is, and compare it with the last backup",
  );
}

function queryOf({ values, io }: Given) {
  const since = readMoment("--since", values.since, io.clock.now());
  const until = readMoment("--until", values.until, io.clock.now());
  const eventType = readType(values.type);
  if (values.failed === true && values.success === true) {
    throw new Failure(2, "--failed and --success exclude each other");
  }
  const success = values.success === true ? true : values.failed === true ? false : undefined;
  return {
    follow: values.follow === true,
    limit: readLimit(values.limit, values.follow === true),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(eventType === undefined ? {} : { eventType }),
    ...(success === undefined ? {} : { success }),
    ...(values.user === undefined ? {} : { username: values.user }),
    ...(values.client === undefined ? {} : { client: values.client }),
    ...(values.reason === undefined ? {} : { reason: values.reason }),
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function readMoment(option: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ago = parseDuration(text);
  if (ago !== undefined) return nowMs - ago;
  const moment = RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(moment)) return moment;
  const hint = "for example 30m, 2d or 2027-01-15T08:00:00Z";
  throw new Failure(2, `${option} is a duration or an RFC 3339 moment`, hint);
}

function readType(text: string | undefined): EventType | undefined {
  if (text === undefined) return undefined;
  const known = EVENT_TYPES.find((type) => type === text);
  if (known !== undefined) return known;
  const nearest = findNearest(text, EVENT_TYPES);
  const hint =
    nearest === undefined ? `one of: ${EVENT_TYPES.join(", ")}` : `did you mean ${nearest}?`;
  throw new Failure(2, `there is no event type "${text}"`, hint);
}

function readLimit(text: string | undefined, follow: boolean): number {
  if (text === undefined) return follow ? FOLLOW_LIMIT_DEFAULT : LIMIT_DEFAULT;
  const limit = /^[0-9]{1,5}$/.test(text) ? Number(text) : EVENTS_MAX + 1;
  if (limit <= EVENTS_MAX) return limit;
  throw new Failure(2, `--limit is a number from 0 to ${EVENTS_MAX}`);
}
