// Where somebody gets mail, as a real directory says it.

import t from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import { directoryOptions, plainUrl } from "../../support/directory.ts";
import { startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd();
t.teardown(() => slapd.stop());

async function mailOf(
  uid: string,
  changes: Partial<DirectoryOptions> = {},
): Promise<string | undefined> {
  const { options } = directoryOptions([plainUrl(slapd)], changes);
  const directory = createDirectory(options);
  try {
    const found = await directory.find(uid);
    if (found.kind !== "found") throw new Error(found.kind);
    return await directory.findMail(found.identity);
  } finally {
    directory.close();
  }
}

t.test("an address is the attribute's first value, as it stands there", async (t) => {
  t.equal(await mailOf("alice"), undefined, "without one there is none");
  slapd.change("alice", "mail", "alice@example.org");
  t.equal(await mailOf("alice"), "alice@example.org");
  slapd.change("alice", "mail", "alice@example.org", "a@example.org");
  t.equal(await mailOf("alice"), "alice@example.org");
  const evil = "alice@example.org\r\nBcc: eve@example.org";
  slapd.change("alice", "mail", evil);
  t.equal(await mailOf("alice"), evil, "what it is worth is judged elsewhere");
});

t.test("another attribute may hold it", async (t) => {
  slapd.change("bob", "title", "bob@example.org");
  t.equal(await mailOf("bob", { mailAttribute: "TITLE" }), "bob@example.org");
  t.equal(await mailOf("bob", { mailAttribute: "noSuchAttribute" }), undefined);
});

t.test("octets that are no text are no address", async (t) => {
  t.equal(await mailOf("bob", { mailAttribute: "userPassword" }), undefined, "nor is a secret one");
  t.equal(await mailOf("bob", { mailAttribute: "entryUUID" }).then((id) => id?.length), 36);
});

t.test("a directory that is down is an outage, not somebody without an address", async (t) => {
  const { options } = directoryOptions([plainUrl(slapd)], { timeoutMs: 500 });
  const directory = createDirectory(options);
  t.teardown(() => directory.close());
  const found = await directory.find("alice");
  if (found.kind !== "found") throw new Error(found.kind);
  slapd.pause();
  await t.rejects(directory.findMail(found.identity), { name: "DependencyDown" });
  slapd.resume();
});
