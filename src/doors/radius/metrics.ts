// What the RADIUS door can tell about itself. Logins are counted where they are decided; these are its
// packets.

import { type Metric, single } from "../../lib/metric.ts";
import type { RadiusDoor } from "./handle.ts";
import type { RadiusServer } from "./server.ts";

type Measured = Pick<RadiusDoor, "counts" | "queue">;

export function radiusMetrics(
  { counts, queue }: Measured,
  server: Pick<RadiusServer, "delayed">,
): Metric[] {
  return [
    {
      kind: "counter",
      name: "gatehouse_radius_replies_total",
      help: "Replies made, without those sent again.",
      labels: ["code"],
      read: () => [
        { labels: { code: "accept" }, value: counts.accepts },
        { labels: { code: "challenge" }, value: counts.challenges },
        { labels: { code: "reject" }, value: counts.rejects },
      ],
    },
    {
      kind: "counter",
      name: "gatehouse_radius_drops_total",
      help: "Packets answered with silence, by cause.",
      labels: ["reason"],
      *read() {
        for (const [reason, value] of Object.entries(counts.drops)) {
          yield { labels: { reason }, value };
        }
      },
    },
    single(
      "counter",
      "gatehouse_radius_duplicates_total",
      "Retransmissions answered with the same bytes again.",
      () => counts.duplicates,
    ),
    single(
      "counter",
      "gatehouse_radius_status_requests_total",
      "Status-Server requests, answered or not.",
      () => counts.statusRequests,
    ),
    single("gauge", "gatehouse_radius_queue_running", "Logins under way.", () => queue.running),
    single(
      "gauge",
      "gatehouse_radius_queue_waiting",
      "Logins that wait for their turn.",
      () => queue.waiting,
    ),
    single(
      "gauge",
      "gatehouse_radius_replies_delayed",
      "Refusals that wait for their moment.",
      () => server.delayed,
    ),
  ];
}
