// Everybody of a real directory, page by page; all of them or an outage that says why.

import t from "tap";

import { createDirectory } from "../../../src/backends/directory/directory.ts";
import type { DirectoryOptions } from "../../../src/backends/directory/options.ts";
import type { Identity } from "../../../src/core/ports.ts";
import { directoryOptions, plainUrl, type Reported } from "../../support/directory.ts";
import {
  alice,
  ALICE_DN,
  entry,
  result,
  startFaultDirectory,
  type Script,
} from "../../support/fault-directory.ts";
import { BASE, startSlapd } from "../../support/slapd.ts";

const USERS = 1_200;
/** Seven by name under ou=people, twin's double elsewhere, pat, and the numbered. */
const PEOPLE = USERS + 9;

interface Listed {
  readonly pages: number;
  readonly people: readonly Identity[];
  readonly reported: Reported;
}

async function everybody(
  server: { readonly host: string; readonly port: number },
  changes: Partial<DirectoryOptions> = {},
): Promise<Listed> {
  const { options, reported } = directoryOptions([plainUrl(server)], changes);
  const directory = createDirectory(options);
  const people: Identity[] = [];
  let pages = 0;
  try {
    for await (const page of directory.everybody()) {
      pages += 1;
      people.push(...page);
    }
    return { pages, people, reported };
  } finally {
    directory.close();
  }
}

await t.test(
  "everybody whom the filter could let in, each once, as a login finds them",
  async (t) => {
    const slapd = await startSlapd({ users: USERS, sizeLimit: 20_000 });
    t.teardown(() => slapd.stop());
    const { pages, people } = await everybody(slapd);
    t.equal(people.length, PEOPLE);
    t.equal(new Set(people.map(({ id }) => id)).size, PEOPLE);
    t.equal(pages, 3);
    const { options } = directoryOptions([plainUrl(slapd)]);
    const directory = createDirectory(options);
    t.teardown(() => directory.close());
    for (const username of ["alice", "jürgen", "u001199"]) {
      const found = await directory.find(username);
      t.same(
        people.filter((person) => person.username === username),
        found.kind === "found" ? [found.identity] : [],
      );
    }
    const narrow = await everybody(slapd, { userFilter: "(&(uid={username})(cn=b*))" });
    t.same(
      narrow.people.map(({ username }) => username),
      ["bob"],
      "the rest of the filter stays",
    );
    for await (const page of directory.everybody()) {
      t.equal(page.length, 500);
      break;
    }
    t.equal((await everybody(slapd)).people.length, PEOPLE, "whoever stops early disturbs nobody");
  },
);

await t.test("a directory that lists only some of them is an outage with the remedy", async (t) => {
  const slapd = await startSlapd({ users: USERS });
  t.teardown(() => slapd.stop());
  await t.rejects(everybody(slapd), {
    name: "DependencyDown",
    message: /doesn't list all of its people: raise its size limit for bind_dn/,
  });
});

const cookie = (text: string) => {
  const octets = Buffer.from(text);
  const value = Buffer.concat([
    Buffer.from([0x30, 5 + octets.length, 2, 1, 0, 4]),
    Buffer.alloc(1),
  ]);
  value[6] = octets.length;
  return { control: { oid: "1.2.840.113556.1.4.319", value: Buffer.concat([value, octets]) } };
};

await t.test("D13: what a directory may answer instead of a page", async (t) => {
  const server = await startFaultDirectory();
  t.teardown(() => server.stop());
  const answer = async (script: Script): Promise<Listed> => {
    server.scripts.search = (request, peer) => {
      if (request.dn === BASE) script(request, peer);
      else peer.write(result(request.id, "search", 0));
    };
    return everybody(server);
  };
  const one = (id: number, changes = {}): Buffer => entry(id, ALICE_DN, alice(changes));
  const whole = await answer(({ id }, peer) => {
    peer.write(Buffer.concat([one(id), result(id, "search", 0, cookie(""))]));
  });
  t.match(whole, { pages: 1, people: [{ username: "alice" }] });

  let asked = 0;
  const two = await answer(({ id, bytes }, peer) => {
    asked += 1;
    t.equal(bytes.includes("the-cookie"), asked === 2, "a cookie goes back where it came from");
    const person = one(id, { entryUUID: [`id-${asked}`] });
    peer.write(
      Buffer.concat([person, result(id, "search", 0, cookie(asked === 1 ? "the-cookie" : ""))]),
    );
  });
  t.same(
    two.people.map(({ id }) => id),
    ["id-1", "id-2"],
  );

  const unusable = await answer(({ id }, peer) => {
    const nobody = one(id, { entryUUID: [] });
    peer.write(Buffer.concat([nobody, nobody, one(id), result(id, "search", 0, cookie(""))]));
  });
  t.equal(unusable.people.length, 1);
  t.same(unusable.reported.unusable, ["an entry without an id that never changes"], "told once");

  const refusals: [rule: string, script: Script, message: RegExp][] = [
    [
      "no pages at all",
      ({ id }, peer) => peer.write(result(id, "search", 12)),
      /search for everybody with result code 12/,
    ],
    [
      "all at once",
      ({ id }, peer) => peer.write(Buffer.concat([one(id), result(id, "search", 0)])),
      /can't list people page by page/,
    ],
    [
      "more than a page",
      ({ id }, peer) => {
        const many = Array.from({ length: 501 }, () => one(id));
        peer.write(Buffer.concat([...many, result(id, "search", 0, cookie("more"))]));
      },
      /can't list people page by page/,
    ],
    [
      "a broken cookie",
      ({ id }, peer) => {
        const control = { oid: "1.2.840.113556.1.4.319", value: Buffer.from("3000", "hex") };
        peer.write(result(id, "search", 0, { control }));
      },
      /broke the protocol/,
    ],
    ["a closed connection", (_, peer) => peer.destroy(), /closed the connection|was closed/],
  ];
  for (const [rule, script, message] of refusals) {
    await t.rejects(answer(script), { name: "DependencyDown", message }, rule);
  }
});

await t.test("a directory that isn't there is an outage", async (t) => {
  const server = await startFaultDirectory();
  await server.stop();
  await t.rejects(everybody(server), { name: "DependencyDown" });
});
