// The API without sockets: the real store, three people in a directory, and callers of every role.

import { createServer } from "node:http";
import type { Test } from "tap";

import { createAdminLogin } from "../../src/core/admin-login.ts";
import type { Role } from "../../src/core/permissions.ts";
import type { ApiContext } from "../../src/doors/admin/api/context.ts";
import { createQueries } from "../../src/doors/admin/api/events.ts";
import { createSessions } from "../../src/doors/admin/api/sessions.ts";
import { createSetUp } from "../../src/doors/admin/api/set-up.ts";
import { apiSite } from "../../src/doors/admin/api/site.ts";
import { createExposition } from "../../src/doors/admin/exposition.ts";
import { listNetworks } from "../../src/doors/admin/metrics.ts";
import { createRoutes } from "../../src/doors/admin/routes.ts";
import { ADMIN_PASSWORD, addAdministrator, adminCode } from "./administrators.ts";
import { testContext, type TestContext } from "./control.ts";

export const ORIGIN = "https://mfa.example.org";

/** JSON that a test looks into. */
export type Parsed = ReturnType<typeof JSON.parse>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Undefined where the answer isn't JSON. */
  readonly body: Parsed;
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string as it is. */
  readonly body?: unknown;
  readonly remoteAddress?: string;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Ask = (method: Method, path: string, sent?: Sent) => Promise<ApiAnswer>;

interface Client {
  readonly ask: Ask;
  readonly cookie: string;
  readonly csrfToken: string;
}

export interface ApiDoor extends TestContext {
  readonly api: ApiContext;
  /** As nobody. */
  readonly ask: Ask;
  /** Makes the administrator if need be, and logs in. */
  loginAs(role: Role, username?: string): Promise<Client>;
  /** With that key and nothing else. */
  withKey(key: string): Ask;
  readonly faults: unknown[];
}

export async function openApi(t: Test): Promise<ApiDoor> {
  const context = await testContext(t);
  const { administration: store, administrators, passwords, clock } = context;
  const faults: unknown[] = [];
  const window = () => ({ pastSteps: 1, futureSteps: 1 });
  const api: ApiContext = {
    administration: store,
    administrators,
    roster: store.roster,
    directories: () => context.directories,
    clients: () => [
      {
        name: "vpn",
        addresses: ["192.0.2.0/24"],
        mfa: "required",
        code: "auto",
        directory: undefined,
      },
    ],
    record: (event) => store.record(event),
    login: createAdminLogin({
      administrators,
      record: (event) => store.record(event),
      passwords,
      window,
      clock,
    }),
    passwords,
    sessions: createSessions(clock),
    setUp: createSetUp(administrators, window, clock),
    queries: createQueries(clock),
    issuer: () => "Example",
    periodMs: () => 7 * 86_400_000,
    bypassKey: context.bypassKey,
    origin: ORIGIN,
    clock,
    onFault: (error) => faults.push(error),
  };
  const app = createRoutes(
    {
      exposition: createExposition([]),
      sites: [apiSite(api)],
      missing: () => [],
      mayRead: () => listNetworks([]),
      onRefused: () => undefined,
      onFault: (error) => faults.push(error),
      onBadConnection: () => undefined,
    },
    (handler) => createServer(handler),
  );
  await app.ready();
  t.teardown(() => app.close());

  const ask: Ask = async (method, path, { headers = {}, body, remoteAddress } = {}) => {
    const answer = await app.inject({
      method,
      url: path,
      ...(remoteAddress === undefined ? {} : { remoteAddress }),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { payload: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const isJson = String(answer.headers["content-type"]).startsWith("application/json");
    const parsed = isJson ? JSON.parse(answer.body) : undefined;
    return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: parsed };
  };

  const withHeaders =
    (always: Readonly<Record<string, string>>): Ask =>
    (method, path, { headers = {}, ...sent } = {}) =>
      ask(method, path, { ...sent, headers: { ...always, ...headers } });

  async function loginAs(role: Role, username = `${role}@example.org`): Promise<Client> {
    const known = await administrators.findAdministratorByName(username);
    if (known === undefined) await addAdministrator({ administrators }, clock, username, role);
    // A code is used once.
    else clock.advance(30_000);
    const body = { username, password: ADMIN_PASSWORD, code: adminCode(clock) };
    const answer = await ask("POST", "/api/sessions", { body });
    if (answer.status !== 201) throw new Error(answer.text);
    const [cookie = ""] = String(answer.headers["set-cookie"]).split(";");
    const csrfToken = String(answer.body.csrf_token);
    const headers = { cookie, origin: ORIGIN, "x-csrf-token": csrfToken };
    return { ask: withHeaders(headers), cookie, csrfToken };
  }

  return Object.assign(context, {
    api,
    ask,
    loginAs,
    withKey: (key: string) => withHeaders({ "x-api-key": key }),
    faults,
  });
}
