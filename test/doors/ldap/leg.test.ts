// A client's way to the directory while the directory takes its time.

import t from "tap";

import { Leg } from "../../../src/doors/ldap/leg.ts";
import { entry, result } from "../../support/fault-directory.ts";
import type { Upstream, UpstreamDirectory } from "../../../src/doors/ldap/upstream.ts";

const identity = { directory: "corp", id: "1", username: "alice", dn: "uid=alice" };

const hex = (text: string): string => Buffer.from(text).toString("hex");

/** A pool whose connections come when the test says so. */
function slowPool(isAnswering = true): {
  readonly leg: Leg;
  readonly lost: string[];
  readonly done: string[];
  connect(): Promise<void>;
} {
  const asked: (() => void)[] = [];
  const done: string[] = [];
  const lost: string[] = [];
  const upstream = (name: string): Upstream => ({
    write: (bytes) => void done.push(`${name} ${bytes.toString()}`),
    writeBind(bytes) {
      done.push(`${name} bind ${bytes.toString()}`);
      if (isAnswering) setImmediate(() => leg.bindAnswered(Buffer.from("answer")));
    },
    judgeBind(answer) {
      done.push(`${name} answered ${answer.toString("hex")}`);
      return { kind: "right" };
    },
    pause: () => undefined,
    resume: () => undefined,
    release: () => void done.push(`${name} back`),
    destroy: () => void done.push(`${name} destroyed`),
  });
  let connections = 0;
  const acquire: UpstreamDirectory["relays"]["acquire"] = () =>
    new Promise((resolve) => {
      connections += 1;
      const name = `#${connections}`;
      asked.push(() => resolve(upstream(name)));
    });
  const leg: Leg = new Leg(() => ({ ...NOBODY, relays: { prepare: () => undefined, acquire } }), {
    isAwaiting: false,
    onMessage: () => undefined,
    onChunkEnd: () => undefined,
    onFlow: () => undefined,
    onLost: (reason) => void lost.push(reason),
  });
  return {
    leg,
    lost,
    done,
    async connect() {
      asked.shift()?.();
      await new Promise(setImmediate);
    },
  };
}

const NOBODY: Omit<UpstreamDirectory, "relays"> = {
  name: "corp",
  find: async () => ({ kind: "not-found" }),
  findEntry: async () => ({ kind: "not-found" }),
  bind: async () => ({ kind: "wrong" }),
  memberOf: async () => new Set(),
};

t.test("a Bind behind an operation that was given up has a connection of its own", async (t) => {
  const { leg, lost, done, connect } = slowPool();
  leg.send(Buffer.from("search"));
  leg.flush();
  leg.drop();
  const asked = leg.askBind(identity, () => Buffer.from("alice"));
  await connect();
  await connect();
  t.same(await asked, { kind: "right" });
  t.same(
    done,
    ["#1 back", "#2 bind alice", `#2 answered ${hex("answer")}`],
    "and what was given up is sent nowhere",
  );
  t.same(lost, []);
});

t.test("an operation behind one that was given up is sent once", async (t) => {
  const { leg, lost, done, connect } = slowPool();
  leg.send(Buffer.from("search"));
  leg.flush();
  leg.drop();
  leg.send(Buffer.from("another"));
  leg.flush();
  await connect();
  await connect();
  t.same(done, ["#1 back", "#2 another"]);
  t.same(lost, []);
});

t.test("who hung up in mid bind: only the answer to the bind is one", async (t) => {
  const { leg, lost, done, connect } = slowPool(false);
  const asked = leg.askBind(identity, () => Buffer.from("alice"));
  await connect();
  leg.leave();
  const late = entry(1, "uid=bob", { cn: ["bob"] });
  const answer = result(2, "bind", 49);
  leg.onData(Buffer.concat([late, answer]));
  t.same(await asked, { kind: "right" });
  t.same(done, ["#1 bind alice", "#1 destroyed", `#1 answered ${answer.toString("hex")}`]);
  t.same(lost, []);
});
