// The organisation as scripts for the reference system read it, and RADIUS clients to look at.

import t from "tap";

import { openApi } from "../../../support/api.ts";

t.test(
  "H02, H13: a list with one id, a setting that is true and stays so, and who wanted it off",
  async (t) => {
    const door = await openApi(t);
    const { ask } = await door.loginAs("administrator");
    const [organization] = (await ask("GET", "/api/organizations")).body;
    t.match(organization, { id: /^[0-9a-f]{24}$/, settings: { requireAdminMFA: true } });
    const url = `/api/organizations/${organization.id}`;
    t.same((await ask("GET", url)).body, organization);
    const put = (requireAdminMFA: unknown): ReturnType<typeof ask> =>
      ask("PUT", url, { body: { settings: { requireAdminMFA } } });
    t.match(await put(true), { status: 200, body: { settings: { requireAdminMFA: true } } });
    t.match(await put(false), { status: 422, body: { message: /always true/ } });
    t.match((await door.events()).at(-1), {
      event_type: "organization_update",
      success: false,
      changes: [{ field: "settings.requireAdminMFA", from: true, to: false }],
    });
    t.equal((await put("false")).status, 400);
    const off = { settings: { features: { directoryInsights: { enabled: false } } } };
    t.equal((await ask("PUT", url, { body: off })).status, 422, "H60: nor can the audit");
    t.equal(
      (await ask("GET", `/api/organizations/${"f".repeat(24)}`)).status,
      404,
      "A01: another's id",
    );
  },
);

t.test("A12: a RADIUS client says where it is changed, and no secret", async (t) => {
  const door = await openApi(t);
  const { ask } = await door.loginAs("read_only");
  const { body } = await ask("GET", "/api/radiusservers");
  t.same(body.results, [
    {
      id: "vpn",
      name: "vpn",
      networkSourceIp: "192.0.2.0/24",
      addresses: ["192.0.2.0/24"],
      mfa: "required",
      code: "auto",
      directory: null,
      managed_by: "file",
    },
  ]);
});
