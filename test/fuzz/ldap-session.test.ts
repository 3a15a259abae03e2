// Mutated streams of a client and of a directory through framer and session, whole and octet by
// octet, from one seed. Invariants under test: everything is parsed or refused; nothing goes up that
// the rules forbid; no success without the directory's own; memory stays bounded.

import t from "tap";

import { WireError } from "../../src/wire/error.ts";
import { judgeBind } from "../../src/doors/ldap/bind.ts";
import { CONTROL } from "../../src/wire/ldap/control.ts";
import { peekEnvelope } from "../../src/wire/ldap/envelope.ts";
import { OPERATION } from "../../src/wire/ldap/operation.ts";
import { entry, notice, policyControl, reference, result } from "../support/fault-directory.ts";
import {
  abandonRequest,
  addRequest,
  bindRequest,
  compareRequest,
  deleteRequest,
  element,
  filter,
  modifyDnRequest,
  modifyRequest,
  passwordModifyRequest,
  readResponse,
  saslRequest,
  searchRequest,
  startTlsRequest,
  text,
  unbindRequest,
  whoAmIRequest,
} from "../support/ldap-requests.ts";
import { BOB, OPEN, SessionPeer, STANDARD } from "../support/ldap-session.ts";
import { mutate } from "../support/mutate.ts";
import { seededNumbers } from "../support/prng.ts";

const TURNS = 6_000;
const next = seededNumbers(4513);

const controls = [
  { oid: CONTROL.assertion, isCritical: true, value: filter.equality("cn", "x") },
  { oid: CONTROL.sort, value: element(0x30, element(0x30, text("sn"))) },
];
const complex = filter.and(
  filter.or(filter.equality("uid", "bob"), filter.substrings("mail", "b")),
  filter.not(filter.extensible("memberOf", "x")),
);

const REQUESTS: readonly Buffer[] = [
  bindRequest(2, BOB, "hello", { controls: [{ oid: CONTROL.passwordPolicy }] }),
  bindRequest(3, "EXAMPLE\\bob", "wrong,123456"),
  bindRequest(4, "", ""),
  saslRequest(5, "PLAIN"),
  searchRequest(6, { filter: complex, controls, attributes: ["cn", "userPassword"] }),
  searchRequest(7, { base: "", scope: 0 }),
  compareRequest(8, "cn"),
  addRequest(9, "cn=x", ["cn", "sn"]),
  modifyRequest(10, [{ operation: 2, type: "sn", values: ["x", "y"] }]),
  modifyRequest(11, [{ operation: 1, type: "userPassword", values: ["x"] }]),
  deleteRequest(12, "cn=x"),
  modifyDnRequest(13, "cn=y"),
  passwordModifyRequest(14, { person: BOB, old: "hello", new: "bye" }),
  whoAmIRequest(15),
  startTlsRequest(16),
  abandonRequest(17, 6),
  unbindRequest(18),
];

const pick = (from: readonly Buffer[]): Buffer => from[next(from.length)] ?? Buffer.of();

/** Some requests, one of them damaged. */
function clientStream(): Buffer {
  const messages = Array.from({ length: 1 + next(4) }, () => pick(REQUESTS));
  const at = next(messages.length);
  messages[at] = mutate(messages[at] ?? Buffer.of(), next);
  return Buffer.concat(messages);
}

const RULES = [OPEN, STANDARD, { ...STANDARD, tls: "start_tls" }] as const;

t.test("streams of a client are followed or refused, alike whole and octet by octet", async (t) => {
  const counts = { followed: 0, ended: 0 };
  for (let turn = 0; turn < TURNS; turn += 1) {
    const rules = RULES[turn % RULES.length] ?? OPEN;
    const stream = clientStream();
    const isBound = next(2) === 0 && rules.tls !== "start_tls";
    const follow = (chunkBytes?: number): SessionPeer => {
      const peer = isBound ? SessionPeer.bound(rules) : new SessionPeer(rules);
      peer.isAccepting = true;
      peer.client(stream, chunkBytes);
      return peer;
    };
    const whole = follow();
    const bytewise = follow(1);
    const isBehindTls = whole.events.includes("start-tls");
    // Behind StartTLS the rest is fatal, but then what follows is a handshake's.
    if (!isBehindTls && whole.events.join() !== bytewise.events.join()) {
      t.fail(`${stream.toString("hex")}: ${whole.events.join()} / ${bytewise.events.join()}`);
    }
    const { session, framer } = whole;
    if (framer.heldBytes > session.messageBytesMax || session.outstanding > 256) t.fail("grows");
    if (!isPermitted(whole, isBound)) t.fail(stream.toString("hex"));
    counts[session.state === "closed" ? "ended" : "followed"] += 1;
  }
  t.ok(counts.followed > TURNS / 10, `${counts.followed} were followed`);
  t.ok(counts.ended > TURNS / 10, `${counts.ended} were ended`);
});

/** What went up is whole, and before a Bind only searches are. */
function isPermitted(peer: SessionPeer, wasBound: boolean): boolean {
  const isSuccessful = peer.toClient.some((bytes) => {
    const { kind, resultCode } = readResponse(bytes);
    return kind === "bind" && resultCode === 0;
  });
  return peer.toUpstream.every((bytes) => {
    const { tag } = peekEnvelope(bytes);
    const isKnown = Object.values(OPERATION).includes(tag as never);
    const isPublic = tag === OPERATION.searchRequest || tag === OPERATION.abandonRequest;
    const isBind = tag === OPERATION.bindRequest;
    return isKnown && (wasBound || isSuccessful || isPublic || isBind);
  });
}

const ANSWERS: readonly Buffer[] = [
  result(2, "search", 0),
  result(2, "search", 10),
  result(3, "bind", 0, { control: policyControl({ error: 1 }) }),
  entry(2, BOB, { cn: ["b"], userPassword: ["{SSHA}secret"], mail: ["b@example.org"] }),
  entry(2, "", { supportedControl: ["1.2.3"], supportedSASLMechanisms: ["PLAIN"] }),
  reference(2, "ldap://elsewhere/"),
  notice(),
];

t.test(
  "answers of a directory are passed on or end the session, and hold no password",
  async (t) => {
    const counts = { passed: 0, ended: 0 };
    for (let turn = 0; turn < TURNS; turn += 1) {
      const peer = SessionPeer.bound();
      peer.isAnswering = false;
      peer.client(searchRequest(2));
      peer.upstream(pick(ANSWERS));
      const damaged = mutate(pick(ANSWERS), next);
      peer.upstream(damaged);
      counts[peer.session.state === "closed" ? "ended" : "passed"] += 1;
      for (const bytes of peer.toClient) {
        if (holdsPassword(bytes)) t.fail(damaged.toString("hex"));
      }
    }
    t.ok(counts.passed > TURNS / 50, `${counts.passed} were passed`);
    t.ok(counts.ended > TURNS / 50, `${counts.ended} were ended`);
  },
);

/** The whole name with its length in front: a damaged name is no password attribute any more. */
function holdsPassword(bytes: Buffer): boolean {
  return bytes.includes(Buffer.concat([Buffer.of(0x04, 0x0c), Buffer.from("userPassword")]));
}

t.test("an accept needs the directory's answer to this Bind, whatever else it sends", async (t) => {
  let accepted = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    const peer = new SessionPeer();
    peer.isDeciding = false;
    peer.client(bindRequest(3, BOB, "hello"));
    const credentials = peer.bind?.credentials;
    if (credentials !== undefined && next(4) > 0) peer.bind?.rewrite(BOB, credentials);
    const good = result(3, "bind", 0);
    const answer = next(4) === 0 ? good : mutate(next(2) === 0 ? good : pick(ANSWERS), next);
    const isLast = peer.upstream(answer).length === 0;
    peer.do(peer.session.bindDecided("accepted"));
    if (peer.session.state !== "bound") continue;
    accepted += 1;
    // Mutated, it may still be a success: then it is one of this id and kind.
    const { id, kind, resultCode } = readResponse(peer.toClient[0] ?? Buffer.of());
    if (!isLast || id !== 3 || kind !== "bind" || resultCode !== 0) t.fail(answer.toString("hex"));
  }
  t.ok(accepted > TURNS / 20, `${accepted} were accepted`);
});

t.test("Binds mutated are judged or refused", async (t) => {
  const counts = { judged: 0, refused: 0 };
  for (let turn = 0; turn < TURNS * 3; turn += 1) {
    const message = mutate(REQUESTS[turn % 4] ?? Buffer.of(), next);
    try {
      judgeBind(message, peekEnvelope(message), { rules: OPEN, isTls: false });
      counts.judged += 1;
    } catch (error) {
      if (!(error instanceof WireError)) t.fail(message.toString("hex"));
      counts.refused += 1;
    }
  }
  t.ok(counts.judged > TURNS / 10, `${counts.judged} were judged`);
  t.ok(counts.refused > TURNS / 10, `${counts.refused} were refused`);
});

t.test("an endless stream behind a Bind that is decided doesn't grow the process", async (t) => {
  const peer = new SessionPeer();
  peer.isDeciding = false;
  peer.client(bindRequest(1, BOB, "hello"));
  const chunk = Buffer.concat(Array.from({ length: 50 }, () => pick(REQUESTS)));
  for (let round = 0; round < 100 && peer.session.state !== "closed"; round += 1) {
    peer.client(chunk);
  }
  t.equal(peer.session.state, "closed");
  t.equal(peer.events.at(-1), "close overload");
});

t.test("the same process still lets bob in", async (t) => {
  t.same(new SessionPeer().client(bindRequest(1, BOB, "hello")), [`ask ${BOB}`, "bind 1: 0"]);
});
