// Every route for every caller there can be: made from the list of routes itself, and compared with a
// table that is written down, so that a change of either is seen.

import t from "tap";

import { PERMISSIONS, permissionsOf, ROLES, type Role } from "../../../../src/core/permissions.ts";
import { ROUTES } from "../../../../src/doors/admin/api/table.ts";
import { openApi, ORIGIN } from "../../../support/api.ts";

const NOT_THERE = { systemusers: "0".repeat(23) + "9", organizations: "f".repeat(24) };

const urlOf = (path: string): string =>
  path.replace(/\/(\w+)\/:id/, (_, name: string) => {
    const id = Object.entries(NOT_THERE).find(([known]) => known === name)?.[1] ?? "999";
    return `/${name}/${id}`;
  });

/** A for administrator, M manager, H help_desk, R read_only; * also whoever isn't logged in. */
const TABLE = `
POST /api/setup *
POST /api/setup/confirm *
POST /api/sessions *
GET /api/sessions/current AMHR
DELETE /api/sessions/current AMHR
GET /api/administrators AR
GET /api/administrators/:id AR
POST /api/administrators A
PATCH /api/administrators/:id A
POST /api/administrators/:id/reset A
POST /api/administrators/:id/unlock A
DELETE /api/administrators/:id A
GET /api/keys AR
POST /api/keys A
POST /api/keys/:id/rotate A
DELETE /api/keys/:id A
GET /api/systemusers AMHR
GET /api/systemusers/:id AMHR
PUT /api/systemusers/:id AMH
POST /api/systemusers/:id/resetmfa AMH
POST /api/systemusers/:id/unlock AMH
POST /api/systemusers/:id/lock AM
POST /api/systemusers/:id/bypass AM
DELETE /api/systemusers/:id/bypass AM
POST /insights/directory/v1/events AMR
GET /api/organizations AR
GET /api/organizations/:id AR
PUT /api/organizations/:id A
GET /api/radiusservers AR
`;

const LETTERS: Readonly<Record<Role, string>> = {
  administrator: "A",
  manager: "M",
  help_desk: "H",
  read_only: "R",
};

t.test("every route says who may call it", async (t) => {
  for (const { method, path, access } of ROUTES) {
    const isKnown = ["anyone", "signed-in", ...PERMISSIONS].includes(access);
    t.ok(isKnown, `${method} ${path}`);
  }
  const open = ROUTES.filter(({ access }) => access === "anyone").map(({ path }) => path);
  t.same(open, ["/api/setup", "/api/setup/confirm", "/api/sessions"]);
});

t.test("A01, WEB-08, H07-H09: every route for every role is as the table says", async (t) => {
  const found: string[] = [];
  for (const { method, path, access } of ROUTES) {
    const may = (role: Role): boolean => {
      if (access === "anyone" || access === "signed-in") return true;
      return permissionsOf(role).has(access);
    };
    const letters = ROLES.filter(may)
      .map((role) => LETTERS[role])
      .join("");
    found.push(`${method} ${path} ${access === "anyone" ? "*" : letters}`);
  }
  t.equal(found.join("\n"), TABLE.trim());

  const rows = TABLE.trim()
    .split("\n")
    .map((row) => row.split(" "));
  for (const role of ROLES) {
    const door = await openApi(t);
    for (const [index, route] of ROUTES.entries()) {
      const [, , who = ""] = rows[index] ?? [];
      const { ask } = await door.loginAs(role);
      const body = route.takesBody ? { body: {} } : {};
      const { status } = await ask(route.method, urlOf(route.path), body);
      const title = `${role} ${route.method} ${route.path}: ${status}`;
      const isAllowed = who === "*" || who.includes(LETTERS[role]);
      t.equal(status !== 401 && status !== 403, isAllowed, title);
      t.ok(status < 500, title);
    }
    t.same(door.faults, []);
  }
});

t.test(
  "A01, WEB-03, B07: without a session, half a session or a working key there is nothing",
  async (t) => {
    const door = await openApi(t);
    const token = door.api.setUp.open();
    const half = { token, username: "root@example.org", password: "Correct-Horse-7" };
    t.equal((await door.ask("POST", "/api/setup", { body: half })).status, 200);
    const callers: Record<string, Record<string, string>> = {
      nobody: {},
      "half set up": { authorization: `Bearer ${token}`, "x-api-key": token },
      "a made-up cookie": { cookie: `__Host-gatehouse-admin=${"x".repeat(43)}`, origin: ORIGIN },
      "a made-up key": { "x-api-key": `gh_${"A".repeat(43)}` },
      "an empty key": { "x-api-key": "" },
    };
    for (const [name, headers] of Object.entries(callers)) {
      for (const { method, path, access } of ROUTES) {
        if (access === "anyone") continue;
        const answer = await door.ask(method, urlOf(path), { headers });
        t.equal(answer.status, 401, `${name} ${method} ${path}`);
        t.match(answer.body, { message: String, request_id: /^[0-9a-f-]{36}$/ });
      }
    }
  },
);

t.test("A17: a key may do what its scopes say, and no more", async (t) => {
  const door = await openApi(t);
  for (const permission of PERMISSIONS) {
    const { ask: asAdministrator } = await door.loginAs("administrator");
    const body = { label: permission, scopes: [permission] };
    const { status, body: made } = await asAdministrator("POST", "/api/keys", { body });
    t.equal(status, 201, permission);
    const ask = door.withKey(made.key);
    for (const route of ROUTES) {
      if (route.access === "anyone" || route.access === "signed-in") continue;
      const sent = route.takesBody ? { body: {} } : {};
      const answer = await ask(route.method, urlOf(route.path), sent);
      const isAllowed = route.access === permission && !route.isFresh;
      const title = `${permission} ${route.method} ${route.path}: ${answer.status}`;
      t.equal(answer.status !== 401 && answer.status !== 403, isAllowed, title);
    }
    await asAdministrator("DELETE", `/api/keys/${made.id}`, { body: {} });
    door.clock.advance(60_000);
  }
});

t.test("WEB-10, A15: who else may administer needs a login of the last minutes", async (t) => {
  const door = await openApi(t);
  const { ask } = await door.loginAs("administrator");
  door.clock.advance(10 * 60_000);
  for (const { method, path, isFresh, access } of ROUTES) {
    if (!isFresh) continue;
    t.equal(access === "admins:write" || access === "keys:write", true);
    const answer = await ask(method, urlOf(path), { body: {} });
    t.match(answer, { status: 403, body: { message: /log in again/ } }, `${method} ${path}`);
  }
  t.equal(ROUTES.filter(({ isFresh }) => isFresh).length, 5);
});

t.test("A09: other methods, other paths and encoded slashes lead nowhere", async (t) => {
  const door = await openApi(t);
  const { ask } = await door.loginAs("administrator");
  for (const path of [
    "/api",
    "/api/",
    "/api/nothing",
    "/api/systemusers/..%2fkeys",
    "/api//keys",
  ]) {
    t.match((await ask("GET", path)).status, /^40[04]$/, path);
  }
  const override = { headers: { "x-http-method-override": "DELETE" } };
  t.equal((await ask("GET", "/api/sessions/current", override)).status, 200);
  t.equal(
    (await ask("GET", "/api/sessions/current")).status,
    200,
    "and the session is still there",
  );
});
