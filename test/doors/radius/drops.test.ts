// What silence leaves behind: counters, one line and one event per client, reason and minute.

import t from "tap";

import { DROP_REASONS, type DropReason } from "../../../src/doors/radius/drop-reasons.ts";
import { ask, attribute, client, memoryLog, openDoor, request } from "../../support/radius-door.ts";

const HINTS: [title: string, datagram: Buffer, reason: DropReason, hint: string][] = [
  [
    "an unsigned login",
    request({ signature: "absent" }),
    "missing-message-authenticator",
    "radius.clients[vpn].require_message_authenticator",
  ],
  [
    "a forged signature",
    request({ signature: "forged" }),
    "bad-message-authenticator",
    "radius.clients[vpn].secret",
  ],
];

for (const [title, datagram, reason, hint] of HINTS) {
  t.test(`RAD-02 LOG-02: ${title} logs one line a minute that names ${hint}`, async (t) => {
    const kit = await openDoor();
    for (let sent = 0; sent < 5; sent++) await ask(kit, datagram);
    t.equal(kit.log.lines.length, 1);
    t.match(kit.log.lines[0]?.message, hint);
    t.match(kit.log.lines[0]?.fields, { client: "vpn", source: "127.0.0.1", reason });
    t.equal(kit.door.counts.drops[reason], 5);
    kit.clock.advance(59_999);
    await kit.door.report();
    t.same(kit.events, []);
    kit.clock.advance(1);
    await kit.door.report();
    t.equal(kit.events.length, 1);
    t.match(kit.events[0], {
      event_type: "radius_packet_dropped",
      service: "radius",
      success: false,
      count: 5,
      nas: { name: "vpn", ip: "127.0.0.1" },
      details: { reason, first_seen: /^20/, last_seen: /^20/ },
    });
    await ask(kit, datagram);
    t.equal(kit.log.lines.length, 2, "a new minute, a new line");
  });
}

t.test("RAD-03: an unsigned Proxy-State names limit_proxy_state", async (t) => {
  const kit = await openDoor({ clients: [client({ requireMessageAuthenticator: false })] });
  const attributes = [attribute(33, "state")];
  await ask(kit, request({ signature: "absent", attributes }));
  t.match(kit.log.lines[0]?.message, "radius.clients[vpn].limit_proxy_state");
});

t.test("RAD-13: a flood of strangers costs few lines, few events and no replies", async (t) => {
  const kit = await openDoor();
  for (let last = 0; last < 200; last++) {
    t.equal(await ask(kit, request(), { address: `198.51.100.${last}` }), "unknown-source");
  }
  t.equal(kit.door.counts.drops["unknown-source"], 200);
  t.equal(kit.log.lines.length, 16);
  await kit.door.report(true);
  t.equal(kit.events.length, 16);
  t.same(kit.events[0]?.nas, { name: "unknown", ip: "198.51.100.0" });
});

t.test("duplicates and outages are counted, not reported", async (t) => {
  const kit = await openDoor();
  const datagram = request({ password: "wrong" });
  await ask(kit, datagram);
  t.equal(await ask(kit, datagram), "duplicate-in-progress");
  await kit.door.report(true);
  t.same([kit.events, kit.log.lines], [[], []]);
  t.equal(kit.door.counts.drops["duplicate-in-progress"], 1);
});

t.test("an event that can't be kept is logged; the next one still is", async (t) => {
  const log = memoryLog();
  let kept = 0;
  const kit = await openDoor({
    log,
    audit: async () => {
      if (kept++ === 0) throw new Error("the store is down");
    },
  });
  await ask(kit, request({ signature: "forged" }));
  await ask(kit, request({ signature: "absent" }));
  await kit.door.report(true);
  t.equal(kept, 2);
  t.equal(log.lines.filter(({ level }) => level === "error").length, 1);
});

t.test("every reason has a counter from the start", async (t) => {
  const { door } = await openDoor();
  t.same(Object.keys(door.counts.drops), Object.keys(DROP_REASONS));
  t.ok(Object.values(door.counts.drops).every((count) => count === 0));
});
