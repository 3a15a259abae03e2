// What a session has on its upstream connection, and in which state it gives that back.

import t from "tap";

import { Lease } from "../../../src/doors/ldap/lease.ts";
import { OPERATION } from "../../../src/wire/ldap/operation.ts";
import { abandonRequest } from "../../support/ldap-requests.ts";

const { searchRequest, searchResultDone, searchResultEntry } = OPERATION;

t.test("nothing is given back where nothing was held", async (t) => {
  t.same(new Lease().leave(false), []);
});

t.test("a connection is given back as what it is, and only once", async (t) => {
  const lease = new Lease();
  lease.hold();
  t.same(lease.leave(false), [{ kind: "release-upstream", isAnonymous: true }]);
  t.same(lease.leave(false), []);
  lease.hold();
  lease.identify();
  t.same(lease.leave(false), [{ kind: "release-upstream", isAnonymous: false }]);
  lease.hold();
  t.same(lease.leave(false), [{ kind: "release-upstream", isAnonymous: true }], "a new one");
});

const UNFIT: readonly [title: string, prepare: (lease: Lease) => void][] = [
  ["with an operation outstanding", (lease) => lease.begin(2, searchRequest)],
  [
    "with a page of results that the directory remembers",
    (lease) => {
      lease.begin(2, searchRequest, true);
      lease.finish(2);
      lease.begin(3, searchRequest);
      lease.finish(3);
    },
  ],
  [
    "with an operation given up",
    (lease) => {
      lease.begin(2, searchRequest);
      lease.abandon(2);
    },
  ],
];

for (const [title, prepare] of UNFIT) {
  t.test(`a connection ${title} is destroyed`, async (t) => {
    const lease = new Lease();
    prepare(lease);
    t.same(lease.leave(false), [{ kind: "drop-upstream" }]);
  });
}

t.test("a connection on which a refused Bind was sent is destroyed", async (t) => {
  const lease = new Lease();
  lease.hold();
  t.same(lease.leave(true), [{ kind: "drop-upstream" }]);
});

t.test("a late answer belongs to what was given up until its last one", async (t) => {
  const lease = new Lease();
  lease.begin(2, searchRequest);
  t.equal(lease.takeLate(2, searchResultEntry), false, "it isn't late");
  t.equal(lease.abandon(2), true);
  t.equal(lease.abandon(2), false);
  t.equal(lease.find(2), undefined);
  t.equal(lease.takeLate(2, searchResultEntry), true);
  t.equal(lease.takeLate(2, searchResultDone), true);
  t.equal(lease.takeLate(2, searchResultDone), false);
  t.same(lease.leave(false), [{ kind: "release-upstream", isAnonymous: true }]);
});

t.test("256 operations given up are remembered, and no more", async (t) => {
  const lease = new Lease();
  for (let id = 1; id <= 257; id += 1) {
    lease.begin(id, searchRequest);
    lease.abandon(id);
  }
  t.equal(lease.takeLate(1, searchResultEntry), false);
  t.equal(lease.takeLate(2, searchResultEntry), true);
});

t.test("to give everything up is an Abandon each, under an id nobody has", async (t) => {
  const lease = new Lease();
  const last = 2 ** 31 - 1;
  lease.begin(last - 1, searchRequest);
  lease.begin(7, searchRequest);
  t.same(lease.abandonAll(last), [abandonRequest(last - 2, last - 1), abandonRequest(last - 2, 7)]);
  t.equal(lease.outstanding, 0);
});
