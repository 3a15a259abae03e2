// What every store must do with the mails that wait: each once for one end of a period, whatever stops.

import type { TakenMail } from "../../../src/core/mail.ts";
import type { RequirementChange } from "../../../src/core/requirement.ts";
import { event, newToken, person, type TestStore } from "../../support/store.ts";
import { ruleOn, type Opener } from "./contract.ts";

const alice = person("alice");
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function demand({ store, clock }: TestStore, days: number, who = alice): Promise<number> {
  const until = clock.now() + days * DAY_MS;
  const change: RequirementChange = { kind: "require", until, of: "person", replaces: "same" };
  await store.changeRequirement(who, change, event());
  return until;
}

/** Takes each that is due, as whoever sends them does. */
async function take({ store, clock }: TestStore): Promise<TakenMail[]> {
  const taken: TakenMail[] = [];
  for (const id of await store.dueMails(100)) {
    const mail = await store.takeMail(id, clock.now() + 60_000);
    if (mail !== undefined) taken.push(mail);
  }
  return taken;
}

/** Takes and hands over each that is due; which that were. */
async function send(test: TestStore): Promise<string[]> {
  const taken = await take(test);
  for (const { id } of taken) await test.store.settleMail(id, undefined);
  return taken.map(({ template, person: { username } }) => `${username} ${template}`);
}

export function mailsContract(open: Opener): void {
  const rule = ruleOn(open);

  rule(
    "T17: a period has a mail at its start, a day before its end and at its end",
    async (t, test) => {
      const until = await demand(test, 7);
      const [first, ...more] = await take(test);
      t.match(first, {
        template: "enrolment-begins",
        person: { directory: "corp", id: "id-alice", username: "alice" },
        until,
        attempts: 1,
        unsettled: 1,
        firstTriedAt: test.clock.now(),
      });
      t.same(more, []);
      await test.store.settleMail(first?.id ?? 0, undefined);
      test.clock.advance(6 * DAY_MS - 1);
      t.same(await send(test), [], "not a moment too early");
      test.clock.advance(1);
      t.same(await send(test), ["alice enrolment-reminder"]);
      test.clock.advance(DAY_MS);
      t.same(await send(test), [], "its end is told by what closes the period");
      await test.store.closePeriods();
      t.same(await send(test), ["alice enrolment-ended"]);
      await test.store.closePeriods();
      test.clock.advance(30 * DAY_MS);
      t.same(await send(test), [], "each once");
    },
  );

  rule(
    "a mail that was sent isn't sent again, over restarts and jumps of the clock",
    async (t, test) => {
      await demand(test, 7);
      await send(test);
      const start = test.clock.now();
      test.clock.set(start + 6.5 * DAY_MS);
      t.same(await send(test), ["alice enrolment-reminder"]);
      test.clock.set(start);
      await test.reopen();
      t.same(await send(test), []);
      test.clock.set(start + 6.5 * DAY_MS);
      t.same(await send(test), []);
      test.clock.set(start + 8 * DAY_MS);
      await test.store.closePeriods();
      t.same(await send(test), ["alice enrolment-ended"]);
      test.clock.set(start);
      await test.store.closePeriods();
      test.clock.set(start + 8 * DAY_MS);
      await test.store.closePeriods();
      t.same(await send(test), []);
    },
  );

  rule("a new end of the period is told anew, the same one isn't", async (t, test) => {
    const until = await demand(test, 3);
    t.same(await send(test), ["alice enrolment-begins"]);
    const extend = { kind: "extend", until: until + DAY_MS } as const;
    await test.store.changeRequirement(alice, extend, event());
    t.match(await take(test), [{ template: "enrolment-begins", until: until + DAY_MS }]);
    await test.store.changeRequirement(alice, extend, event());
    t.same(await take(test), [], "nothing has changed: the one under way is not made again");
    test.clock.advance(2 * DAY_MS);
    t.same(await send(test), ["alice enrolment-begins"], "and no reminder of the earlier end");
    test.clock.advance(DAY_MS);
    t.same(await send(test), ["alice enrolment-reminder"]);
  });

  rule("a period of a day has no reminder", async (t, test) => {
    await demand(test, 1);
    t.same(await send(test), ["alice enrolment-begins"]);
    test.clock.advance(DAY_MS - 1);
    t.same(await send(test), []);
  });

  rule("whoever has enrolled, or needn't any more, gets no mail", async (t, test) => {
    const [bob, carol] = [person("bob"), person("carol")];
    for (const who of [alice, bob, carol]) await demand(test, 7, who);
    await test.store.enroll(alice, newToken, { replace: false }, event());
    await test.store.changeRequirement(bob, { kind: "remove", of: "person" }, event());
    t.same(await send(test), ["carol enrolment-begins"]);
    test.clock.advance(6 * DAY_MS);
    await test.store.resetToken(alice, event());
    t.same(await send(test), ["carol enrolment-reminder"], "a lost token brings no period back");
    t.equal(test.store.mailsWaiting(), 0);
  });

  rule("what couldn't be sent in its time is dropped, but for a recent end", async (t, test) => {
    await demand(test, 2);
    test.clock.advance(2 * DAY_MS);
    await test.store.closePeriods();
    test.clock.advance(2 * DAY_MS);
    t.equal(test.store.mailsWaiting(), 3);
    t.same(await send(test), ["alice enrolment-ended"]);
    t.equal(test.store.mailsWaiting(), 0);
    await demand(test, 1);
    test.clock.advance(DAY_MS);
    await test.store.closePeriods();
    test.clock.advance(3 * DAY_MS);
    t.same(await send(test), [], "an end of three days ago is no news");
  });

  rule("nobody is told of an end that the clock has moved to the future", async (t, test) => {
    await demand(test, 2);
    await send(test);
    test.clock.advance(2 * DAY_MS);
    await test.store.closePeriods();
    test.clock.set(test.clock.now() - HOUR_MS);
    t.same(await send(test), ["alice enrolment-reminder"]);
    test.clock.advance(HOUR_MS);
    await test.store.holdMails();
    test.clock.set(test.clock.now() - DAY_MS);
    t.same(await send(test), [], "nor if it should have been sent before the clock moved");
    t.same(await test.store.dueMails(9), [], "and nobody looks at it all the time");
    test.clock.advance(DAY_MS);
    t.same(await send(test), ["alice enrolment-ended"]);
  });

  rule(
    "a mail is due again when nobody said how it ended, and that is counted",
    async (t, test) => {
      await demand(test, 7);
      t.match(await take(test), [{ attempts: 1, unsettled: 1 }]);
      t.same(await take(test), [], "while it is under way it isn't due");
      await test.reopen();
      test.clock.advance(60_000);
      const [again] = await take(test);
      t.match(again, { attempts: 2, unsettled: 2, firstTriedAt: test.clock.now() - 60_000 });
      await test.store.postponeMail(again?.id ?? 0, test.clock.now() + 5_000);
      t.same(await take(test), []);
      test.clock.advance(5_000);
      t.match(await take(test), [{ attempts: 3, unsettled: 2 }], "this one's end was known");
    },
  );

  rule("a mail that was put off waits no longer for a clock that went back", async (t, test) => {
    await demand(test, 7);
    const [mail] = await take(test);
    await test.store.postponeMail(mail?.id ?? 0, test.clock.now() + HOUR_MS);
    t.same(await take(test), []);
    test.clock.set(test.clock.now() - DAY_MS);
    t.same(await send(test), ["alice enrolment-begins"]);
  });

  rule("while nothing can be sent the time of all that is due runs", async (t, test) => {
    for (const name of ["alice", "bob"]) await demand(test, 30, person(name));
    await test.store.holdMails();
    const start = test.clock.now();
    t.same(await test.store.overdueMails(start, 10), []);
    test.clock.advance(3 * DAY_MS);
    const overdue = await test.store.overdueMails(start + 1, 10);
    t.same(overdue.map(({ person: { username } }) => username).toSorted(), ["alice", "bob"]);
    for (const { id } of overdue) {
      await test.store.settleMail(id, event({ event_type: "mail_delivery_failed" }));
      await test.store.settleMail(id, event({ event_type: "mail_delivery_failed" }));
    }
    const told = await test.store.events({ limit: 9, eventType: "mail_delivery_failed" });
    t.equal(told.length, 2, "each once");
    t.same(await test.store.overdueMails(start + 1, 10), []);
  });
}
