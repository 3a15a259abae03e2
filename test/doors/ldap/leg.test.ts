// A client's way to the directory while the directory takes its time.

import t from "tap";

import { Leg } from "../../../src/doors/ldap/leg.ts";
import type { Upstream, UpstreamDirectory } from "../../../src/doors/ldap/upstream.ts";

const identity = { directory: "corp", id: "1", username: "alice", dn: "uid=alice" };

/** A pool whose connections come when the test says so. */
function slowPool(): {
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
      setImmediate(() => leg.bindAnswered(Buffer.from("answer")));
    },
    judgeBind: () => ({ kind: "right" }),
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
  t.same(done, ["#1 back", "#2 bind alice"], "and what was given up is sent nowhere");
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
