// What the LDAP door can tell about itself. Binds are counted where they are decided; these are its
// connections and what it refuses besides.

import { type Metric, single } from "../../lib/metric.ts";
import type { LdapDoor } from "./server.ts";

export type MeasuredLdap = Pick<
  LdapDoor,
  "connections" | "refusals" | "troubles" | "queue" | "delayed"
>;

export function ldapMetrics(door: MeasuredLdap): Metric[] {
  return [
    {
      kind: "gauge",
      name: "gatehouse_ldap_connections",
      help: "Open connections of clients, with somebody bound on them or not.",
      labels: ["state"],
      read() {
        const { bound, unbound } = door.connections();
        return [
          { labels: { state: "bound" }, value: bound },
          { labels: { state: "unbound" }, value: unbound },
        ];
      },
    },
    {
      kind: "counter",
      name: "gatehouse_ldap_refusals_total",
      help: "Requests that were refused, besides logins.",
      labels: ["refusal"],
      *read() {
        for (const [refusal, value] of Object.entries(door.refusals)) {
          yield { labels: { refusal }, value };
        }
      },
    },
    {
      kind: "counter",
      name: "gatehouse_ldap_troubles_total",
      help: "Connections that came to nothing.",
      labels: ["trouble"],
      *read() {
        for (const [trouble, value] of Object.entries(door.troubles)) {
          yield { labels: { trouble }, value };
        }
      },
    },
    single("gauge", "gatehouse_ldap_queue_running", "Binds under way.", () => door.queue.running),
    single(
      "gauge",
      "gatehouse_ldap_queue_waiting",
      "Binds that wait for their turn.",
      () => door.queue.waiting,
    ),
    single(
      "gauge",
      "gatehouse_ldap_replies_delayed",
      "Refusals that wait for their moment.",
      () => door.delayed,
    ),
  ];
}
