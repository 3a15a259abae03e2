// Overload: how many run, who goes first, who goes away.

import t from "tap";

import { createQueue, type Queue } from "../../src/lib/queue.ts";
import { ATTRIBUTE } from "../../src/wire/radius/attributes.ts";
import { fakeClock } from "../support/clock.ts";
import { ACCEPTED, attribute, nameOf, openDoor, request } from "../support/radius-door.ts";

interface Job {
  readonly done: Promise<unknown>;
  readonly finish: () => void;
}

/** Jobs that end when told to; `started` has their names in the order they ran. */
function jobsOf(queue: Queue): {
  readonly started: string[];
  readonly enter: (name: string, isAnswer?: boolean) => Job;
} {
  const started: string[] = [];
  return {
    started,
    enter(name, isAnswer = false) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const done = queue.run(isAnswer, () => {
        started.push(name);
        return promise;
      });
      return { done, finish: () => resolve(name) };
    },
  };
}

t.test("RAD-27: answers to challenges go before new logins, each in order", async (t) => {
  const queue = createQueue(fakeClock(), { runningMax: 1, waitingMax: 10, waitMsMax: 2_500 });
  const { started, enter } = jobsOf(queue);
  const jobs = [enter("running"), enter("login 1"), enter("login 2")];
  jobs.push(enter("answer 1", true), enter("answer 2", true));
  t.same([queue.running, queue.waiting], [1, 4]);
  for (const job of jobs) job.finish();
  await Promise.all(jobs.map(({ done }) => done));
  t.same(started, ["running", "answer 1", "answer 2", "login 1", "login 2"]);
  t.same([queue.running, queue.waiting], [0, 0]);
});

t.test("RAD-27: never more run than allowed", async (t) => {
  const queue = createQueue(fakeClock(), { runningMax: 3, waitingMax: 100, waitMsMax: 2_500 });
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
  };
  await Promise.all(Array.from({ length: 50 }, (_, index) => queue.run(index % 3 === 0, work)));
  t.equal(most, 3);
  t.equal(queue.running, 0);
});

t.test("RAD-27: a full queue drops its oldest new login, answers last", async (t) => {
  const queue = createQueue(fakeClock(), { runningMax: 1, waitingMax: 2, waitMsMax: 2_500 });
  const { started, enter } = jobsOf(queue);
  const running = enter("running");
  const old = enter("old");
  const young = enter("young");
  const answer = enter("answer 1", true);
  t.equal(await old.done, "overload");
  const other = enter("answer 2", true);
  t.equal(await young.done, "overload");
  t.equal(await enter("too many").done, "overload");
  t.equal(await enter("answer 3", true).done, "overload");
  for (const job of [running, answer, other]) job.finish();
  await Promise.all([running.done, answer.done, other.done]);
  t.same(started, ["running", "answer 1", "answer 2"]);
});

t.test("RAD-27: who waited longer than the NAS does is dropped, not answered late", async (t) => {
  const clock = fakeClock();
  const queue = createQueue(clock, { runningMax: 1, waitingMax: 10, waitMsMax: 2_500 });
  const { started, enter } = jobsOf(queue);
  const running = enter("running");
  const late = enter("late");
  clock.advance(1_000);
  const inTime = enter("in time");
  clock.advance(1_501);
  running.finish();
  t.equal(await late.done, "overload");
  inTime.finish();
  await inTime.done;
  t.same(started, ["running", "in time"]);
});

t.test("a job that fails gives its place back", async (t) => {
  const queue = createQueue(fakeClock(), { runningMax: 1, waitingMax: 10, waitMsMax: 2_500 });
  const failing = queue.run(false, async () => {
    throw new Error("failed");
  });
  await t.rejects(failing, /failed/);
  t.equal(await queue.run(false, async () => "done"), "done");
});

t.test("RAD-27: a request dropped for overload is silent and its repeat is tried", async (t) => {
  const kit = await openDoor({ limits: { runningMax: 1, waitingMax: 1, waitMsMax: 2_500 } });
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => promise;
  const running = nameOf(kit, request({ identifier: 1 }));
  const dropped = request({ identifier: 2 });
  const oldest = nameOf(kit, dropped);
  const state = attribute(ATTRIBUTE.state, "a State");
  const answer = nameOf(kit, request({ identifier: 3, attributes: [state] }));
  t.equal(await oldest, "overload");
  resolve(ACCEPTED);
  t.same(await Promise.all([running, answer]), ["Access-Accept", "Access-Accept"]);
  t.equal(await nameOf(kit, dropped), "Access-Accept");
});

t.test("RAD-27: a made-up State, or one sent again, keeps nobody from their turn", async (t) => {
  const kit = await openDoor({ limits: { runningMax: 1, waitingMax: 2, waitMsMax: 2_500 } });
  const turns: string[] = [];
  const ends: (() => void)[] = [];
  kit.script.decide = async ({ username }) => {
    turns.push(username);
    await new Promise<void>((resolve) => ends.push(resolve));
    return ACCEPTED;
  };
  let identifier = 0;
  const send = (username: string, state?: string): Promise<string> => {
    identifier += 1;
    const attributes = state === undefined ? [] : [attribute(ATTRIBUTE.state, state)];
    return nameOf(kit, request({ identifier, username, attributes }));
  };
  const replies = [send("running")];
  replies.push(send("login"), send("genuine", "a State"), send("made up", "no State"));
  // The queue is full: the oldest that isn't a genuine answer went.
  t.equal(await replies[1], "overload");
  replies.push(send("again", "a State"));
  t.equal(await replies[3], "overload");
  for (let ended = 0; ended < 3; ended += 1) {
    while (ends.length <= ended) await new Promise((resolve) => setImmediate(resolve));
    ends[ended]?.();
  }
  await Promise.all(replies);
  t.same(turns, ["running", "genuine", "again"]);
});

t.test("RAD-27: an answer that was dropped for overload is first again", async (t) => {
  const kit = await openDoor({ limits: { runningMax: 1, waitingMax: 1, waitMsMax: 2_500 } });
  const { promise, resolve } = Promise.withResolvers<typeof ACCEPTED>();
  kit.script.decide = () => promise;
  const answer = (identifier: number, state: string): Promise<string> =>
    nameOf(kit, request({ identifier, attributes: [attribute(ATTRIBUTE.state, state)] }));
  const running = nameOf(kit, request({ identifier: 1 }));
  const waiting = answer(2, "a State");
  t.equal(await answer(3, "a State too"), "overload", "nothing but answers waits");
  kit.clock.advance(3_000);
  const login = nameOf(kit, request({ identifier: 4 }));
  t.equal(await waiting, "overload", "too late");
  const repeated = answer(5, "a State");
  t.equal(await login, "overload", "the answer takes the place of a login");
  resolve(ACCEPTED);
  t.same(await Promise.all([running, repeated]), ["Access-Accept", "Access-Accept"]);
});
