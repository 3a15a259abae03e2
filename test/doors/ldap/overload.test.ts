// More binds at once than can be decided.

import t from "tap";

import { plainUrl } from "../../support/directory.ts";
import { LdapClient } from "../../support/ldap-client.ts";
import { dnOf, openLdapDoor } from "../../support/ldap-door.ts";
import { bindRequest } from "../../support/ldap-requests.ts";
import { startSlapd } from "../../support/slapd.ts";

const slapd = await startSlapd({ users: 10 });
t.teardown(() => slapd.stop());

await t.test("D14: a bind too many is told to be busy, counted and in the audit", async (t) => {
  const queue = { runningMax: 1, waitingMax: 0 };
  const { port, door, store, log } = await openLdapDoor(t, {
    urls: [plainUrl(slapd)],
    door: { queue },
  });
  const clients = await Promise.all(Array.from({ length: 8 }, () => LdapClient.open(port)));
  slapd.pause();
  const [first, ...others] = clients;
  first?.send(bindRequest(1, dnOf("u000001"), "pw-u000001"));
  const refused = await Promise.all(
    others.map((one) => one.ask(bindRequest(1, dnOf("u000002"), "pw-u000002"))),
  );
  slapd.resume();
  t.match(await first?.next(), { resultCode: 0 });
  t.same(new Set(refused.map(({ resultCode }) => resultCode)), new Set([51]));
  t.equal(door.refusals.overload, 7);
  t.match(
    log.lines.filter(({ fields }) => fields["refusal"] === "overload"),
    [{ level: "warn", fields: { listener: "apps", address: "127.0.0.1" } }],
    "one line",
  );
  const again = others[0];
  const answer = await again?.ask(bindRequest(2, dnOf("u000002"), "pw-u000002"));
  t.match(answer, { resultCode: 0 }, "nothing was used up, and the connection goes on");
  for (const one of clients) one.end();
  await door.close({ drainMs: 0 });
  const events = await store.events({ limit: 10 });
  t.match(
    events.filter(({ event_type }) => event_type === "ldap_operation_denied"),
    [{ count: 7, app: { name: "apps", ip: "127.0.0.1" }, details: { reason: "overload" } }],
  );
});
