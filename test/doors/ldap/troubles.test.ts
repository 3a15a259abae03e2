// What is refused and what comes to nothing: counted always, told once a minute.

import t from "tap";

import type { EventDraft } from "../../../src/core/audit.ts";
import { createTroubles } from "../../../src/doors/ldap/troubles.ts";
import { fakeClock } from "../../support/clock.ts";
import { memoryLog } from "../../support/radius-door.ts";

function kit(audit?: (event: EventDraft) => Promise<void>) {
  const clock = fakeClock();
  const log = memoryLog();
  const events: EventDraft[] = [];
  const keep = async (event: EventDraft): Promise<void> => void events.push(event);
  const troubles = createTroubles({ clock, log, audit: audit ?? keep });
  return { clock, log, events, troubles };
}

const where = { listener: "apps", address: "192.0.2.7" };

t.test("LOG-02: a thousand refusals are one line and one event, with their number", async (t) => {
  const { clock, log, events, troubles } = kit();
  for (let count = 0; count < 1_000; count += 1) {
    troubles.refused("password-attribute", where, "userPassword\r\nforged: line");
  }
  troubles.refused("password-attribute", { ...where, address: "192.0.2.8" }, undefined);
  t.equal(troubles.refusals["password-attribute"], 1_001);
  t.equal(log.lines.length, 2);
  t.notMatch(JSON.stringify(log.lines), /\\r|\\n/);
  await troubles.report();
  t.equal(events.length, 0, "the minute isn't over");
  clock.advance(60_000);
  await troubles.report();
  t.match(events, [
    {
      event_type: "ldap_operation_denied",
      service: "ldap",
      count: 1_000,
      app: { name: "apps", ip: "192.0.2.7" },
      details: { reason: "password-attribute" },
    },
    { count: 1 },
  ]);
});

t.test("connections that come to nothing are told, not kept as events", async (t) => {
  const { log, events, troubles } = kit();
  for (let count = 0; count < 50; count += 1) troubles.connection("tls-failed", where, "no cipher");
  t.equal(troubles.troubles["tls-failed"], 50);
  t.match(log.lines, [{ level: "warn", fields: { trouble: "tls-failed", reason: "no cipher" } }]);
  t.equal(log.lines.length, 1);
  await troubles.report(true);
  t.same(events, []);
});

t.test("StartTLS: how it ended, once a minute for each way and address", async (t) => {
  const { events, log, troubles } = kit();
  const on = { isSecure: true, version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" } as const;
  for (let count = 0; count < 100; count += 1) troubles.startTls(on, where);
  troubles.startTls({ isSecure: false, reason: "closed" }, where);
  troubles.startTls(on, { ...where, address: "192.0.2.8" });
  await troubles.report(true);
  const base = { service: "ldap", event_type: "ldap_start_tls" };
  const details = { oid: "1.3.6.1.4.1.1466.20037", tls_version: "TLSv1.3", cipher: on.cipher };
  t.match(events, [
    { ...base, success: true, count: 100, app: { name: "apps", ip: "192.0.2.7" }, details },
    { ...base, success: false, count: 1, details: { reason: "closed" } },
    { ...base, success: true, count: 1, app: { ip: "192.0.2.8" } },
  ]);
  t.same(log.lines, []);
});

t.test("an event that can't be kept is told, and the next one is tried", async (t) => {
  const { log, troubles } = kit(() => Promise.reject(new Error("disk full")));
  troubles.refused("not-bound", where, undefined);
  troubles.refused("referral", where, undefined);
  await troubles.report(true);
  t.equal(log.lines.filter(({ level }) => level === "error").length, 2);
});
