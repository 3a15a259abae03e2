// Binds on a session: what waits for them, who is bound afterwards on both sides.

import t from "tap";

import type { BindAttempt } from "../../../src/doors/ldap/action.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { CONTROL } from "../../../src/wire/ldap/control.ts";
import { OPERATION } from "../../../src/wire/ldap/operation.ts";
import { encodeResult } from "../../../src/wire/ldap/response.ts";
import { policyControl, result } from "../../support/fault-directory.ts";
import {
  abandonRequest,
  bindRequest,
  compareRequest,
  readResponse,
  saslRequest,
  searchRequest,
  unbindRequest,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BOB, OPEN, SessionPeer } from "../../support/ldap-session.ts";

const root = (id: number): Buffer => searchRequest(id, { base: "", scope: 0 });

/** A session whose Bind with the id 1 is being decided. */
function deciding(peer: SessionPeer = new SessionPeer()): { peer: SessionPeer; bind: BindAttempt } {
  peer.isDeciding = false;
  peer.client(bindRequest(1, BOB, "hello,123456"));
  if (peer.bind === undefined) throw new Error("nobody was asked");
  peer.forget();
  return { peer, bind: peer.bind };
}

const bare = Secret.of("hello");
const POLICY_ASKED = { controls: [{ oid: CONTROL.passwordPolicy }] };

t.test("a Bind is asked about with its name and the field as it came", async (t) => {
  const { bind } = deciding();
  t.equal(bind.name, BOB);
  t.equal(bind.credentials.reveal().toString(), "hello,123456");
});

t.test(
  "the directory gets the canonical name, the bare password, the id and the known controls",
  async (t) => {
    const peer = new SessionPeer();
    peer.isDeciding = false;
    const policy = { oid: CONTROL.passwordPolicy };
    const controls = [{ oid: "1.2.3" }, policy];
    peer.client(bindRequest(70_000, "UID=Bob, DC=Example,dc=com", "hello,123456", { controls }));
    t.same(
      peer.bind?.rewrite(BOB, bare),
      bindRequest(70_000, BOB, "hello", { controls: [policy] }),
    );
  },
);

t.test(
  "nobody is bound without a name or with an empty password: that is our own mistake",
  async (t) => {
    const { bind } = deciding();
    t.throws(() => bind.rewrite("", bare), /a name and a password/);
    t.throws(() => bind.rewrite(BOB, Secret.of("")), /a name and a password/);
  },
);

const EXPIRING = result(1, "bind", 0, {
  text: "welcome",
  control: policyControl({ graceLogins: 1 }),
});

t.test("an accept relays the directory's own answer, with its controls", async (t) => {
  const peer = new SessionPeer();
  peer.isDeciding = false;
  peer.client(bindRequest(1, BOB, "hello,123456", POLICY_ASKED));
  peer.bind?.rewrite(BOB, bare);
  peer.forget();
  t.same(peer.upstream(EXPIRING), [], "held until it is decided");
  t.equal(peer.session.state, "deciding");
  t.same(peer.do(peer.session.bindDecided("accepted")), ["bind 1: 0"]);
  t.equal(peer.toClient[0], EXPIRING);
  t.equal(peer.session.state, "bound");
});

t.test("the password policy is asked for always, and told to those who asked", async (t) => {
  const { peer, bind } = deciding();
  t.same(bind.rewrite(BOB, bare), bindRequest(1, BOB, "hello", POLICY_ASKED));
  peer.upstream(EXPIRING);
  peer.do(peer.session.bindDecided("accepted"));
  t.same(peer.toClient[0], result(1, "bind", 0, { text: "welcome" }));
});

const UNPROVEN: readonly [
  title: string,
  prepare: (peer: SessionPeer, bind: BindAttempt) => void,
][] = [
  ["that was never sent", () => undefined],
  ["that wasn't answered", (_, bind) => void bind.rewrite(BOB, bare)],
  [
    "that was answered before it was sent",
    (peer, bind) => {
      peer.upstream(result(1, "bind", 0));
      bind.rewrite(BOB, bare);
    },
  ],
  [
    "that was answered twice",
    (peer, bind) => {
      bind.rewrite(BOB, bare);
      peer.upstream(result(1, "bind", 0));
      peer.upstream(result(1, "bind", 0));
    },
  ],
  [
    "that was answered under another id",
    (peer, bind) => {
      bind.rewrite(BOB, bare);
      peer.upstream(result(2, "bind", 0));
      peer.upstream(result(1, "bind", 0));
    },
  ],
  [
    "that was answered by another operation's success",
    (peer, bind) => {
      bind.rewrite(BOB, bare);
      peer.upstream(result(1, "search", 0));
    },
  ],
  [
    "that the directory refused",
    (peer, bind) => {
      bind.rewrite(BOB, bare);
      peer.upstream(result(1, "bind", 49));
    },
  ],
  [
    "that was answered by a referral",
    (peer, bind) => {
      bind.rewrite(BOB, bare);
      peer.upstream(result(1, "bind", 10));
    },
  ],
];

for (const [title, prepare] of UNPROVEN) {
  t.test(`an accept of a Bind ${title} is no success`, async (t) => {
    const { peer, bind } = deciding();
    prepare(peer, bind);
    t.equal(peer.do(peer.session.bindDecided("accepted"))[0], "bind 1: 52");
    t.equal(peer.session.state, "unbound");
  });
}

const CODES = { refused: 49, "empty-password": 53, unavailable: 52, busy: 51 } as const;

for (const [outcome, code] of Object.entries(CODES) as [keyof typeof CODES, number][]) {
  t.test(
    `a Bind that is ${outcome} is answered ${code}, and its connection destroyed`,
    async (t) => {
      const { peer, bind } = deciding();
      bind.rewrite(BOB, bare);
      peer.upstream(result(1, "bind", 0));
      t.same(peer.do(peer.session.bindDecided(outcome)), [`bind 1: ${code}`, "drop-upstream"]);
      t.equal(peer.session.state, "unbound");
      t.same(peer.client(searchRequest(2)), ["refused not-bound", "search 2: 50"]);
    },
  );
}

t.test("a Bind that was refused unasked leaves no connection to destroy", async (t) => {
  const { peer } = deciding();
  t.same(peer.do(peer.session.bindDecided("refused")), ["bind 1: 49"]);
});

t.test("LDAP-07: after a failed Bind nobody is bound, on both sides", async (t) => {
  const peer = SessionPeer.bound();
  const failed = ["ask uid=bob,dc=example,dc=com", "bind 2: 49", "drop-upstream"];
  t.same(peer.client(bindRequest(2, BOB, "wrong")), failed);
  t.same(peer.client(whoAmIRequest(3)), ["extended 3: 0"], "answered here: nobody");
  t.same(peer.toClient.at(-1)?.subarray(-2), Buffer.of(0x8b, 0));
  t.same(peer.client(searchRequest(4)), ["refused not-bound", "search 4: 50"]);
});

const REFUSED_AT_ONCE: readonly [title: string, message: Buffer, code: number][] = [
  ["SASL", saslRequest(2, "PLAIN"), 7],
  ["an empty password", bindRequest(2, BOB, ""), 53],
  ["no name", bindRequest(2, "", "hello"), 49],
  ["version 2", bindRequest(2, BOB, "hello", { version: 2 }), 2],
  ["neither name nor password", bindRequest(2, "", ""), 0],
];

for (const [title, message, code] of REFUSED_AT_ONCE) {
  t.test(`a Bind with ${title} ends whoever was bound before`, async (t) => {
    const peer = SessionPeer.bound();
    const events = peer.client(message);
    t.same(events.slice(-2), [`bind 2: ${code}`, "release identified"]);
    t.equal(peer.session.state, "unbound");
    t.same(peer.toUpstream, [], "the directory hears nothing of it");
  });
}

t.test("several people take turns on one connection, and each is bound for itself", async (t) => {
  const peer = SessionPeer.bound();
  peer.isDeciding = false;
  for (const [id, name] of [
    [2, "uid=alice,dc=example,dc=com"],
    [3, "uid=carol,dc=example,dc=com"],
  ] as const) {
    t.same(peer.client(bindRequest(id, name, "hello")), [`ask ${name}`]);
    t.same(peer.bind?.rewrite(name, bare), bindRequest(id, name, "hello", POLICY_ASKED));
    peer.upstream(result(id, "bind", 0));
    t.same(peer.do(peer.session.bindDecided("accepted")), [`bind ${id}: 0`]);
    t.equal(peer.session.state, "bound");
  }
});

t.test(
  "LDAP-07: nothing behind a Bind is looked at until it is answered, then all of it in order",
  async (t) => {
    const { peer, bind } = deciding();
    t.equal(peer.session.isReading, false);
    const stream = Buffer.concat([searchRequest(2), compareRequest(3, "cn"), whoAmIRequest(4)]);
    t.same(peer.client(stream), []);
    bind.rewrite(BOB, bare);
    peer.upstream(result(1, "bind", 0));
    t.same(peer.do(peer.session.bindDecided("accepted")), [
      "bind 1: 0",
      "up search 2",
      "search 2: 0",
      "up compare 3",
      "compare 3: 0",
      "up extended 4",
      "extended 4: 0",
    ]);
    t.equal(peer.session.isReading, true);
  },
);

t.test("behind a Bind that fails nobody is bound", async (t) => {
  const { peer } = deciding();
  peer.client(searchRequest(2));
  const events = peer.do(peer.session.bindDecided("refused"));
  t.same(events, ["bind 1: 49", "refused not-bound", "search 2: 50"]);
});

t.test("two Binds and a search at once: one after the other", async (t) => {
  const peer = new SessionPeer();
  const stream = [bindRequest(1, BOB, "hello"), bindRequest(2, BOB, "hello"), searchRequest(3)];
  t.same(peer.client(Buffer.concat(stream)), [
    `ask ${BOB}`,
    "bind 1: 0",
    `ask ${BOB}`,
    "bind 2: 0",
    "up search 3",
    "search 3: 0",
  ]);
});

t.test("more behind a Bind than is kept ends the session", async (t) => {
  const { peer } = deciding();
  const large = searchRequest(2, { base: "x".repeat(100_000) });
  t.same(peer.client(Buffer.concat([large, large])), []);
  t.same(peer.client(large), ["notice: 51", "close overload"]);

  const many = deciding().peer;
  for (let id = 2; id < 1_026; id += 1) many.client(abandonRequest(id, 1));
  t.equal(many.session.state, "deciding");
  t.same(many.client(abandonRequest(2_000, 1)), ["notice: 51", "close overload"]);
});

t.test("LDAP-07: a Bind waits until what is outstanding is answered", async (t) => {
  const peer = SessionPeer.bound();
  peer.isAnswering = false;
  peer.client(Buffer.concat([searchRequest(2), compareRequest(3, "cn")]));
  peer.forget();
  t.same(peer.client(Buffer.concat([bindRequest(4, BOB, "hello"), searchRequest(5)])), []);
  t.equal(peer.session.state, "draining");
  t.same(peer.upstream(encodeResult(3, OPERATION.compareRequest, 6, "")), ["compare 3: 6"]);
  t.same(peer.upstream(result(2, "search", 0)), [
    "search 2: 0",
    `ask ${BOB}`,
    "bind 4: 0",
    "up search 5",
  ]);
});

t.test("while a Bind waits, an Abandon of what it waits for is done at once", async (t) => {
  const peer = SessionPeer.bound();
  peer.isAnswering = false;
  peer.client(searchRequest(2));
  peer.client(bindRequest(3, BOB, "hello"));
  t.equal(peer.session.isReading, true);
  t.same(peer.client(abandonRequest(4, 99)), [], "not that of anything else");
  t.same(peer.client(abandonRequest(5, 2)), ["up abandon 5", `ask ${BOB}`, "bind 3: 0"]);
  const late = peer.upstream(result(2, "search", 0));
  t.same(late, ["drop-upstream", "close upstream-lost"], "behind the Bind nothing is due");
});

t.test("answers to what was abandoned don't disturb the Bind behind", async (t) => {
  const peer = SessionPeer.bound();
  peer.isAnswering = false;
  peer.client(Buffer.concat([searchRequest(2), abandonRequest(3, 2)]));
  peer.isDeciding = false;
  peer.client(bindRequest(4, BOB, "hello"));
  peer.bind?.rewrite(BOB, bare);
  t.same(peer.upstream(result(2, "search", 0)), [], "it was under way");
  peer.upstream(result(4, "bind", 0));
  t.same(peer.do(peer.session.bindDecided("accepted")), ["bind 4: 0"]);
});

t.test(
  "a Bind that has waited long enough abandons what is outstanding, under ids that are free",
  async (t) => {
    const peer = SessionPeer.bound();
    peer.isAnswering = false;
    const last = 2 ** 31 - 1;
    peer.client(Buffer.concat([searchRequest(2), searchRequest(last - 1)]));
    peer.client(bindRequest(last, BOB, "hello"));
    peer.forget();
    t.same(peer.do(peer.session.drainExpired()), [
      `up abandon ${last - 2}`,
      `up abandon ${last - 2}`,
      `ask ${BOB}`,
      `bind ${last}: 0`,
    ]);
    t.same(peer.toUpstream[0], abandonRequest(last - 2, 2));
    t.same(peer.do(peer.session.drainExpired()), [], "there is nothing to expire any more");
  },
);

t.test("a client that leaves while its Bind is decided leaves nothing behind", async (t) => {
  const { peer, bind } = deciding();
  bind.rewrite(BOB, bare);
  peer.upstream(result(1, "bind", 0));
  t.same(peer.do(peer.session.clientGone()), ["drop-upstream", "close client-gone"]);
  t.same(peer.do(peer.session.bindDecided("accepted")), []);
  t.equal(bind.rewrite(BOB, bare), undefined);
  t.equal(peer.session.state, "closed");
});

t.test("an Unbind behind a Bind waits for it", async (t) => {
  const { peer } = deciding();
  t.same(peer.client(unbindRequest(2)), []);
  t.same(peer.do(peer.session.bindDecided("refused")), ["bind 1: 49", "close unbind"]);
});

t.test("a decision that nobody waits for is our own mistake", async (t) => {
  t.throws(() => new SessionPeer().session.bindDecided("accepted"), /no bind/);
  t.throws(() => SessionPeer.bound().session.bindDecided("refused"), /no bind/);
});

t.test("a name that can't be read ends nobody else's chance: the session goes on", async (t) => {
  const peer = new SessionPeer(OPEN);
  t.same(peer.client(bindRequest(1, "not a dn", "x")), ["refused malformed-name", "bind 1: 34"]);
  t.same(peer.client(bindRequest(2, BOB, "hello")), [`ask ${BOB}`, "bind 2: 0"]);
});

t.test(
  "a Bind that can't be taken apart ends the session, even while operations run",
  async (t) => {
    const peer = SessionPeer.bound();
    peer.isAnswering = false;
    peer.client(root(2));
    const broken = Buffer.from("30050201036000", "hex");
    t.same(peer.client(broken), ["notice: 2", "drop-upstream", "close broken-message"]);
    t.equal(readResponse(peer.toClient.at(-1) ?? Buffer.alloc(0)).id, 0);
  },
);
