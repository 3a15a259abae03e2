// When a directory locks, as far as it says so: of several policies the strictest, of nonsense nothing.

import t, { type Test } from "tap";

import { Connection, type Exchange } from "../../../src/backends/directory/connection.ts";
import { dial } from "../../../src/backends/directory/dial.ts";
import { lockoutOf, readLockout } from "../../../src/backends/directory/lockout-policy.ts";
import { readOptions } from "../../../src/backends/directory/options.ts";
import { NOBODY } from "../../../src/backends/directory/server-check.ts";
import type { DirectoryLockout } from "../../../src/core/ports.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { entry, result, startFaultDirectory } from "../../support/fault-directory.ts";
import { BASE } from "../../support/slapd.ts";

type Attributes = Readonly<Record<string, readonly string[]>>;

const UNKNOWN: DirectoryLockout = { threshold: 10, observationMs: 1_800_000 };
const DAY_MS = 86_400_000;

/** What holds where the root is `root`, and `entries` are found below what a base begins with. */
async function learn(
  t: Test,
  root: Attributes,
  entries: Readonly<Record<string, readonly Attributes[]>>,
): Promise<DirectoryLockout> {
  const peer = await startFaultDirectory({
    search: ({ id, dn }, socket) => {
      const key = Object.keys(entries).find((one) => dn.startsWith(one));
      const found = dn === "" ? [root] : (entries[key ?? ""] ?? []);
      const answers = found.map((attributes, index) =>
        entry(id, `cn=${index},${BASE}`, attributes),
      );
      socket.write(Buffer.concat([...answers, result(id, "search", 0)]));
    },
  });
  t.teardown(() => peer.stop());
  const url = plainUrl(peer);
  const settings = readOptions(directoryOptions([url]).options);
  const socket = await dial(url, settings.secureContext, 1_000);
  const limits = { messageBytesMax: 10_000, isShared: false, renewAt: Infinity };
  const connection = new Connection({ url, socket }, limits, NOBODY);
  try {
    const line = { run: (exchange: Exchange) => connection.send(exchange, 0) };
    return lockoutOf(settings, await readLockout(settings, line));
  } finally {
    connection.end();
  }
}

t.test(
  "Active Directory: the domain's policy and the fine-grained ones, the strictest",
  async (t) => {
    const root = { defaultNamingContext: [BASE] };
    const domain = { lockoutThreshold: ["8"], lockOutObservationWindow: ["-18000000000"] };
    const fine = (threshold: string, window: string): Attributes => ({
      "msDS-LockoutThreshold": [threshold],
      "msDS-LockoutObservationWindow": [window],
    });
    const hour = "-36000000000";
    const cases: [Attributes[], Attributes[], DirectoryLockout][] = [
      [[domain], [], { threshold: 8, observationMs: 1_800_000 }],
      [[domain], [fine("20", hour)], { threshold: 8, observationMs: 3_600_000 }],
      [
        [domain],
        [fine("5", hour), fine("3", "0")],
        { threshold: 3, observationMs: 3_650 * DAY_MS },
      ],
      // "Never" is no threshold, and the others' still hold.
      [[domain], [fine("0", hour)], { threshold: 8, observationMs: 1_800_000 }],
      [
        [{ ...domain, lockoutThreshold: ["0"] }],
        [fine("5", hour)],
        { threshold: 5, observationMs: 3_600_000 },
      ],
      [[{ ...domain, lockoutThreshold: ["0"] }], [], UNKNOWN],
      [[], [], UNKNOWN],
    ];
    for (const [domains, policies, lockout] of cases) {
      const entries = { "CN=Password Settings": policies, "dc=": domains };
      t.same(await learn(t, root, entries), lockout);
    }
  },
);

t.test(
  "OpenLDAP: of its password policies the strictest; 0 is until the next success",
  async (t) => {
    const root = { namingContexts: ["cn=config", BASE] };
    const policy = (failures: string, seconds?: string): Attributes => ({
      pwdMaxFailure: [failures],
      ...(seconds === undefined ? {} : { pwdFailureCountInterval: [seconds] }),
    });
    const cases: [Attributes[], number, number][] = [
      [[policy("6", "900")], 6, 900_000],
      [[policy("6", "900"), policy("4", "60")], 4, 900_000],
      [[policy("6", "0")], 6, 3_650 * DAY_MS],
      [[policy("6")], 6, 3_650 * DAY_MS],
      [[policy("6", "900"), policy("0", "60")], 6, 900_000],
    ];
    for (const [policies, threshold, observationMs] of cases) {
      t.same(await learn(t, root, { "dc=": policies }), { threshold, observationMs });
    }
  },
);

t.test("nonsense is no policy, and no outage", async (t) => {
  const root = { namingContexts: [BASE] };
  for (const value of ["", "many", "-1", "1.5", "9".repeat(20), "0x5", "5 ", "\u0665"]) {
    const policies = [{ pwdMaxFailure: [value], pwdFailureCountInterval: ["900"] }];
    t.same(await learn(t, root, { "dc=": policies }), UNKNOWN, JSON.stringify(value));
  }
  t.same(await learn(t, { namingContexts: ["no DN"] }, {}), UNKNOWN);
});
