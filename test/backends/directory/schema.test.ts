// What a directory says of its own attributes decides what it is asked for, and never less than that.

import t, { type Test } from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import {
  alice,
  ALICE_DN,
  entry,
  result,
  startFaultDirectory,
} from "../../support/fault-directory.ts";

const STATES = ["userAccountControl", "nsAccountLock", "pwdAccountLockedTime"];
const ALL = ["uid", "entryUUID", "objectGUID", "nsUniqueId", ...STATES];
const SCHEMA = "cn=Subschema";
const OBJECT_CLASS = "( 2.5.4.0 NAME 'objectClass' EQUALITY objectIdentifierMatch )";
const UUID = "( 1.3.6.1.1.16.4 NAME 'entryUUID' NO-USER-MODIFICATION )";

/** Of the attributes above, those a search for a person asks for once `types` were read. */
async function askedFor(t: Test, types: readonly string[]): Promise<string[]> {
  const asked: string[][] = [];
  const directory = await startFaultDirectory({
    search({ id, dn, bytes }, peer) {
      const found: Record<string, Record<string, readonly string[]>> = {
        "": { subschemaSubentry: [SCHEMA] },
        [SCHEMA]: { attributeTypes: types },
      };
      const attributes = found[dn] ?? alice();
      if (found[dn] === undefined) {
        asked.push(ALL.filter((name) => bytes.includes(name)));
      }
      const name = found[dn] === undefined ? ALICE_DN : dn;
      peer.write(Buffer.concat([entry(id, name, attributes), result(id, "search", 0)]));
    },
  });
  const client = createDirectory(directoryOptions([plainUrl(directory)]).options);
  t.teardown(async () => {
    client.close();
    await directory.stop();
  });
  await client.start();
  while (!directory.log.includes(`search ${SCHEMA}`)) await new Promise(setImmediate);
  for (let trip = 0; trip < 5; trip += 1) await client.find(`nobody${trip}`);
  t.equal((await client.find("alice")).kind, "found");
  return asked.at(-1) ?? [];
}

t.test("an attribute that the directory's schema doesn't have isn't asked for", async (t) => {
  t.same(await askedFor(t, [OBJECT_CLASS, UUID]), ["uid", "entryUUID"]);
  const lock = "( 1.2 NAME ( 'other' 'NSACCOUNTLOCK' ) DESC 'NAME' )";
  t.same(
    await askedFor(t, [OBJECT_CLASS, lock, UUID]),
    ["uid", "entryUUID", "nsAccountLock"],
    "names in any case, also one of several",
  );
});

t.test("a schema without an id that we know leaves every id asked for", async (t) => {
  t.same(await askedFor(t, [OBJECT_CLASS]), ["uid", "entryUUID", "objectGUID", "nsUniqueId"]);
});

t.test("a schema that can't be the whole counts for nothing", async (t) => {
  t.same(await askedFor(t, []), ALL);
  t.same(await askedFor(t, [UUID]), ALL);
  t.same(await askedFor(t, ["nonsense", "( 1.2.3 )"]), ALL);
});
