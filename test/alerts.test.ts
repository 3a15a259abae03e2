// The alert rules that come with Gatehouse: Prometheus takes them, they name figures that exist, and
// they fire when they should.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import t from "tap";
import { parse, stringify } from "yaml";

import { PROCESS_METRICS } from "../src/doors/admin/exposition.ts";
import { promtool } from "./support/exposition.ts";
import { everyMetric } from "./support/metrics.ts";

const RULES = fileURLToPath(new URL("../config/gatehouse.alerts.yaml", import.meta.url));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const { groups }: { groups: { rules: Rule[] }[] } = parse(readFileSync(RULES, "utf8"));
const rules = groups.flatMap((group) => group.rules);

await t.test("Prometheus takes the rules", async (t) => {
  t.equal(promtool("", "check", "rules", RULES), "");
});

await t.test("every figure they name exists", async (t) => {
  const names = new Set([...(await everyMetric(t)).map(({ name }) => name), ...PROCESS_METRICS]);
  t.ok(rules.length > 10);
  for (const { alert, expr } of rules) {
    const used = expr.match(/\b(gatehouse|process|nodejs)_\w+/g) ?? [];
    t.ok(used.length > 0 || expr.startsWith("up{"), alert);
    for (const name of used) t.ok(names.has(name.replace(/_bucket$/, "")), `${alert}: ${name}`);
  }
});

await t.test("what they advise to run is a command", async (t) => {
  const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  for (const { alert, annotations } of rules) {
    const [, words = ""] = /^gatehouse ([a-z]+)/.exec(annotations["action"] ?? "") ?? [];
    if (words === "") continue;
    t.equal(spawnSync(process.execPath, [main, words, "--help"]).status, 0, alert);
  }
});

/** A series with its values, one a minute, and the alerts that are on after a quarter of an hour. */
const CASES: readonly (readonly [series: string, values: string, alert: string | undefined])[] = [
  ['up{job="gatehouse"}', "1+0x20", undefined],
  ['up{job="gatehouse"}', "0+0x20", "GatehouseGone"],
  ["gatehouse_ready", "1+0x20", undefined],
  ["gatehouse_ready", "0+0x20", "GatehouseNobodyCanLogIn"],
  ["gatehouse_store_up", "0+0x20", "GatehouseStoreFails"],
  ["gatehouse_store_failed_writes_total", "0+1x20", "GatehouseStoreFails"],
  ["gatehouse_store_failed_writes_total", "5+0x20", undefined],
  ['gatehouse_directory_up{directory="corp"}', "0+0x20", "GatehouseDirectoryDown"],
  ['gatehouse_directory_server_up{server="a"}', "0+0x20", "GatehouseDirectoryServerDown"],
  ['gatehouse_auth_attempts_total{outcome="unavailable"}', "0+1x20", "GatehouseOutageRefusals"],
  ['gatehouse_auth_attempts_total{outcome="accept"}', "0+1000x20", undefined],
  [
    'gatehouse_auth_attempts_total{outcome="reject",reason="password-incorrect"}',
    "0+11x20",
    "GatehouseGuessing",
  ],
  [
    'gatehouse_auth_attempts_total{outcome="reject",reason="password-incorrect"}',
    "0+5x20",
    undefined,
  ],
  ['gatehouse_radius_drops_total{reason="overload"}', "0+1x20", "GatehouseOverload"],
  ['gatehouse_radius_drops_total{reason="superseded"}', "0+100x20", undefined],
  ['gatehouse_radius_drops_total{reason="unknown-source"}', "0+3x20", "GatehouseUnprovenPackets"],
  ["gatehouse_certificate_expiry_timestamp_seconds", "2000000+0x90", "GatehouseCertificateEnds"],
  ["gatehouse_certificate_expiry_timestamp_seconds", "9000000+0x90", undefined],
  ["gatehouse_config_last_reload_successful", "0+0x20", "GatehouseConfigurationWrong"],
  ['nodejs_eventloop_lag_p99_seconds{job="gatehouse"}', "0.5+0x20", "GatehouseBusy"],
];

await t.test("they fire when they should, and only then", async (t) => {
  const seen = new Set(CASES.map(([, , alert]) => alert));
  // A histogram needs more than one series.
  const untested = rules.filter(({ alert }) => !seen.has(alert)).map(({ alert }) => alert);
  t.same(untested, ["GatehouseSlow"]);
  const tests = CASES.map(([series, values, alert]) => ({
    interval: "1m",
    input_series: [{ series, values }],
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: values.endsWith("x90") ? "80m" : "15m",
        exp_samples: alert === undefined ? [] : [{ labels: `{alertname="${alert}"}`, value: 1 }],
      },
    ],
  }));
  const buckets = (le: string, values: string): { series: string; values: string } => {
    const labels = `door="radius",part="directory",le="${le}"`;
    return { series: `gatehouse_auth_duration_seconds_bucket{${labels}}`, values };
  };
  tests.push({
    interval: "1m",
    input_series: [
      buckets("1", "0+90x30"),
      buckets("2.5", "0+100x30"),
      buckets("+Inf", "0+100x30"),
    ],
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: "25m",
        exp_samples: [{ labels: '{alertname="GatehouseSlow"}', value: 1 }],
      },
    ],
  });
  const file = join(t.testdir(), "alerts.test.yaml");
  writeFileSync(file, stringify({ rule_files: [RULES], evaluation_interval: "1m", tests }));
  t.equal(promtool("", "test", "rules", file), "");
});
