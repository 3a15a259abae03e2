// What is measured about the gateway as a whole, and the list of everything that is measured.

import { directoryMetrics } from "../backends/directory/metrics.ts";
import type { Store } from "../backends/store/store.ts";
import type { LoginCounts } from "../doors/admin/login-counts.ts";
import { ldapMetrics, type MeasuredLdap } from "../doors/ldap/metrics.ts";
import type { RadiusDoor } from "../doors/radius/handle.ts";
import { radiusMetrics } from "../doors/radius/metrics.ts";
import type { RadiusServer } from "../doors/radius/server.ts";
import { type Metric, type Sample, single } from "../lib/metric.ts";
import { configuredCertificates } from "./certificates.ts";
import { missing, type Running } from "./running.ts";

export interface MeasuredParts {
  readonly version: string;
  readonly running: Running;
  readonly logins: Pick<LoginCounts, "metrics">;
  readonly store: Pick<Store, "isUp" | "metrics">;
  readonly radius: {
    readonly door: Pick<RadiusDoor, "counts" | "queue">;
    readonly server: Pick<RadiusServer, "delayed"> | undefined;
  };
  readonly ldap: MeasuredLdap | undefined;
}

/** Every metric there is, besides those of the process. */
export function allMetrics(parts: MeasuredParts): Metric[] {
  const { running, logins, store, radius, ldap } = parts;
  return [
    ...gatewayMetrics(parts),
    ...logins.metrics,
    ...(radius.server === undefined ? [] : radiusMetrics(radius.door, radius.server)),
    ...(ldap === undefined ? [] : ldapMetrics(ldap)),
    ...directoryMetrics(() => running.directories.values()),
    ...store.metrics,
  ];
}

function gatewayMetrics({ version, running, store }: MeasuredParts): Metric[] {
  return [
    {
      kind: "gauge",
      name: "gatehouse_build_info",
      help: "Which version runs.",
      labels: ["version"],
      read: () => [{ labels: { version }, value: 1 }],
    },
    single(
      "gauge",
      "gatehouse_ready",
      "Whether anybody can log in: the store and a directory are up.",
      () => Number(missing(running, store).length === 0),
    ),
    single("gauge", "gatehouse_store_up", "Whether the store takes writes.", () =>
      Number(store.isUp()),
    ),
    single(
      "gauge",
      "gatehouse_config_last_reload_successful",
      "Whether the configuration on disk is the one that is used.",
      () => Number(running.isReloadGood),
    ),
    single(
      "gauge",
      "gatehouse_config_loaded_timestamp_seconds",
      "When the configuration in use was loaded.",
      () => running.loadedAt / 1_000,
    ),
    {
      kind: "gauge",
      name: "gatehouse_certificate_expiry_timestamp_seconds",
      help: "When a certificate that the configuration names ends.",
      labels: ["use", "name", "subject", "serial"],
      read: () => certificateEnds(running),
    },
  ];
}

// A bundle may hold the same certificate twice.
function certificateEnds({ config }: Running): Iterable<Sample> {
  const samples = new Map<string, Sample>();
  for (const { use, name, subject, serial, endsAt } of configuredCertificates(config)) {
    const labels = { use, name, subject, serial };
    samples.set(JSON.stringify(labels), { labels, value: endsAt / 1_000 });
  }
  return samples.values();
}
