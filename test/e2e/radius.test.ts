// The first circle: radclient -> RADIUS door -> decision -> slapd, one process as users run it.

import t from "tap";

import { decodeBase32 } from "../../src/lib/base32.ts";
import { codeFor, radclient, startGateway } from "../support/gateway.ts";
import { startSlapd } from "../support/slapd.ts";

const slapd = await startSlapd();
const gateway = await startGateway({ directory: slapd.url });
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});

function enroll(user: string): Buffer {
  const { status, stdout, stderr } = gateway.command(
    "token",
    "enroll",
    user,
    "--json",
    "--replace",
  );
  if (status !== 0) throw new Error(stderr);
  const { secret } = JSON.parse(stdout) as { secret: string };
  return decodeBase32(secret) ?? Buffer.alloc(0);
}

function events(...filters: string[]): Record<string, unknown>[] {
  const { stdout } = gateway.command("events", "--json", "--limit", "1000", ...filters);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

await t.test("password,code is accepted; the same code again is refused", async (t) => {
  const secret = enroll("alice");
  const field = `alice-password,${codeFor(secret)}`;
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Reject");
  t.match(
    events("--user", "alice").map((one) => one["reason"]),
    [undefined, undefined, "mfa-code-replayed"],
  );
});
