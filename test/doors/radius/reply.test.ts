// From verdicts to packets: codes, attributes, refusals that look alike, and when they leave.

import t from "tap";

import { REASONS, type Reason } from "../../../src/core/verdict.ts";
import type { ReplyRule } from "../../../src/doors/radius/clients.ts";
import { ATTRIBUTE, type Attribute, findAll } from "../../../src/wire/radius/attributes.ts";
import { encodeAttribute, encodeVlan } from "../../../src/wire/radius/dictionary.ts";
import {
  ACCEPTED,
  ask,
  attribute,
  client,
  decided,
  DOWN,
  nameOf,
  openDoor,
  rejected,
  replied,
  request,
  stateOf,
  statusRequest,
} from "../../support/radius-door.ts";

const PROXY_STATES = [
  attribute(ATTRIBUTE.proxyState, "two"),
  attribute(ATTRIBUTE.proxyState, "one"),
  attribute(ATTRIBUTE.proxyState, ""),
];

function named(name: string, value: string | number): Attribute {
  const encoded = encodeAttribute(name, value);
  if ("problem" in encoded) throw new Error(encoded.problem);
  return encoded.attribute;
}

function vlan(id: number): readonly Attribute[] {
  const encoded = encodeVlan(id);
  if ("problem" in encoded) throw new Error(encoded.problem);
  return encoded.attributes;
}

const RULES: readonly ReplyRule[] = [
  { group: "cn=staff", attributes: [...vlan(20), named("Filter-Id", "staff")] },
  { group: "cn=class", attributes: [named("Class", "one"), named("Class", "two")] },
  { group: "cn=admins", attributes: [named("Filter-Id", "admin"), named("Session-Timeout", 60)] },
  { group: "cn=guests", attributes: vlan(30) },
  { group: "cn=cisco", attributes: [named("Cisco-AVPair", "shell:priv-lvl=15")] },
];

async function grantedTo(...groups: string[]): Promise<readonly Attribute[]> {
  const kit = await openDoor({ clients: [client({ reply: RULES })] });
  kit.script.decide = () => ({ ...ACCEPTED, groups: new Set(groups) });
  return replied(await ask(kit, request())).packet.attributes.slice(1);
}

t.test("reply attributes: all matching rules contribute, the later one wins", async (t) => {
  t.same(await grantedTo(), []);
  t.same(await grantedTo("cn=others"), []);
  t.same(await grantedTo("cn=staff"), [...vlan(20), named("Filter-Id", "staff")]);
  t.same(await grantedTo("cn=admins", "cn=staff"), [
    ...vlan(20),
    named("Filter-Id", "admin"),
    named("Session-Timeout", 60),
  ]);
  t.same(await grantedTo("cn=class"), [named("Class", "one"), named("Class", "two")]);
});

t.test("reply attributes: a VLAN replaces a VLAN as a whole", async (t) => {
  t.same(await grantedTo("cn=guests", "cn=staff"), [...vlan(30), named("Filter-Id", "staff")]);
});

t.test("the groups that decide reply attributes are asked for once each", async (t) => {
  const rules = [...RULES, { group: "cn=staff", attributes: [named("Class", "x")] }];
  const kit = await openDoor({ clients: [client({ reply: rules })] });
  await ask(kit, request());
  t.same(
    kit.script.logins[0]?.demand.replyGroups,
    RULES.map(({ group }) => group),
  );
});

t.test("RAD-33: attributes that grant anything stand in an Accept only", async (t) => {
  const kit = await openDoor({ clients: [client({ reply: RULES })] });
  const groups = new Set(RULES.map(({ group }) => group));
  const state = Buffer.from("a State");
  kit.script.decide = () => ({ ...rejected("mfa-code-incorrect"), groups });
  t.equal(replied(await ask(kit, request())).packet.attributes.length, 1);
  kit.script.decide = () => decided({ outcome: "challenge" }, { groups, state });
  const challenge = replied(await ask(kit, request()));
  const { messageAuthenticator, replyMessage } = ATTRIBUTE;
  const types = challenge.packet.attributes.map(({ type }) => type);
  t.same(types, [messageAuthenticator, ATTRIBUTE.state, replyMessage]);
});

t.test(
  "a challenge carries the core's State and a question, and is answered with it",
  async (t) => {
    const kit = await openDoor();
    const state = Buffer.alloc(253, 7);
    kit.script.decide = () => decided({ outcome: "challenge" }, { state });
    const challenge = replied(await ask(kit, request()));
    t.equal(challenge.name, "Access-Challenge");
    t.equal(challenge.afterMs, 0);
    t.same(stateOf(challenge), state);
    kit.script.decide = () => ACCEPTED;
    const back = attribute(ATTRIBUTE.state, stateOf(challenge));
    t.equal(
      await nameOf(kit, request({ password: "123456", attributes: [back] })),
      "Access-Accept",
    );
    t.same(kit.script.answers[0]?.state, state);
    t.equal(kit.script.answers[0]?.credentials.reveal().toString(), "123456");
  },
);

t.test(
  "RAD-20: every reply carries all Proxy-States, unmodified, in order, at the end",
  async (t) => {
    const kit = await openDoor();
    const state = Buffer.from("a State");
    const verdicts = [
      ACCEPTED,
      rejected("password-incorrect"),
      decided({ outcome: "challenge" }, { state }),
      DOWN,
    ];
    for (const decision of verdicts) {
      kit.script.decide = () => decision;
      const reply = replied(await ask(kit, request({ attributes: PROXY_STATES })));
      t.same(reply.packet.attributes.slice(-3), PROXY_STATES);
      t.same(findAll(reply.packet.attributes, ATTRIBUTE.proxyState), PROXY_STATES);
    }
  },
);

t.test("a reply that can't hold the Proxy-States and its own attributes isn't sent", async (t) => {
  const kit = await openDoor({ clients: [client({ reply: RULES })] });
  kit.script.decide = () => ({ ...ACCEPTED, groups: new Set(["cn=staff", "cn=cisco"]) });
  const filler = Array.from({ length: 15 }, () =>
    attribute(ATTRIBUTE.proxyState, Buffer.alloc(253)),
  );
  const attributes = [...filler, attribute(ATTRIBUTE.proxyState, Buffer.alloc(200))];
  t.equal(await nameOf(kit, request({ attributes })), "reply-too-long");
});

t.test("RAD-32 TIM-01: a refusal is the same packet whatever the reason", async (t) => {
  const reasons = Object.keys(REASONS).filter((reason): reason is Reason => reason in REASONS);
  for (const reason of reasons) {
    const kit = await openDoor({ clients: [client({ reply: RULES })] });
    kit.script.decide = () => rejected(reason);
    const reply = replied(await ask(kit, request({ attributes: PROXY_STATES })));
    t.equal(reply.name, "Access-Reject");
    t.equal(reply.bytes.length, 20 + 18 + 5 + 5 + 2);
    t.same(reply.packet.attributes.slice(1), PROXY_STATES);
    t.ok(reply.afterMs >= 1_000 && reply.afterMs <= 1_050, `${reply.afterMs}`);
  }
});

t.test("RAD-32 RAD-25: what the door refuses looks like what the decision refuses", async (t) => {
  const kit = await openDoor({ clients: [client({ probeUsers: ["probe"] })] });
  const refused = [
    request({ password: "wrong" }),
    request({ username: "probe" }),
    request({ username: "bob\0" }),
    request({ password: null }),
  ];
  for (const datagram of refused) {
    const reply = replied(await ask(kit, datagram));
    t.equal(reply.bytes.length, 38);
    t.ok(reply.afterMs >= 1_000 && reply.afterMs <= 1_050, `${reply.afterMs}`);
  }
});

t.test("RAD-25: accepts and challenges leave at once", async (t) => {
  const kit = await openDoor({ clients: [client({ rejectDelayMs: 10_000 })] });
  t.equal(replied(await ask(kit, request())).afterMs, 0);
});

t.test("an outage of one directory is an uncounted Reject, of all of them silence", async (t) => {
  let isServing = true;
  const kit = await openDoor({ canServe: () => isServing });
  kit.script.decide = () => DOWN;
  const reply = replied(await ask(kit, request()));
  t.equal(reply.name, "Access-Reject");
  t.equal(reply.bytes.length, 38);
  t.ok(reply.afterMs >= 1_000);
  isServing = false;
  t.equal(await nameOf(kit, request()), "unavailable");
});

t.test("RAD-28: Status-Server is answered at once, without authentication", async (t) => {
  let isServing = true;
  const kit = await openDoor({ canServe: () => isServing });
  const withLogin = statusRequest({ username: "bob", password: "hello" });
  for (const datagram of [statusRequest(), withLogin]) {
    const reply = replied(await ask(kit, datagram));
    t.equal(reply.name, "Access-Accept");
    t.equal(reply.packet.attributes.length, 1);
    t.equal(reply.afterMs, 0);
  }
  t.equal(kit.script.logins.length, 0);
  t.equal(kit.door.counts.statusRequests, 2);
  t.equal(kit.door.counts.accepts, 0);
  isServing = false;
  t.equal(await nameOf(kit, statusRequest()), "unavailable");
});

t.test(
  "LOG-06: a fault of ours ends in silence, a log line and a counter, nothing else",
  async (t) => {
    const kit = await openDoor();
    kit.script.decide = () => decided({ outcome: "challenge" });
    const datagram = request();
    t.equal(await nameOf(kit, datagram), "internal-error");
    t.equal(kit.door.counts.drops["internal-error"], 1);
    t.ok(kit.log.lines.some(({ level }) => level === "error"));
    kit.script.decide = () => ACCEPTED;
    t.equal(await nameOf(kit, datagram), "Access-Accept");
  },
);

t.test("LOG-03: a refusal that can't be written down is an outage", async (t) => {
  const kit = await openDoor({ canServe: () => false });
  kit.script.authenticator.refuse = async () => {
    throw new Error("the store is down");
  };
  t.equal(await nameOf(kit, request({ password: null })), "unavailable");
});
