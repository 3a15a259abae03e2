import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import t from "tap";

import { freePort } from "../support/ports.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

interface Ended {
  readonly status: unknown;
  readonly output: string;
}

async function demo(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, "demo", ...args]);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [status] = await once(child, "close");
  return { status, output };
}

t.test(
  "the demo shows logins through each door: accepts, replays refused, a challenge, a lockout",
  async (t) => {
    const { status, output } = await demo(
      "--once",
      "--port",
      String(await freePort()),
      "--ldap-port",
      String(await freePort()),
      "--portal-port",
      String(await freePort()),
    );
    t.equal(status, 0, output);
    const shown = output.split("\n").filter((line) => line.startsWith("✓"));
    t.same(
      shown.map((line) => line.split(": ")[1]),
      [
        undefined,
        "Access-Accept",
        "Access-Reject",
        "Access-Challenge",
        "Access-Accept",
        "Access-Reject",
        "success, and 5 entries",
        "result code 49",
      ],
    );
    t.match(output, /ldapsearch -x -H ldap:\/\/127\.0\.0\.1:\d+ -D/);
    t.match(output, /erin-password[^]*https:\/\/127\.0\.0\.1:\d+\n/);
    t.match(output, /radclient -x -r 1 127\.0\.0\.1:\d+ auth/);
  },
);

t.test("a port that isn't one is a wrong call", async (t) => {
  const { status, output } = await demo("--port", "many");
  t.equal(status, 2);
  t.match(output, /--port is a number/);
});
