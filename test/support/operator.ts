// What an operator does to a test's gateway, by the command line: enrol people, read events.

import { decodeBase32 } from "../../src/lib/base32.ts";
import type { TestGateway } from "./gateway.ts";

interface Event {
  readonly event_type: string;
  readonly success: boolean;
  readonly username?: string;
  readonly reason?: string;
  readonly mfa_exempt_reason?: string;
  readonly app?: { readonly name: string; readonly ip: string };
  readonly details?: Readonly<Record<string, unknown>>;
  readonly alarm?: string;
  /** `id`: directory and lasting id of a person. */
  readonly initiated_by: { readonly id?: string };
}

interface Operator {
  /** A new token, in place of an old one; the raw secret. */
  enroll(user: string): Buffer;
  /** Oldest first; `filters` are options of `gatehouse events`. */
  events(...filters: string[]): Event[];
}

export function operatorOf(gateway: Pick<TestGateway, "command">): Operator {
  return {
    enroll(user) {
      const args = ["token", "enroll", user, "--json", "--replace"];
      const { status, stdout, stderr } = gateway.command(...args);
      if (status !== 0) throw new Error(stderr);
      const { secret }: { secret: string } = JSON.parse(stdout);
      return decodeBase32(secret) ?? Buffer.alloc(0);
    },
    events(...filters) {
      const { stdout } = gateway.command("events", "--json", "--limit", "1000", ...filters);
      const lines = stdout.split("\n").filter((line) => line !== "");
      return lines.map((line): Event => JSON.parse(line));
    },
  };
}
