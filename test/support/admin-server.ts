// The administrators' listener inside the test, with what it needs around it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import type { Missing } from "../../src/doors/admin/health.ts";
import {
  startAdminServer,
  type AdminServer,
  type AdminServerOptions,
} from "../../src/doors/admin/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { single } from "../../src/lib/metric.ts";
import { Secret } from "../../src/lib/secret.ts";
import { type LogLine, memoryLog } from "./radius-door.ts";

type Settings = AdminServerOptions["settings"];

export const LOOPBACK = { family: 4, host: "127.0.0.1", port: 0 } as const;
export const FROM_LOOPBACK = [{ family: 4, prefix: 8, text: "127.0.0.0/8" }] as const;

interface Identity {
  readonly tls: NonNullable<Settings["tls"]>;
  /** PEM of the authority. */
  readonly ca: string;
}

export async function makeIdentity(t: Test): Promise<Identity> {
  const folder = t.testdir();
  await generateCertificates(folder);
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const tls = { certificate: read("server.pem"), key: Secret.of(read("server.key")) };
  return { tls, ca: read("ca.pem") };
}

export interface AdminKit {
  readonly server: AdminServer;
  readonly url: string;
  readonly port: number;
  readonly lines: readonly LogLine[];
  missing: readonly Missing[] | Error;
}

export async function openAdminServer(
  t: Test,
  settings: Partial<Settings> = {},
): Promise<AdminKit> {
  const log = memoryLog();
  const server = await startAdminServer({
    settings: { listen: LOOPBACK, tls: undefined, metricsFrom: FROM_LOOPBACK, ...settings },
    sites: [],
    metrics: [single("gauge", "test_x", "An x.", () => 7)],
    missing() {
      if (kit.missing instanceof Error) throw kit.missing;
      return kit.missing;
    },
    clock: systemClock,
    log,
  });
  t.teardown(() => server.close());
  const port = Number(new URL(server.url).port);
  const kit: AdminKit = { server, url: server.url, port, lines: log.lines, missing: [] };
  return kit;
}
