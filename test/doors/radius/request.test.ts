// What is a login, what is refused before one, and with which reason.

import t from "tap";

import type { Reason } from "../../../src/core/verdict.ts";
import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import {
  ask,
  attribute,
  client,
  nameOf,
  openDoor,
  replied,
  request,
  type RequestParts,
} from "../../support/radius-door.ts";

function integer(type: number, value: number): ReturnType<typeof attribute> {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return attribute(type, bytes);
}

function microsoft(type: number, length: number): ReturnType<typeof attribute> {
  const value = Buffer.alloc(6 + length);
  value.writeUInt32BE(311, 0);
  value.set([type, 2 + length], 4);
  return attribute(ATTRIBUTE.vendorSpecific, value);
}

const CHAP = attribute(ATTRIBUTE.chapPassword, Buffer.alloc(17));
const EAP = attribute(ATTRIBUTE.eapMessage, Buffer.from([2, 9, 0, 8, 1, 0x62, 0x6f, 0x62]));
const NAME = attribute(ATTRIBUTE.userName, "bob");
const STATE = attribute(ATTRIBUTE.state, "a State");

const REFUSED: [title: string, parts: RequestParts, reason: Reason][] = [
  ["RAD-23 R36: no User-Name", { username: null }, "malformed-username"],
  ["RAD-23 R33: two User-Names", { attributes: [NAME] }, "malformed-username"],
  ["RAD-23 R20: an empty User-Name", { username: "" }, "malformed-username"],
  ["RAD-23 R39: a NUL in the name", { username: "bob\0x" }, "malformed-username"],
  ["RAD-23 R42: a line break in the name", { username: "bob\r\nx" }, "malformed-username"],
  ["LOG-02: an escape sequence in the name", { username: "\u001b[2Jbob" }, "malformed-username"],
  ["LOG-02: a C1 control in the name", { username: "bob\u0085" }, "malformed-username"],
  ["RAD-23 R40: not UTF-8", { username: Buffer.from("bob\xff", "latin1") }, "malformed-username"],
  ["RAD-21 R35: no credentials", { password: null }, "malformed-credentials"],
  [
    "RAD-21 R32: two User-Passwords",
    { attributes: [attribute(ATTRIBUTE.userPassword, Buffer.alloc(16))] },
    "malformed-credentials",
  ],
  ["RAD-21 R34: User-Password and CHAP", { attributes: [CHAP] }, "malformed-credentials"],
  ["RAD-21 R74: User-Password and EAP", { attributes: [EAP] }, "malformed-credentials"],
  ["RAD-21: CHAP twice", { password: null, attributes: [CHAP, CHAP] }, "malformed-credentials"],
  ["RAD-21: PAP and MS-CHAP", { attributes: [microsoft(1, 50)] }, "malformed-credentials"],
  ["CHAP", { password: null, attributes: [CHAP] }, "unsupported-auth-type"],
  ["MS-CHAP", { password: null, attributes: [microsoft(1, 50)] }, "unsupported-auth-type"],
  ["R89: MS-CHAPv2", { password: null, attributes: [microsoft(25, 49)] }, "unsupported-auth-type"],
  ["EAP", { password: null, attributes: [EAP] }, "unsupported-auth-type"],
  ["EAP in two parts", { password: null, attributes: [EAP, EAP] }, "unsupported-auth-type"],
  ["RAD-18: two States", { attributes: [STATE, STATE] }, "state-invalid"],
  ["Call-Check", { attributes: [integer(ATTRIBUTE.serviceType, 10)] }, "call-check"],
  [
    "RAD-19 R91: Authorize-Only without State",
    { attributes: [integer(ATTRIBUTE.serviceType, 17)] },
    "unsupported-auth-type",
  ],
  [
    "RAD-22 R27: a hidden password of 15 octets",
    { password: null, attributes: [attribute(ATTRIBUTE.userPassword, Buffer.alloc(15))] },
    "malformed-credentials",
  ],
  [
    "RAD-22 R29: a hidden password of 144 octets",
    { password: null, attributes: [attribute(ATTRIBUTE.userPassword, Buffer.alloc(144))] },
    "malformed-credentials",
  ],
];

for (const [title, parts, reason] of REFUSED) {
  t.test(`${title} is refused as ${reason}, with one event and no login`, async (t) => {
    const kit = await openDoor();
    t.equal(await nameOf(kit, request(parts)), "Access-Reject");
    t.equal(kit.script.refusals.length, 1);
    t.equal(kit.script.refusals[0]?.reason, reason);
    t.equal(kit.script.logins.length, 0);
  });
}

t.test("RAD-24 LOG-02: odd but valid names reach the decision exactly as sent", async (t) => {
  const kit = await openDoor();
  const names = [
    "b".repeat(253),
    "EXAMPLE\\alice",
    "alice@example.org",
    "bob\u2028x",
    "\u202ebob",
    "x)(uid=*",
    "uid=alice , OU=people",
    " bob ",
  ];
  for (const username of names) {
    t.equal(await nameOf(kit, request({ username })), "Access-Reject");
    t.equal(kit.script.logins.at(-1)?.username, username);
  }
  t.equal(kit.script.refusals.length, 0);
});

t.test("RAD-22: only padding is cut from a password; a NUL inside belongs to it", async (t) => {
  const kit = await openDoor();
  for (const password of ["hello\0x", "x", "a".repeat(128), "grüße,123456", " hello "]) {
    await ask(kit, request({ password }));
    t.equal(kit.script.logins.at(-1)?.credentials.reveal().toString(), password);
  }
});

t.test("RAD-11: attributes of the wrong size are ignored, not refused", async (t) => {
  const kit = await openDoor();
  const attributes = [
    attribute(ATTRIBUTE.serviceType, Buffer.from([10])),
    attribute(ATTRIBUTE.nasPort, Buffer.from([1, 2])),
    attribute(ATTRIBUTE.nasIdentifier, ""),
    attribute(ATTRIBUTE.vendorSpecific, Buffer.from([0, 0, 1])),
  ];
  t.equal(await nameOf(kit, request({ attributes })), "Access-Accept");
});

t.test("EAP is refused with EAP-Failure under the identifier of its packet", async (t) => {
  const kit = await openDoor();
  const cases: [eap: number[], identifier: number][] = [
    [[2, 9, 0, 8, 1, 0x62, 0x6f, 0x62], 9],
    [[2, 200, 0, 3], 200],
    [[], 0],
    [[2], 0],
  ];
  for (const [octets, identifier] of cases) {
    const eap = attribute(ATTRIBUTE.eapMessage, Buffer.from(octets));
    const reply = replied(await ask(kit, request({ password: null, attributes: [eap] })));
    t.equal(reply.name, "Access-Reject");
    t.same(reply.packet.attributes.slice(1), [
      attribute(ATTRIBUTE.eapMessage, Buffer.from([4, identifier, 0, 4])),
    ]);
  }
});

t.test("probe users are refused at once, uncounted, in one event an hour", async (t) => {
  const kit = await openDoor({ clients: [client({ probeUsers: ["HealthCheck"] })] });
  for (const username of ["healthcheck", "HEALTHCHECK ", "HealthCheck"]) {
    const reply = replied(await ask(kit, request({ username })));
    t.equal(reply.name, "Access-Reject");
    t.ok(reply.afterMs >= 1_000);
  }
  await ask(kit, request({ username: "healthcheck", password: null, attributes: [CHAP] }));
  t.equal(kit.script.logins.length + kit.script.refusals.length, 0);
  kit.clock.advance(59 * 60_000);
  await kit.door.report();
  t.same(kit.events, []);
  kit.clock.advance(60_000);
  await kit.door.report();
  t.match(
    kit.events.map(({ event_type, username, count, reason }) => ({
      event_type,
      username,
      count,
      reason,
    })),
    [{ event_type: "radius_probe", username: "healthcheck", count: 4, reason: "probe-user" }],
  );
});

t.test("what the NAS says stands in the facts as one printable line each", async (t) => {
  const kit = await openDoor();
  const attributes = [
    attribute(ATTRIBUTE.nasIdentifier, "vpn\r\n\u202e1"),
    attribute(ATTRIBUTE.callingStationId, "\u200b 203.0.113.9\u0000\u2028"),
    attribute(ATTRIBUTE.calledStationId, "x".repeat(253)),
    integer(ATTRIBUTE.nasPort, 7),
  ];
  await ask(kit, request({ attributes }));
  const door = kit.script.logins[0]?.door;
  t.equal(door?.endUser, "203.0.113.9");
  t.equal(door?.authType, "PAP");
  t.same(door?.nas, {
    name: "vpn",
    ip: "127.0.0.1",
    identifier: "vpn\\u{d}\\u{a}\\u{202e}1",
    port: "7",
    calling_station_id: "\\u{200b} 203.0.113.9\\u{0}\\u{2028}",
    called_station_id: "x".repeat(253),
  });
});

t.test("a NAS's own address is never taken for the person's", async (t) => {
  const kit = await openDoor({ clients: [client({ endUser: undefined })] });
  await ask(kit, request({ attributes: [attribute(ATTRIBUTE.callingStationId, "192.0.2.1")] }));
  t.notOk("endUser" in (kit.script.logins[0]?.door ?? {}));
});

t.test("H87: nor is an address that the NAS gives as its own, in any spelling", async (t) => {
  const kit = await openDoor();
  const nasIp = attribute(ATTRIBUTE.nasIpAddress, Buffer.from([192, 0, 2, 1]));
  const nasIpv6 = Buffer.from("20010db8000000000000000000000001", "hex");
  for (const [station, isPerson] of [
    ["127.0.0.1", false],
    ["::ffff:127.0.0.1", false],
    ["192.0.2.1", false],
    ["2001:db8::1", false],
    ["2001:DB8:0::0:1", false],
    ["192.0.2.2", true],
    ["2001:db8::2", true],
    ["02-00-5E-10-00-00", true],
  ] as const) {
    const attributes = [
      nasIp,
      attribute(ATTRIBUTE.nasIpv6Address, nasIpv6),
      attribute(ATTRIBUTE.callingStationId, station),
    ];
    await ask(kit, request({ attributes }));
    t.equal(kit.script.logins.at(-1)?.door.endUser, isPerson ? station : undefined, station);
  }
});
