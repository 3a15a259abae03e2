// Groups as a directory may answer about them: complete, or an outage; never "in no group" for want of an
// answer.

import t, { type Test } from "tap";

import {
  createDirectory,
  type DirectoryBackend,
} from "../../../src/backends/directory/directory.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import {
  ALICE_DN,
  ALICE_UUID,
  entry,
  result,
  startFaultDirectory,
  type FaultDirectory,
} from "../../support/fault-directory.ts";
import { BASE } from "../../support/slapd.ts";

const down = { name: "DependencyDown", dependency: "directory:corp" };
const identity: Identity = { directory: "corp", id: ALICE_UUID, username: "alice", dn: ALICE_DN };

async function open(t: Test): Promise<{ peer: FaultDirectory; directory: DirectoryBackend }> {
  const peer = await startFaultDirectory();
  const directory = createDirectory(directoryOptions([plainUrl(peer)]).options);
  t.teardown(async () => {
    directory.close();
    await peer.stop();
  });
  return { peer, directory };
}

t.test('D13: a failed or cut lookup of groups is an outage, never "none"', async (t) => {
  const group = `cn=vpn,ou=groups,${BASE}`;
  for (const resultCode of [1, 3, 4, 11, 32, 50, 52]) {
    const { peer, directory } = await open(t);
    peer.scripts.search = ({ id }, socket) => socket.write(result(id, "search", resultCode));
    await t.rejects(directory.memberOf(identity, [group]), down, `result code ${resultCode}`);
  }
});

t.test("groups named by the person's own entry count, with those above them", async (t) => {
  const { peer, directory } = await open(t);
  const [staff, all] = [`cn=staff,ou=groups,${BASE}`, `cn=all,ou=groups,${BASE}`];
  peer.scripts.search = ({ id, dn, bytes }, socket) => {
    const answers: Buffer[] = [];
    if (dn === ALICE_DN) answers.push(entry(id, ALICE_DN, { memberOf: [staff] }));
    else if (bytes.includes(staff)) answers.push(entry(id, all, {}));
    socket.write(Buffer.concat([...answers, result(id, "search", 0)]));
  };
  t.same(
    [...(await directory.memberOf(identity, [all.toUpperCase(), staff]))],
    [all.toUpperCase(), staff],
  );
});

t.test("the primary group's own groups count, where tokenGroups can't be read", async (t) => {
  const { peer, directory } = await open(t);
  const [users, all] = [`cn=users,ou=groups,${BASE}`, `cn=all,ou=groups,${BASE}`];
  const sid = (last: number): Buffer => {
    const bytes = Buffer.from("010500000000000515000000010203040506070809101112ffffffff", "hex");
    bytes.writeUInt32LE(last, bytes.length - 4);
    return bytes;
  };
  peer.scripts.search = ({ id, dn, bytes }, socket) => {
    const answers: Buffer[] = [];
    if (dn === ALICE_DN) {
      answers.push(entry(id, ALICE_DN, { objectSid: [sid(1104)], primaryGroupID: ["513"] }));
    } else if (bytes.includes(sid(513))) answers.push(entry(id, users, {}));
    else if (bytes.includes(users) && dn === BASE) answers.push(entry(id, all, {}));
    socket.write(Buffer.concat([...answers, result(id, "search", 0)]));
  };
  t.same([...(await directory.memberOf(identity, [all]))], [all]);
});

t.test("D14: groups nested without end are an outage", async (t) => {
  const { peer, directory } = await open(t);
  let made = 0;
  peer.scripts.search = ({ id, dn }, socket) => {
    made += 1;
    const found = dn === ALICE_DN ? entry(id, ALICE_DN, {}) : entry(id, `cn=g${made},${BASE}`, {});
    socket.write(Buffer.concat([found, result(id, "search", 0)]));
  };
  await t.rejects(directory.memberOf(identity, [`cn=none,${BASE}`]), {
    message: /nested too deep/,
  });
  t.ok(made < 30, `${made} searches`);
});
