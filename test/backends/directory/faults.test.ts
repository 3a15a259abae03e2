// A directory that breaks the protocol, on purpose or not: nothing it sends makes a login succeed
// that it didn't grant, and the next login gets a fresh connection.

import t, { type Test } from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { Secret } from "../../../src/lib/secret.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";
import {
  alice,
  ALICE_DN,
  ALICE_UUID,
  entry,
  notice,
  policyControl,
  reference,
  result,
  startFaultDirectory,
  type FaultDirectory,
  type Script,
} from "../../support/fault-directory.ts";
import { BASE } from "../../support/slapd.ts";

const down = { name: "DependencyDown", dependency: "directory:corp" };
const password = Secret.of("alice-password");
const identity: Identity = { directory: "corp", id: ALICE_UUID, username: "alice", dn: ALICE_DN };

interface Opened {
  readonly peer: FaultDirectory;
  readonly directory: DirectoryBackend;
  readonly reported: Reported;
}

async function open(t: Test, changes: Partial<DirectoryOptions> = {}): Promise<Opened> {
  const peer = await startFaultDirectory();
  const { options, reported } = directoryOptions([plainUrl(peer)], changes);
  const directory = createDirectory(options);
  t.teardown(async () => {
    directory.close();
    await peer.stop();
  });
  return { peer, directory, reported };
}

const huge = Buffer.from("3084ffffffff0201", "hex");
const deep = Buffer.concat([Buffer.from("30840000ffff020102", "hex"), Buffer.alloc(65_529, 0x30)]);

/** None of these is an answer; whatever waits for one gets an outage. */
const FAULTS: Record<string, Script> = {
  "D02 silence": () => undefined,
  "D03 another id": ({ id }, peer) => peer.write(result(id + 1, "bind", 0)),
  "D03 an answer to a search": ({ id }, peer) => peer.write(result(id, "extended", 0)),
  "D05 a reset": (_, peer) => peer.resetAndDestroy(),
  "D05 an end": (_, peer) => peer.end(),
  "D06 a notice of disconnection": (_, peer) => peer.write(notice()),
  "D07 a length of 4 GB": (_, peer) => peer.write(huge),
  "D07 nested without end": (_, peer) => peer.write(deep),
  "D07 no BER": (_, peer) => peer.write("HTTP/1.1 200 OK\r\n\r\n"),
  "D07 an indefinite length": (_, peer) => peer.write(Buffer.from("3080", "hex")),
  "D07 half an answer": ({ id }, peer) => peer.write(result(id, "bind", 0).subarray(0, 9)),
  "D07 a value of 100 MB": ({ id }, peer) => pour(entryOf(id, 100_000_000), peer),
  // Below the limit of one message, and never at its end.
  "D07 messages that never end": ({ id }, peer) => pour(entryOf(id, 60_000), peer),
};

/** The beginning of an entry with one attribute whose value has that many octets. */
function entryOf(id: number, bytes: number): Buffer {
  const tlv = (tag: number, length: number): Buffer => {
    const head = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
    head.writeUInt32BE(length, 2);
    return head;
  };
  return Buffer.concat([
    tlv(0x30, bytes + 41),
    Buffer.from([0x02, 0x01, id]),
    tlv(0x64, bytes + 32),
    Buffer.from([0x04, 0x00]),
    tlv(0x30, bytes + 24),
    tlv(0x30, bytes + 18),
    tlv(0x04, 0),
    tlv(0x31, bytes + 6),
    tlv(0x04, bytes),
  ]);
}

/** As much as the peer takes, 100 MB at most. */
function pour(beginning: Buffer, peer: Parameters<Script>[1]): void {
  const chunk = Buffer.alloc(1_000_000);
  let poured = 0;
  peer.write(beginning);
  const more = (): void => {
    while (!peer.destroyed && poured < 100) {
      poured += 1;
      if (!peer.write(chunk)) return;
    }
  };
  peer.on("drain", more);
  more();
}

t.test("a bind answered with nonsense is an outage, and the next one works", async (t) => {
  for (const [name, fault] of Object.entries(FAULTS)) {
    await t.test(name, async (t) => {
      const { peer, directory } = await open(t, { timeoutMs: 300 });
      peer.scripts.bind = fault;
      await t.rejects(directory.bind(identity, password), down);
      t.equal(peer.log.length, 1, "the password was sent once");
      peer.scripts.bind = ({ id }, socket) => socket.write(result(id, "bind", 49));
      t.same(await directory.bind(identity, password), { kind: "wrong" });
      t.ok(peer.accepted > 1, "over a new connection");
    });
  }
});

t.test("a search answered with nonsense is an outage, and the next one works", async (t) => {
  const faults = { ...FAULTS, "D08 entries without end": endless };
  for (const [name, fault] of Object.entries(faults)) {
    await t.test(name, async (t) => {
      const { peer, directory } = await open(t, { timeoutMs: 300 });
      peer.scripts.search = fault;
      await t.rejects(directory.find("alice"), down);
      delete peer.scripts.search;
      t.match(await directory.find("alice"), { kind: "found", identity });
    });
  }
});

t.test("D07: a password policy's response that makes no sense decides nothing", async (t) => {
  const oid = "1.3.6.1.4.1.42.2.27.8.5.1";
  const cases: Record<string, Buffer> = {
    "no BER": Buffer.from("nonsense"),
    nothing: Buffer.alloc(0),
    "a length of 4 GB": Buffer.from("3084ffffffff", "hex"),
    "an indefinite length": Buffer.from("3080810102", "hex"),
    "an error of nine octets": Buffer.from("300b8109010203040506070809", "hex"),
    "grace logins beyond all numbers": Buffer.from("300da00b8109ffffffffffffffffff", "hex"),
    "nested without end": Buffer.alloc(50_000, 0x30),
    "60,000 octets": Buffer.concat([Buffer.from("3082ea5c", "hex"), Buffer.alloc(59_996)]),
    "something behind it": Buffer.from("30000500", "hex"),
    "a warning of two kinds": Buffer.from("3008a006800101810100", "hex"),
  };
  for (const [name, value] of Object.entries(cases)) {
    const { peer, directory } = await open(t, { timeoutMs: 300 });
    peer.scripts.bind = ({ id }, socket) => {
      socket.write(result(id, "bind", 0, { control: { oid, value } }));
    };
    await t.rejects(directory.bind(identity, password), down, name);
  }
});

t.test("D07: whatever pours in, it isn't kept", async (t) => {
  const before = process.memoryUsage().rss;
  for (const bytes of [100_000_000, 60_000]) {
    const { peer, directory } = await open(t, { timeoutMs: 1_000 });
    peer.scripts.search = ({ id }, socket) => pour(entryOf(id, bytes), socket);
    for (let tries = 0; tries < 5; tries += 1) await t.rejects(directory.find("alice"), down);
  }
  const grown = process.memoryUsage().rss - before;
  t.ok(grown < 100_000_000, `${Math.round(grown / 1_000_000)} MB more`);
});

function endless({ id }: { id: number }, peer: Parameters<Script>[1]): void {
  const one = entry(id, ALICE_DN, alice());
  const many = Buffer.concat(Array.from({ length: 100 }, () => one));
  for (let turn = 0; turn < 20; turn += 1) peer.write(many);
}

t.test("D03: two answers to one bind: the second ends the connection", async (t) => {
  const { peer, directory } = await open(t);
  peer.scripts.bind = ({ id }, socket) => {
    socket.write(Buffer.concat([result(id, "bind", 49), result(id, "bind", 0)]));
  };
  t.same(await directory.bind(identity, password), { kind: "wrong" });
  t.same(await directory.bind(identity, password), { kind: "wrong" });
  t.equal(peer.accepted, 2);
});

t.test("D04: a late answer is never the next one's", async (t) => {
  const { peer, directory } = await open(t, { timeoutMs: 200 });
  const held: (() => void)[] = [];
  peer.scripts.bind = ({ id }, socket) => held.push(() => socket.write(result(id, "bind", 0)));
  await t.rejects(directory.bind(identity, password), down);
  peer.scripts.bind = ({ id }, socket) => {
    for (const late of held) late();
    socket.write(result(id, "bind", 49));
  };
  t.same(await directory.bind(identity, Secret.of("guess")), { kind: "wrong" });
});

t.test("a search is put once more when its connection dies, a bind never", async (t) => {
  const { peer, directory } = await open(t);
  peer.scripts.search = ({ id, dn }, socket) => {
    if (dn === "") return void socket.write(result(id, "search", 0));
    delete peer.scripts.search;
    socket.resetAndDestroy();
  };
  t.equal((await directory.find("alice")).kind, "found");
  t.equal(peer.log.filter((line) => line === `search ${BASE}`).length, 2);
});

t.test("D08: more entries than asked for are ambiguous, none is nobody", async (t) => {
  const { peer, directory } = await open(t);
  const cases: [number, number, string][] = [
    [0, 0, "not-found"],
    [2, 0, "ambiguous"],
    [2, 4, "ambiguous"],
    [1, 4, "ambiguous"],
    [0, 4, "ambiguous"],
    [900, 0, "ambiguous"],
  ];
  for (const [entries, resultCode, kind] of cases) {
    peer.scripts.search = ({ id }, socket) => {
      const found = Array.from({ length: entries }, () => entry(id, ALICE_DN, alice()));
      socket.write(Buffer.concat([...found, result(id, "search", resultCode)]));
    };
    t.equal((await directory.find("alice")).kind, kind, `${entries} entries, code ${resultCode}`);
  }
});

t.test("D09: an entry whose name or id can't be trusted is refused, with a report", async (t) => {
  const { peer, directory, reported } = await open(t);
  const cases: Record<string, Parameters<typeof entry>[1]> = {
    "no DN": "",
    "another suffix": "uid=alice,dc=example,dc=com",
    "a suffix that only looks right": "uid=alice\\,dc=example,dc=org",
    "a NUL": `uid=alice\0,${BASE}`,
    "an escaped NUL": `uid=alice\\00,${BASE}`,
    "no DN at all": "alice",
  };
  for (const [name, dn] of Object.entries(cases)) {
    peer.scripts.search = answerWith(dn, alice());
    t.same(await directory.find("alice"), { kind: "malformed" }, name);
  }
  for (const changes of [
    { entryUUID: [] },
    { entryUUID: [""] },
    { uid: [] },
    { uid: [Buffer.of(0xff)] },
  ]) {
    peer.scripts.search = answerWith(ALICE_DN, alice(changes));
    t.same(await directory.find("alice"), { kind: "malformed" }, JSON.stringify(changes));
  }
  t.equal(reported.unusable.length, 10);
  peer.scripts.search = answerWith(
    Buffer.concat([Buffer.from("uid="), Buffer.of(0xff), Buffer.from(`,${BASE}`)]),
    alice(),
  );
  await t.rejects(directory.find("alice"), down, "no UTF-8: not even an answer");
});

t.test("a DN that was read must be the one that comes back", async (t) => {
  const { peer, directory } = await open(t, { userDn: `uid={username},ou=people,${BASE}` });
  peer.scripts.search = answerWith(`uid=bob,ou=people,${BASE}`, alice());
  t.same(await directory.find("alice"), { kind: "malformed" });
  peer.scripts.search = answerWith(`UID=Alice, ou=People,${BASE}`, alice());
  t.equal((await directory.find("alice")).kind, "found");
  peer.scripts.search = ({ id }, socket) => socket.write(result(id, "search", 32));
  t.equal((await directory.find("carol")).kind, "not-found");
});

t.test("ids: text in lower case, octets in hex, the configured one only", async (t) => {
  const guid = Buffer.from("00112233445566778899aabbccddeeff", "hex");
  const cases: [string | undefined, Record<string, (string | Buffer)[]>, string | undefined][] = [
    [undefined, { ENTRYUUID: [ALICE_UUID.toUpperCase()] }, ALICE_UUID],
    [undefined, { "objectGUID;binary": [guid] }, guid.toString("hex")],
    [
      undefined,
      { objectGUID: ["abcdefghijklmnop"] },
      Buffer.from("abcdefghijklmnop").toString("hex"),
    ],
    [
      undefined,
      { nsUniqueId: ["66446001-1DD211B2-B2F4A2A9-6A7FF7E8"] },
      "66446001-1dd211b2-b2f4a2a9-6a7ff7e8",
    ],
    // 389 Directory Server adds the other one to old entries when it is upgraded.
    [
      undefined,
      { entryUUID: [ALICE_UUID], nsUniqueId: ["66446001-1dd211b2"] },
      "66446001-1dd211b2",
    ],
    ["employeeNumber", { entryUUID: [ALICE_UUID], employeeNumber: ["E7"] }, "e7"],
    ["employeeNumber", { entryUUID: [ALICE_UUID] }, undefined],
  ];
  for (const [idAttribute, attributes, id] of cases) {
    const { peer, directory } = await open(t, { idAttribute });
    peer.scripts.search = answerWith(ALICE_DN, { uid: ["alice"], ...attributes });
    const found = await directory.find("alice");
    t.equal(found.kind === "found" ? found.identity.id : undefined, id);
  }
});

t.test("D10: referrals are never followed", async (t) => {
  const trap = await startFaultDirectory();
  t.teardown(() => trap.stop());
  const { peer, directory } = await open(t);
  const url = `ldap://127.0.0.1:${trap.port}/${BASE}`;
  peer.scripts.search = ({ id }, socket) => {
    socket.write(Buffer.concat([reference(id, url), result(id, "search", 0)]));
  };
  t.equal((await directory.find("alice")).kind, "not-found");
  peer.scripts.search = ({ id }, socket) => socket.write(result(id, "search", 10, { text: url }));
  await t.rejects(directory.find("alice"), down);
  peer.scripts.bind = ({ id }, socket) => socket.write(result(id, "bind", 10, { text: url }));
  await t.rejects(directory.bind(identity, password), down);
  t.equal(trap.accepted, 0);
});

t.test("D11: success with an objection of the password policy is refused", async (t) => {
  const { peer, directory } = await open(t);
  const control = policyControl({ error: 2 });
  peer.scripts.bind = ({ id }, socket) => socket.write(result(id, "bind", 0, { control }));
  t.same(await directory.bind(identity, password), {
    kind: "refused",
    reason: "must-change-password",
  });
});

t.test("a bind that succeeds for an entry that is disabled is refused", async (t) => {
  const { peer, directory } = await open(t);
  const sayings: Record<string, string[]>[] = [
    { userAccountControl: ["514"] },
    { nsAccountLock: ["TRUE"] },
    { pwdAccountLockedTime: ["000001010000Z"] },
  ];
  for (const said of sayings) {
    peer.scripts.search = ({ id }, socket) => {
      socket.write(Buffer.concat([entry(id, ALICE_DN, alice(said)), result(id, "search", 0)]));
    };
    const found = await directory.find(`${" ".repeat(peer.log.length)}alice`);
    if (found.kind !== "found") throw new Error(found.kind);
    const answer = await directory.bind(found.identity, password);
    t.same(answer, { kind: "refused", reason: "directory-disabled" });
    peer.scripts.bind = ({ id }, socket) => socket.write(result(id, "bind", 49));
    t.same(await directory.bind(found.identity, password), { kind: "wrong" });
    delete peer.scripts.bind;
  }
  // Locked by failures, and not for good.
  const locked = alice({ pwdAccountLockedTime: ["20261125120000Z"] });
  peer.scripts.search = ({ id }, socket) => {
    socket.write(Buffer.concat([entry(id, ALICE_DN, locked), result(id, "search", 0)]));
  };
  const found = await directory.find("alice ");
  t.match(found, { kind: "found", identity: { isDisabled: undefined } });
});

t.test("D15: our own account locked or the directory busy: an outage", async (t) => {
  const { peer, directory, reported } = await open(t);
  peer.scripts.serviceBind = ({ id }, socket) => socket.write(result(id, "bind", 52));
  await t.rejects(directory.find("alice"), down);
  peer.scripts.serviceBind = ({ id }, socket) => socket.write(result(id, "bind", 53));
  await t.rejects(directory.find("alice"), down);
  await t.rejects(directory.bind(identity, password), down, "left alone altogether");
  t.notOk(peer.log.includes(`bind ${ALICE_DN}`));
  t.equal(reported.down.length, 1);
});

function answerWith(
  dn: Parameters<typeof entry>[1],
  attributes: Parameters<typeof entry>[2],
): Script {
  return ({ id }, socket) => {
    socket.write(Buffer.concat([entry(id, dn, attributes), result(id, "search", 0)]));
  };
}
