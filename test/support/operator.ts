// What an operator does to a test's gateway, by the command line: enrol people, read events.

import { createHash } from "node:crypto";

import { decodeBase32, encodeBase32 } from "../../src/lib/base32.ts";
import { codeFor, type TestGateway } from "./gateway.ts";

interface Event {
  readonly event_type: string;
  readonly success: boolean;
  readonly username?: string;
  readonly reason?: string;
  readonly mfa_exempt_reason?: string;
  readonly connection_id?: string;
  readonly app?: { readonly name: string; readonly ip: string };
  readonly details?: Readonly<Record<string, unknown>>;
  readonly alarm?: string;
  /** `id`: directory and lasting id of a person. */
  readonly initiated_by: { readonly id?: string };
}

/** What `enrollAll` gives that person. */
export function secretOf(user: string): Buffer {
  return createHash("sha1").update(`secret of ${user}`).digest();
}

/** What somebody of test/support/slapd.ts with that secret types now, or `steps` later. */
export function fieldOf(uid: string, steps = 0): string {
  const numbered = /^u\d{6}$/.test(uid) ? `pw-${uid}` : `${uid}-password`;
  const password = uid === "bob" ? "hello" : numbered;
  return `${password},${codeFor(secretOf(uid), steps)}`;
}

interface Operator {
  /** A new token, in place of an old one; the raw secret. `more` are options of the command. */
  enroll(user: string, ...more: string[]): Buffer;
  /** All of them at once, for the first time. */
  enrollAll(users: readonly string[]): void;
  /** Oldest first; `filters` are options of `gatehouse events`. */
  events(...filters: string[]): Event[];
}

export function operatorOf(gateway: Pick<TestGateway, "command" | "commandWith">): Operator {
  return {
    enroll(user, ...more) {
      const args = ["token", "enroll", user, "--json", "--replace", ...more];
      const { status, stdout, stderr } = gateway.command(...args);
      if (status !== 0) throw new Error(stderr);
      const { secret }: { secret: string } = JSON.parse(stdout);
      return decodeBase32(secret) ?? Buffer.alloc(0);
    },
    enrollAll(users) {
      const lines = users.map((user) => `${user},${encodeBase32(secretOf(user))}\n`);
      const { status, stderr } = gateway.commandWith(lines.join(""), "token", "import", "-");
      if (status !== 0) throw new Error(stderr);
    },
    events(...filters) {
      const { stdout } = gateway.command("events", "--json", "--limit", "1000", ...filters);
      const lines = stdout.split("\n").filter((line) => line !== "");
      return lines.map((line): Event => JSON.parse(line));
    },
  };
}
