// `gatehouse test login`: a login through the running gateway as a NAS would send it, and what the NAS
// would get. The help desk sees the reason besides.

import type { Operations } from "../doors/control/client.ts";
import { testLogin } from "../doors/control/operations.ts";
import type { TriedLogin } from "../doors/control/views.ts";
import { defineCommand, GENERAL, JSON_OPTION, withGateway } from "./command.ts";
import type { Io } from "./context.ts";
import { Failure } from "./failure.ts";
import { type HiddenInput, openHiddenInput } from "./hidden-input.ts";
import { paint, table, writeJson } from "./words.ts";

const NAMES = {
  accept: "Access-Accept",
  challenge: "Access-Challenge",
  reject: "Access-Reject",
  silence: "no reply",
} as const;

export const command = defineCommand({
  usage: "test login USER --client NAME",
  about: `Logs a person in through the running gateway as if the RADIUS client NAME had asked, and shows
what it would get. The password is asked for, or read from standard input, the code on a second line.
It is a real login: a wrong password counts, a code is used up, an event is written.`,
  example: "test login alice --client vpn",
  words: [1, 1],
  options: {
    client: { type: "string", value: "NAME", help: "the RADIUS client, as in radius.clients" },
    ...JSON_OPTION,
    ...GENERAL,
  },
  async run(input) {
    const { values, io } = input;
    const { client } = values;
    const [username = ""] = input.positionals;
    if (client === undefined) throw new Failure(2, "name the RADIUS client with --client NAME");
    const typed = openHiddenInput(io);
    try {
      const tried = await withGateway(input, (operations) =>
        logIn(operations, { client, username }, typed, io),
      );
      if (values.json === true) writeJson(io.stdout, tried);
      else show(io, tried);
      return tried.reply === "accept" ? 0 : 1;
    } finally {
      typed.close();
    }
  },
});

async function logIn(
  operations: Operations,
  who: { readonly client: string; readonly username: string },
  typed: HiddenInput,
  io: Io,
): Promise<TriedLogin> {
  const password = await typed.read("password: ");
  const first = await operations.run(testLogin, { ...who, password });
  if (first.reply !== "challenge" || first.state === undefined) return first;
  for (const { name, value } of first.attributes) {
    if (name === "Reply-Message") io.stderr.write(`${NAMES.challenge}: ${value}\n`);
  }
  const code = await typed.read("code: ");
  return operations.run(testLogin, { ...who, password: code, state: first.state });
}

function show(io: Io, { reply, reason, attributes }: TriedLogin): void {
  const isAccepted = reply === "accept";
  const sign = paint(io.stdout, isAccepted ? "green" : "red", isAccepted ? "✓" : "✗");
  const why = reason === undefined ? "" : ` (${reason}: see docs/audit-events.md)`;
  io.stdout.write(`${sign} ${NAMES[reply]}${why}\n`);
  io.stdout.write(table(attributes.map(({ name, value }) => ["", name, value])));
}
