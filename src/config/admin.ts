// The listener for administrators and whoever watches the gateway. Invariant: in clear only on this
// host itself, and only where that is spelled out.

import { isLoopback, parseNetwork } from "./address.ts";
import type { AdminConfig } from "./config.ts";
import type { Surroundings } from "./files.ts";
import { readKeyPair } from "./key-pair.ts";
import type { Path } from "./problem.ts";
import type { RawAdmin } from "./schema.ts";

const AT: Path = ["admin"];

/** Undefined after a problem was reported. `today`: YYYY-MM-DD, UTC. */
export function buildAdmin(
  raw: RawAdmin,
  today: string,
  around: Surroundings,
): AdminConfig | undefined {
  const { listen, metrics_from: metricsFrom } = raw;
  for (const [index, { prefix, text }] of metricsFrom.entries()) {
    if (prefix > 0) continue;
    const message = `${text} shows the names of clients and directories to everyone`;
    around.report.warning([...AT, "metrics_from", index], `${message}; list who collects metrics`);
  }
  const publicUrl = raw.public_url && new URL(raw.public_url).origin;
  if (raw.tls === "none") {
    checkPlain(raw, around);
    return { listen, tls: undefined, metricsFrom, publicUrl };
  }
  const { certificate, key } = raw;
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? "certificate" : "key";
    const message = `missing; HTTPS needs certificate and key (or tls: none, on loopback)`;
    around.report.problem([...AT, missing], message);
    return undefined;
  }
  const tls = readKeyPair({ certificate, key }, AT, today, around);
  return tls && { listen, tls, metricsFrom, publicUrl };
}

function checkPlain(raw: RawAdmin, { report }: Surroundings): void {
  const network = parseNetwork(raw.listen.host);
  if (typeof network === "string" || !isLoopback(network)) {
    const message = "must be on loopback where tls is none";
    report.problem([...AT, "listen"], `${message}; write 127.0.0.1, or name certificate and key`);
  }
  for (const name of ["certificate", "key"] as const) {
    if (raw[name] === undefined) continue;
    report.problem([...AT, name], "has no use where tls is none; remove one of the two");
  }
}
