// Durations, states and tables, as people read them.

import t from "tap";

import { eventLine } from "../../src/commands/event-line.ts";
import { durationWords, plural, stateWords, table } from "../../src/commands/words.ts";
import { AuditEventView, PersonView } from "../../src/doors/control/views.ts";

const NOW = Date.UTC(2027, 0, 15, 8);
const MINUTE = 60_000;

t.test("durations are rounded up to the unit a person would say", async (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [-1, "0 s"],
    [0, "0 s"],
    [1, "1 s"],
    [59_000, "59 s"],
    [MINUTE, "1 min"],
    [6 * MINUTE + 1, "7 min"],
    [119 * MINUTE, "119 min"],
    [4 * 60 * MINUTE, "4 h"],
    [47 * 60 * MINUTE, "47 h"],
    [6 * 24 * 60 * MINUTE, "6 days"],
  ];
  for (const [ms, words] of cases) t.equal(durationWords(ms), words);
  t.equal(plural(1, "token"), "1 token");
  t.equal(plural(12_345, "token"), "12,345 tokens");
});

t.test("a person's state is one line of words", async (t) => {
  const plain = PersonView.parse({
    directory: "corp",
    username: "alice",
    recoveryCodesLeft: 0,
    enrolment: "not-required",
    passwordFailures: 0,
    codeFailures: 0,
  });
  const token = { algorithm: "sha1", digits: 6, periodSeconds: 30, enrolledAt: 1 } as const;
  const cases: readonly (readonly [Partial<PersonView>, string])[] = [
    [{}, "Not enrolled"],
    [{ enrolment: "pending" }, "Imported, waits for the first login"],
    [
      { enrolment: "in-period", requirementUntil: NOW + 6 * 86_400_000 },
      "Not enrolled, 6 days left",
    ],
    [{ enrolment: "period-expired" }, "Not enrolled, the time for it is over"],
    [
      { enrolment: "enrolled", lockedUntil: NOW + 7 * MINUTE },
      "Enrolled · locked for another 7 min",
    ],
    [{ enrolment: "enrolled", lockedUntil: NOW - 1 }, "Enrolled"],
    [
      { enrolment: "enrolled", token: { ...token, suspended: true } },
      "Enrolled · factor suspended until it is reset",
    ],
    [{ lockedUntil: "administrator" }, "Not enrolled · locked until someone unlocks"],
    [{ bypassUntil: NOW + MINUTE }, "Not enrolled · bypass code for another 1 min"],
  ];
  for (const [changes, words] of cases) t.equal(stateWords({ ...plain, ...changes }, NOW), words);
});

t.test("an event reads as a sentence on one line", async (t) => {
  const line = (changes: object): string =>
    eventLine(
      AuditEventView.parse({
        seq: 1,
        id: "1",
        timestamp: "T",
        service: "radius",
        event_type: "radius_auth_attempt",
        success: false,
        initiated_by: { type: "user" },
        ...changes,
      }),
    );
  const nas = { name: "vpn" };
  const failed = { username: "alice", nas, reason: "mfa-code-incorrect" };
  t.equal(line(failed), "T  alice was refused at vpn: mfa-code-incorrect");
  t.equal(
    line({ ...failed, alarm: "right-password-wrong-code" }),
    "T  alice was refused at vpn: mfa-code-incorrect  ALARM right-password-wrong-code",
  );
  t.equal(
    line({ ...failed, reason: "directory-unavailable", reply: "none" }),
    "T  alice could not be checked at vpn: directory-unavailable",
  );
  t.equal(line({ username: "alice", nas, success: true }), "T  alice was let in at vpn");
  t.equal(
    line({ event_type: "radius_auth_challenge", username: "alice", nas }),
    "T  alice was asked for a code at vpn",
  );
  const used = { event_type: "recovery_code_used", username: "alice", details: { remaining: 0 } };
  t.equal(line(used), "T  alice used a recovery code: 0 left");
  const dropped = { event_type: "radius_packet_dropped", count: 1_003 };
  t.equal(
    line({
      ...dropped,
      nas: { name: "unknown", ip: "192.0.2.9" },
      details: { reason: "overload" },
    }),
    "T  packet dropped at unknown: overload from 192.0.2.9 (1,003 times)",
  );
  const attempt = {
    event_type: "admin_login_attempt",
    initiated_by: { type: "admin", username: "root@example.org" },
  };
  t.equal(
    line({ ...attempt, error_message: "password incorrect" }),
    "T  admin login attempt failed by root@example.org: password incorrect",
  );
  t.equal(line({ ...attempt, success: true }), "T  admin login attempt by root@example.org");
  const corp = { type: "directory", id: "corp" };
  t.equal(
    line({
      event_type: "directory_unreachable",
      resource: corp,
      details: { reason: "ECONNREFUSED" },
    }),
    "T  directory unreachable corp: ECONNREFUSED",
  );
  const root = { type: "admin", username: "root" };
  t.equal(
    line({
      event_type: "totp_import",
      success: true,
      resource: corp,
      count: 1_000,
      initiated_by: root,
    }),
    "T  totp import corp by root: 1,000 tokens",
  );
  t.equal(line({ event_type: "log_purged", success: true, count: 5 }), "T  log purged: 5 events");
  t.equal(line({ event_type: "config_reload" }), "T  config reload failed");
  t.match(
    line({ ...failed, username: "x".repeat(253), alarm: "identity-changed" }),
    /x was refused at vpn: mfa-code-incorrect {2}ALARM identity-changed$/,
    "a long name hides nothing",
  );
  t.equal(line({ event_type: "service_start", success: true }), "T  service start");
  t.equal(
    line({
      event_type: "user_unlocked",
      username: "a\nb",
      initiated_by: { type: "admin", username: "root" },
    }),
    "T  user unlocked a\\u{a}b by root",
  );
});

t.test("columns stand under each other, whatever the cells hold", async (t) => {
  t.equal(
    table([
      ["a", "b"],
      ["ccc", "\u001b"],
    ]),
    "a    b\nccc  \\u{1b}\n",
  );
});
