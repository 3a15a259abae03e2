// StartTLS, lost and broken upstream connections, and every way a session ends.

import t from "tap";

import { ENDINGS } from "../../../src/doors/ldap/rules.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { CONTROL } from "../../../src/wire/ldap/control.ts";
import { encodeNoticeOfDisconnection } from "../../../src/wire/ldap/response.ts";
import { entry, notice, result } from "../../support/fault-directory.ts";
import {
  bindRequest,
  compareRequest,
  element,
  passwordModifyRequest,
  request,
  searchRequest,
  startTlsRequest,
  text,
  unbindRequest,
} from "../../support/ldap-requests.ts";
import { BOB, OPEN, SessionPeer, STANDARD } from "../../support/ldap-session.ts";

const START_TLS = { ...STANDARD, tls: "start_tls" } as const;
const root = { base: "", scope: 0 } as const;

t.test(
  "StartTLS is answered in the clear; behind the handshake everything begins anew",
  async (t) => {
    const peer = new SessionPeer(START_TLS);
    const refused = ["refused confidentiality-required", "bind 1: 13"];
    t.same(peer.client(bindRequest(1, BOB, "hello")), refused);
    t.same(peer.client(startTlsRequest(2)), ["extended 2: 0", "start-tls"]);
    t.match(peer.toClient.at(-1)?.toString("latin1"), "1.3.6.1.4.1.1466.20037");
    t.equal(peer.session.isReading, false);
    t.same(peer.do(peer.session.tlsStarted()), []);
    t.equal(peer.session.isTls, true);
    t.equal(peer.session.isReading, true);
    t.same(peer.client(bindRequest(2, BOB, "hello")), [`ask ${BOB}`, "bind 2: 0"]);
  },
);

t.test("StartTLS with TLS on is an operations error, on either kind of listener", async (t) => {
  const implicit = new SessionPeer(STANDARD);
  t.same(implicit.client(startTlsRequest(1)), ["refused tls-already-on", "extended 1: 1"]);
  const started = new SessionPeer(START_TLS, { isTls: true });
  t.same(started.client(startTlsRequest(1)), ["refused tls-already-on", "extended 1: 1"]);
});

t.test("StartTLS behind an operation that runs is an operations error", async (t) => {
  const peer = new SessionPeer(START_TLS);
  peer.isAnswering = false;
  t.same(peer.client(Buffer.concat([searchRequest(1, root), startTlsRequest(2)])), [
    "up search 1",
    "refused tls-while-busy",
    "extended 2: 1",
  ]);
  t.same(peer.upstream(result(1, "search", 0)), ["search 1: 0", "release anonymous"]);
  t.same(peer.client(startTlsRequest(3)), ["extended 3: 0", "start-tls"]);
});

for (const [title, behind] of [
  ["a request", searchRequest(2, root)],
  ["a Bind", bindRequest(2, BOB, "hello")],
  ["an Unbind", unbindRequest(2)],
] as const) {
  t.test(`${title} in the clear behind StartTLS is fatal and never looked at`, async (t) => {
    const peer = new SessionPeer(START_TLS);
    t.same(peer.client(Buffer.concat([startTlsRequest(1), behind])), [
      "extended 1: 0",
      "start-tls",
      "close broken-message",
    ]);
    t.same(peer.toUpstream, []);
    t.same(peer.do(peer.session.tlsStarted()), []);
    t.equal(peer.session.isTls, false);
  });
}

t.test(
  "a StartTLS that waited behind a Bind, with something behind it, is fatal too",
  async (t) => {
    const peer = new SessionPeer(START_TLS);
    peer.isAnswering = false;
    peer.client(searchRequest(1, root));
    const anonymous = bindRequest(2, "", "");
    peer.client(Buffer.concat([anonymous, startTlsRequest(3), searchRequest(4, root)]));
    t.same(peer.upstream(result(1, "search", 0)), [
      "search 1: 0",
      "bind 2: 0",
      "release anonymous",
      "extended 3: 0",
      "start-tls",
      "close broken-message",
    ]);
  },
);

t.test("a handshake nobody asked for is our own mistake", async (t) => {
  t.throws(() => new SessionPeer(START_TLS).session.tlsStarted(), /no handshake/);
});

const TROUBLE: readonly [title: string, message: Buffer][] = [
  ["says goodbye", notice()],
  ["says goodbye with other words", encodeNoticeOfDisconnection(51, "restarting")],
  ["answers nobody's question", result(77, "search", 0)],
  ["answers a search with another result", result(2, "bind", 0)],
  ["sends a request", searchRequest(2)],
  ["sends something with the id 0 that isn't extended", result(0, "search", 0)],
  ["sends what isn't a message", element(0x30, text("x"))],
  ["sends an entry that can't be read", request(2, element(0x64, text("uid=a")))],
  ["sends a result that can't be read", request(2, element(0x65, text("x")))],
];

for (const [title, message] of TROUBLE) {
  t.test(`a directory that ${title} ends a bound session: 52`, async (t) => {
    const peer = SessionPeer.bound();
    peer.isAnswering = false;
    peer.client(searchRequest(2));
    t.same(peer.upstream(message), ["drop-upstream", "notice: 52", "close upstream-lost"]);
    t.equal(peer.session.state, "closed");
  });

  t.test(`a directory that ${title} costs nobody unbound more than the answer: 52`, async (t) => {
    const peer = new SessionPeer();
    peer.isAnswering = false;
    peer.client(searchRequest(2, root));
    t.same(peer.upstream(message), ["drop-upstream", "search 2: 52"]);
    t.equal(peer.session.state, "unbound");
    t.same(peer.client(bindRequest(3, BOB, "hello")), [`ask ${BOB}`, "bind 3: 0"]);
  });
}

t.test("another unsolicited notification is let pass by", async (t) => {
  const peer = SessionPeer.bound();
  const other = request(
    0,
    element(0x78, element(0x0a, Buffer.of(0)), text(""), text(""), element(0x8a, "1.3.6.1.1.21.4")),
  );
  t.same(peer.upstream(other), []);
  t.equal(peer.session.state, "bound");
});

t.test(
  "a connection lost under a bound session ends it: 52 to who waits for something",
  async (t) => {
    const idle = SessionPeer.bound();
    t.same(idle.do(idle.session.upstreamLost()), ["close upstream-lost"]);
    const busy = SessionPeer.bound();
    busy.isAnswering = false;
    busy.client(searchRequest(2));
    t.same(busy.do(busy.session.upstreamLost()), ["notice: 52", "close upstream-lost"]);
  },
);

t.test("a connection lost before a Bind is an answer to each operation: 52", async (t) => {
  const peer = new SessionPeer();
  peer.isAnswering = false;
  peer.client(Buffer.concat([searchRequest(2, root), searchRequest(3, root)]));
  t.same(peer.do(peer.session.upstreamLost()), ["search 2: 52", "search 3: 52"]);
  t.same(peer.do(peer.session.upstreamLost()), []);
});

t.test(
  "a connection lost while a Bind waits for operations: they are 52, then it is asked",
  async (t) => {
    const peer = new SessionPeer();
    peer.isAnswering = false;
    peer.client(Buffer.concat([searchRequest(2, root), bindRequest(3, BOB, "hello")]));
    t.same(peer.do(peer.session.upstreamLost()), ["search 2: 52", `ask ${BOB}`, "bind 3: 0"]);

    const bound = SessionPeer.bound();
    bound.isAnswering = false;
    bound.client(Buffer.concat([searchRequest(2), bindRequest(3, BOB, "hello")]));
    t.same(bound.do(bound.session.upstreamLost()), ["notice: 52", "close upstream-lost"]);
  },
);

t.test("a connection lost while a Bind is decided is whoever's who decides", async (t) => {
  const peer = new SessionPeer();
  peer.isDeciding = false;
  peer.client(bindRequest(1, BOB, "hello"));
  const bare = Secret.of("hello");
  peer.bind?.rewrite(BOB, bare);
  t.same(peer.do(peer.session.upstreamLost()), []);
  t.same(peer.upstream(result(1, "bind", 0)), ["drop-upstream"], "nothing can come from it");
  const again = bindRequest(1, BOB, "hello", { controls: [{ oid: CONTROL.passwordPolicy }] });
  t.same(peer.bind?.rewrite(BOB, bare), again, "another one may be tried");
  peer.upstream(result(1, "bind", 0));
  t.same(peer.do(peer.session.bindDecided("accepted")), ["bind 1: 0"]);
});

t.test(
  "a connection lost behind the directory's success: the success, and then the end",
  async (t) => {
    const peer = new SessionPeer();
    peer.isDeciding = false;
    peer.client(bindRequest(1, BOB, "hello"));
    peer.bind?.rewrite(BOB, Secret.of("hello"));
    peer.upstream(result(1, "bind", 0));
    peer.do(peer.session.upstreamLost());
    t.same(peer.do(peer.session.bindDecided("accepted")), ["bind 1: 0", "close upstream-lost"]);
  },
);

for (const ending of ENDINGS) {
  t.test(`a session that ends because of ${ending} gives its connection back, once`, async (t) => {
    const peer = SessionPeer.bound();
    const events = peer.do(peer.session.end(ending));
    const said = events.filter((event) => event.startsWith("notice"));
    const isBreach = ["broken-message", "unfinished-message", "overload"].includes(ending);
    t.equal(said.length, isBreach ? 1 : 0);
    t.same(events.slice(-2), ["release identified", `close ${ending}`]);
    t.same(peer.do(peer.session.end(ending)), []);
  });
}

t.test("a connection on which something could still arrive is never given back", async (t) => {
  const peer = SessionPeer.bound();
  peer.isAnswering = false;
  peer.client(searchRequest(2));
  t.same(peer.do(peer.session.end("revoked")), ["notice: 8", "drop-upstream", "close revoked"]);
});

t.test("an Unbind ends the session without a word", async (t) => {
  const peer = SessionPeer.bound();
  t.same(peer.client(unbindRequest(2)), ["release identified", "close unbind"]);
  t.same(peer.toClient, []);
  const unbound = new SessionPeer();
  t.same(unbound.client(unbindRequest(1)), ["close unbind"]);
});

t.test("an ended session does nothing any more", async (t) => {
  const peer = SessionPeer.bound();
  peer.client(passwordModifyRequest(2, { new: "x" }));
  peer.do(peer.session.clientGone());
  const { session } = peer;
  t.same(session.fromClient(searchRequest(3)), []);
  t.same(session.fromUpstream(entry(3, BOB, {})), []);
  t.same(session.upstreamLost(), []);
  t.same(session.clientGone(), []);
  t.same(session.drainExpired(), []);
  t.same(session.bindDecided("accepted"), []);
  t.equal(session.isReading, false);
  t.equal(session.outstanding, 0);
});

t.test("messages may be larger behind a Bind, and no more when it fails", async (t) => {
  const limits = { unboundMessageBytesMax: 1_000, boundMessageBytesMax: 5_000 };
  const large = compareRequest(2, "x".repeat(2_000));
  const peer = new SessionPeer(OPEN, { limits });
  t.equal(peer.session.messageBytesMax, 1_000);
  peer.client(bindRequest(1, BOB, "hello"));
  t.equal(peer.session.messageBytesMax, 5_000);
  t.same(peer.client(large), ["up compare 2", "compare 2: 0"]);
  peer.client(bindRequest(3, BOB, "wrong"));
  t.equal(peer.session.messageBytesMax, 1_000);
  t.same(peer.client(large), ["notice: 2", "close broken-message"]);
});
