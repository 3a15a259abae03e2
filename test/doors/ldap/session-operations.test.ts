// Operations on a bound session: what goes up and what comes back, untouched unless it must not.

import t from "tap";

import { Secret } from "../../../src/lib/secret.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { OPERATION } from "../../../src/wire/ldap/operation.ts";
import { decodeAnswer, type Entry } from "../../../src/wire/ldap/message.ts";
import { encodeResult } from "../../../src/wire/ldap/response.ts";
import { entry, reference, result } from "../../support/fault-directory.ts";
import {
  abandonRequest,
  addRequest,
  bindRequest,
  compareRequest,
  deleteRequest,
  element,
  extendedRequest,
  modifyDnRequest,
  modifyRequest,
  passwordModifyRequest,
  request,
  searchRequest,
  text,
  whoAmIRequest,
} from "../../support/ldap-requests.ts";
import { BOB, OPEN, SessionPeer, STANDARD } from "../../support/ldap-session.ts";

function waiting(rules = OPEN, options = {}): SessionPeer {
  const peer = SessionPeer.bound(rules, options);
  peer.isAnswering = false;
  return peer;
}

const REQUESTS: readonly [name: string, message: Buffer][] = [
  ["search", searchRequest(70_000)],
  ["compare", compareRequest(70_000, "cn")],
  ["add", addRequest(70_000, "cn=x", ["cn"])],
  ["modify", modifyRequest(70_000, [{ operation: 2, type: "sn" }])],
  ["delete", deleteRequest(70_000, "cn=x")],
  ["modifyDn", modifyDnRequest(70_000, "cn=x")],
  ["extended", whoAmIRequest(70_000)],
];

for (const [name, message] of REQUESTS) {
  t.test(`${name} goes up and its answer comes down as the same octets`, async (t) => {
    const peer = waiting();
    t.same(peer.client(message), [`up ${name} 70000`]);
    t.equal(peer.toUpstream[0]?.buffer, message.buffer, "not even copied");
    t.same(peer.toUpstream[0], message);
    t.equal(peer.session.outstanding, 1);
    const answer = encodeResult(70_000, peekEnvelope(message).tag, 0, "done");
    peer.upstream(answer);
    t.equal(peer.toClient[0], answer);
    t.equal(peer.session.outstanding, 0);
  });
}

t.test(
  "entries come down as the same octets, without their passwords if they have any",
  async (t) => {
    const peer = waiting();
    peer.client(searchRequest(2));
    const plain = entry(2, BOB, { cn: ["b"] });
    peer.upstream(plain);
    t.equal(peer.toClient[0], plain);
    const first = peer.upstream(entry(2, BOB, { cn: ["b"], userPassword: ["{SSHA}x"] }));
    t.same(first, ["refused password-attribute", "entry 2"]);
    t.same(peer.toClient[1], plain);
    const second = peer.upstream(entry(2, BOB, { userPassword: ["x"] }));
    t.same(second, ["entry 2"], "said once for a search");
  },
);

t.test("the root DSE comes down as what is kept", async (t) => {
  const peer = waiting(STANDARD);
  peer.client(searchRequest(2, { base: "", scope: 0 }));
  peer.upstream(
    entry(2, "", {
      supportedSASLMechanisms: ["PLAIN"],
      supportedExtension: ["1.3.6.1.4.1.4203.1.11.1", "1.3.6.1.4.1.4203.1.11.3"],
    }),
  );
  const { attributes } = decodeAnswer(peer.toClient[0] ?? Buffer.alloc(0)) as Entry;
  t.same(attributes, [
    { name: "supportedExtension", values: [Buffer.from("1.3.6.1.4.1.4203.1.11.3")] },
  ]);
});

t.test(
  "LDAP-22: references to other servers are dropped, or passed where the listener says so",
  async (t) => {
    const message = reference(2, "ldap://elsewhere.example.org/");
    const referral = request(
      2,
      element(
        0x65,
        element(0x0a, Buffer.of(10)),
        text(""),
        text(""),
        element(0xa3, text("ldap://elsewhere.example.org/")),
      ),
    );
    const dropping = waiting();
    dropping.client(searchRequest(2));
    t.same(dropping.upstream(message), []);
    t.same(dropping.upstream(referral), ["refused referral", "search 2: 53"]);
    t.equal(dropping.session.outstanding, 0);
    t.notMatch(Buffer.concat(dropping.toClient).toString("latin1"), "elsewhere");

    const passing = waiting({ ...OPEN, referrals: "pass" });
    passing.client(searchRequest(2));
    passing.upstream(message);
    passing.upstream(referral);
    t.same(passing.toClient, [message, referral]);
  },
);

t.test("intermediate responses come down, whatever the operation", async (t) => {
  const peer = waiting();
  peer.client(searchRequest(2));
  t.same(peer.upstream(request(2, element(0x79, element(0x80, "1.2.3")))), ["intermediate 2"]);
  t.equal(peer.session.outstanding, 1);
});

t.test("answers may come in any order", async (t) => {
  const peer = waiting();
  peer.client(Buffer.concat([searchRequest(2), compareRequest(3, "cn"), searchRequest(4)]));
  t.same(peer.upstream(entry(4, BOB, {})), ["entry 4"]);
  t.same(peer.upstream(encodeResult(3, OPERATION.compareRequest, 6, "")), ["compare 3: 6"]);
  t.same(peer.upstream(result(2, "search", 0)), ["search 2: 0"]);
  t.same(peer.upstream(result(4, "search", 0)), ["search 4: 0"]);
});

t.test("LDAP-13: a message id in use is refused until its operation is answered", async (t) => {
  const peer = waiting();
  peer.client(searchRequest(2));
  const refused = ["refused duplicate-message-id", "compare 2: 2"];
  t.same(peer.client(compareRequest(2, "cn")), refused);
  peer.upstream(result(2, "search", 0));
  t.same(peer.client(compareRequest(2, "cn")), ["up compare 2"]);
});

t.test("an unsupported control goes no further, the rest of the request does", async (t) => {
  const peer = waiting();
  const paging = { oid: "1.2.840.113556.1.4.319", isCritical: true, value: Buffer.from("p") };
  peer.client(searchRequest(2, { controls: [{ oid: "1.2.3" }, paging] }));
  t.same(peer.toUpstream[0], searchRequest(2, { controls: [paging] }));
});

t.test("a session has as many operations at a time as its limit says", async (t) => {
  const peer = waiting(OPEN, { limits: { outstandingMax: 2 } });
  peer.client(Buffer.concat([searchRequest(2), searchRequest(3)]));
  t.same(peer.client(searchRequest(4)), ["refused too-many-operations", "search 4: 51"]);
  peer.upstream(result(2, "search", 0));
  t.same(peer.client(searchRequest(5)), ["up search 5"]);
});

t.test(
  "LDAP-12: an Abandon has no answer; nothing of the operation comes down any more",
  async (t) => {
    const peer = waiting();
    peer.client(searchRequest(2));
    t.same(peer.client(abandonRequest(3, 2)), ["up abandon 3"]);
    t.equal(peer.session.outstanding, 0);
    t.same(peer.upstream(entry(2, BOB, {})), [], "what was under way is dropped");
    t.same(peer.upstream(result(2, "search", 0)), []);
    t.equal(peer.session.state, "bound");
  },
);

t.test(
  "LDAP-12: an Abandon of nothing, of a finished operation or of itself goes nowhere",
  async (t) => {
    const peer = waiting();
    peer.client(searchRequest(2));
    peer.upstream(result(2, "search", 0));
    for (const target of [2, 3, 99, 0]) t.same(peer.client(abandonRequest(3, target)), []);
  },
);

t.test(
  "an Abandon with a critical control isn't done; another control goes no further",
  async (t) => {
    const peer = waiting();
    peer.client(searchRequest(2));
    const target = element(0x50, Buffer.of(2));
    const critical = { controls: [{ oid: "1.2.3", isCritical: true }] };
    t.same(peer.client(request(3, target, critical)), []);
    peer.client(request(4, target, { controls: [{ oid: "1.2.3" }] }));
    t.same(peer.toUpstream.at(-1), abandonRequest(4, 2));
  },
);

t.test(
  "the id of an abandoned operation is free once one begun later is answered (RFC 4511 §4.1.1.1)",
  async (t) => {
    const peer = waiting();
    peer.client(Buffer.concat([searchRequest(2), searchRequest(3), abandonRequest(4, 2)]));
    const refused = ["refused duplicate-message-id", "search 2: 2"];
    t.same(peer.client(searchRequest(2)), refused);
    peer.upstream(result(3, "search", 0));
    t.same(peer.client(searchRequest(2)), refused, "that one was begun before");
    peer.client(searchRequest(5));
    peer.upstream(result(5, "search", 0));
    t.same(peer.client(searchRequest(2)), ["up search 2"]);
    t.same(peer.upstream(result(2, "search", 0)), ["search 2: 0"]);
  },
);

t.test(
  "a new password is asked about, and nothing else is done until that is decided",
  async (t) => {
    const peer = waiting();
    t.same(
      peer.client(passwordModifyRequest(2, { person: BOB, old: "hello,123456", new: "bye" })),
      [`ask change of ${BOB}`],
    );
    t.equal(peer.change?.oldPassword?.reveal().toString(), "hello,123456");
    t.equal(peer.session.isReading, false);
    t.same(peer.client(searchRequest(3)), []);
    const oldPassword = Secret.of("hello");
    const decided = peer.session.passwordChangeDecided({ kind: "accepted", oldPassword });
    t.same(peer.do(decided), ["up extended 2", "up search 3"]);
    t.same(peer.toUpstream[0], passwordModifyRequest(2, { person: BOB, old: "hello", new: "bye" }));
  },
);

for (const [kind, code] of [
  ["refused", 49],
  ["unavailable", 52],
  ["busy", 51],
] as const) {
  t.test(`a new password that is ${kind} is answered ${code} and goes nowhere`, async (t) => {
    const changes: readonly [Buffer, string][] = [
      [passwordModifyRequest(2, { old: "x", new: "y" }), "extended"],
      [modifyRequest(2, [{ operation: 2, type: "userPassword", values: ["y"] }]), "modify"],
      [addRequest(2, "cn=x", ["userPassword"]), "add"],
    ];
    for (const [message, name] of changes) {
      const peer = waiting();
      peer.client(message);
      const decided = peer.session.passwordChangeDecided({ kind });
      t.same(peer.do(decided), [`${name} 2: ${code}`]);
      t.same(peer.toUpstream, []);
      t.equal(peer.session.state, "bound");
    }
  });
}

t.test("while a new password is asked about, answers still come down", async (t) => {
  const peer = waiting();
  peer.client(Buffer.concat([searchRequest(2), passwordModifyRequest(3, { new: "x" })]));
  t.same(peer.upstream(result(2, "search", 0)), ["search 2: 0"]);
  const decided = peer.session.passwordChangeDecided({ kind: "accepted", oldPassword: undefined });
  t.same(peer.do(decided), ["up extended 3"]);
});

t.test(
  "a decision about no new password is our own mistake, but not on a session that ended",
  async (t) => {
    const peer = waiting();
    t.throws(() => peer.session.passwordChangeDecided({ kind: "busy" }), /no change/);
    peer.client(passwordModifyRequest(2, { new: "x" }));
    peer.do(peer.session.end("revoked"));
    t.same(peer.do(peer.session.passwordChangeDecided({ kind: "busy" })), []);
  },
);

t.test("before a Bind a connection is held only while it is needed", async (t) => {
  const peer = new SessionPeer();
  peer.isAnswering = false;
  const root = { base: "", scope: 0 };
  t.same(peer.client(searchRequest(1, root)), ["up search 1"]);
  t.same(peer.client(searchRequest(2, { base: "cn=schema", scope: 0 })), ["up search 2"]);
  t.same(peer.upstream(result(1, "search", 0)), ["search 1: 0"]);
  t.same(peer.upstream(result(2, "search", 0)), ["search 2: 0", "release anonymous"]);
  peer.client(searchRequest(3, root));
  t.same(peer.client(abandonRequest(4, 3)), ["up abandon 4", "drop-upstream"]);
  t.same(peer.client(bindRequest(5, BOB, "hello")), [`ask ${BOB}`, "bind 5: 0"]);
});

t.test(
  "LDAP-02: a refused operation is answered in its own kind and the session goes on",
  async (t) => {
    const peer = SessionPeer.bound(STANDARD);
    const refusals: readonly [Buffer, string[]][] = [
      [addRequest(2, "cn=x", ["cn"]), ["refused operation-not-allowed", "add 2: 53"]],
      [deleteRequest(3, "cn=x"), ["refused operation-not-allowed", "delete 3: 53"]],
      [compareRequest(4, "userPassword"), ["refused password-attribute", "compare 4: 53"]],
      [extendedRequest(5, "1.2.3"), ["refused unknown-extended-operation", "extended 5: 2"]],
      [passwordModifyRequest(6, {}), ["refused operation-not-allowed", "extended 6: 53"]],
    ];
    for (const [message, events] of refusals) t.same(peer.client(message), events);
    t.same(peer.toUpstream, []);
    t.equal(peer.session.state, "bound");
  },
);
