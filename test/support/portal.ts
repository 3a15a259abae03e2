// The portal with everything behind it but network and directory: the real store and core, a clock that
// is moved by hand, and browsers that keep their cookie and send the forms they were shown.

import { createServer } from "node:http";

import type { FastifyInstance } from "fastify";
import type { Test } from "tap";

import { createAuthenticator } from "../../src/core/authenticate.ts";
import type { AuditEvent } from "../../src/core/audit.ts";
import {
  type BindResult,
  DependencyDown,
  type Directory,
  type Identity,
} from "../../src/core/ports.ts";
import { generateCode, stepAt } from "../../src/core/totp.ts";
import { createPortal, type Portal } from "../../src/doors/admin/portal/portal.ts";
import type { PortalOptions } from "../../src/doors/admin/portal/context.ts";
import { createRoutes } from "../../src/doors/admin/routes.ts";
import { decodeBase32 } from "../../src/lib/base32.ts";
import { Secret } from "../../src/lib/secret.ts";
import { memoryLog } from "./radius-door.ts";
import { event, MASTER_KEY, newToken, person, testStore, type TestStore } from "./store.ts";

export const PUBLIC_URL = "https://mfa.example.org";
const DAY_MS = 86_400_000;

export interface Page {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
  /** Where it sends the browser; "" for a page. */
  readonly location: string;
}

/** Fields of a form, or a body as it is. */
type Sent = Readonly<Record<string, string>> | string;

export interface Browser {
  readonly address: string;
  /** What the cookie says; undefined: there is none. */
  cookie: string | undefined;
  get(path: string): Promise<Page>;
  /** As a page of ours sends it: with the token that was last seen. */
  post(path: string, fields?: Readonly<Record<string, string>>): Promise<Page>;
  /** As anything may send it. */
  send(path: string, body: Sent, headers?: Readonly<Record<string, string>>): Promise<Page>;
  /** The page to sign in, then its form; the password of everybody is "right". */
  signIn(username: string, code?: string, password?: string): Promise<Page>;
  /** Of the form that was last seen. */
  token: string;
}

export interface PortalKit extends Pick<TestStore, "store" | "clock"> {
  readonly app: FastifyInstance;
  readonly portal: Portal;
  readonly log: ReturnType<typeof memoryLog>;
  /** What the next binds come to; an error is thrown. */
  bind: BindResult | Error | "compare";
  /** Called when the directory is asked for a password, and waited for. */
  onBind: () => void | Promise<void>;
  readonly alice: Identity;
  /** Who is in the directory. */
  readonly people: Map<string, Identity>;
  /** What a lookup comes to while it is down. */
  lookup: Error | undefined;
  /** How long refusals were held back, ms. */
  readonly pauses: number[];
  browser(address?: string): Browser;
  /** Gives somebody the token that `code` speaks of. */
  enroll(who: Identity): Promise<void>;
  code(offset?: number): string;
  /** Days until a factor has to be there. */
  require(who: Identity, days: number): Promise<void>;
  events(type: AuditEvent["event_type"]): Promise<readonly AuditEvent[]>;
}

export async function openPortal(
  t: Test,
  changes: Partial<PortalOptions> = {},
): Promise<PortalKit> {
  const test = await testStore();
  const { store, clock } = test;
  const log = memoryLog();
  const people = new Map(["alice", "bob"].map((name) => [name, person(name)]));
  const pauses: number[] = [];
  const directory: Directory = {
    name: "corp",
    async find(name) {
      if (kit.lookup !== undefined) throw kit.lookup;
      const found = [...people.values()].find((one) => one.username === name || one.dn === name);
      return found === undefined ? { kind: "not-found" } : { kind: "found", identity: found };
    },
    async bind(_, password) {
      await kit.onBind();
      if (kit.bind instanceof Error) throw kit.bind;
      if (kit.bind !== "compare") return kit.bind;
      return { kind: password.equals(Secret.of("right")) ? "right" : "wrong" };
    },
    memberOf: async () => new Set(),
  };
  const authenticator = createAuthenticator({
    attempts: store,
    clock,
    log,
    masterKey: MASTER_KEY,
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    failedFieldMs: 30 * 60_000,
  });
  const portal = createPortal({
    publicUrl: PUBLIC_URL,
    isProxied: false,
    masterKey: MASTER_KEY,
    authenticator,
    administration: store,
    attempts: store,
    directory: (name) => (name === undefined || name === "corp" ? directory : undefined),
    issuer: () => "Tests",
    window: () => ({ pastSteps: 1, futureSteps: 1 }),
    allowFrom: () => [{ family: 4, prefix: 0, text: "0.0.0.0/0" }],
    clock,
    log,
    pause: async (ms) => pauses.push(ms),
    ...changes,
  });
  const app = createRoutes(
    {
      sites: [portal.site],
      exposition: { contentType: "text/plain", text: async () => "" },
      mayRead: () => {
        throw new Error("nobody reads metrics here");
      },
      onRefused: () => undefined,
      missing: () => [],
      onFault: (error) => log.error({ err: error }, "fault"),
      onBadConnection: () => undefined,
    },
    (handler) => createServer(handler),
  );
  t.teardown(async () => {
    portal.close();
    await app.close();
    await test.end();
  });
  const kit: PortalKit = {
    app,
    portal,
    store,
    clock,
    log,
    bind: "compare",
    onBind: () => undefined,
    alice: person("alice"),
    people,
    lookup: undefined,
    pauses,
    browser: (address = "192.0.2.1") => openBrowser(app, address),
    async enroll(who) {
      await store.enroll(who, newToken, { replace: true }, event());
    },
    code: (offset = 0) => codeOf(newToken.secret, clock.now(), offset),
    async require(who, days) {
      const until = clock.now() + days * DAY_MS;
      const demand = { kind: "require", until, of: "person", replaces: "same" } as const;
      await store.changeRequirement(who, demand, event());
    },
    async events(eventType) {
      // Of sessions that end nobody waits: what comes after such an event is kept after it.
      await store.record(event({ event_type: "radius_probe" }));
      return store.events({ eventType, limit: 1_000 });
    },
  };
  return kit;
}

/** Somebody with a token, alice, who is signed in. */
export async function signedIn(t: Test): Promise<{ kit: PortalKit; browser: Browser }> {
  const kit = await openPortal(t);
  await kit.enroll(kit.alice);
  const browser = kit.browser();
  const { location } = await browser.signIn("alice", kit.code());
  if (location !== "/account") throw new Error("alice isn't signed in");
  return { kit, browser };
}

/** Sent to the page to sign in. */
export const isOut = (page: Page): boolean => page.location === "/sign-in";

export const DOWN = new DependencyDown("directory:corp", "gone");

export function codeOf(secret: Secret, nowMs: number, offset = 0): string {
  return generateCode({ algorithm: "sha1", digits: 6 }, secret, stepAt(nowMs, 30) + offset);
}

/** The key that the page shows in groups of four. */
export function keyOn({ body }: Page): Secret {
  const groups = /<code id="key"[^>]*>([A-Z2-7 ]+)<\/code>/.exec(body)?.[1];
  const bytes = decodeBase32(groups?.replaceAll(" ", "") ?? "");
  if (groups === undefined || bytes === undefined) throw new Error(`no key on it: ${body}`);
  return Secret.of(bytes);
}

/** What stands on the page for people, without tags and runs of spaces. */
export function textOn({ body }: Page): string {
  const main = /<main[^]*<\/main>/.exec(body)?.[0] ?? body;
  return main
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, " ")
    .trim();
}

export interface Wizard {
  readonly kit: PortalKit;
  readonly browser: Browser;
}

/** Alice, without a token, signed in. */
export async function beginWizard(t: Test): Promise<Wizard> {
  const kit = await openPortal(t);
  const browser = kit.browser();
  await browser.signIn("alice");
  await browser.get("/enrol");
  return { kit, browser };
}

/** The first two steps: the secret that is shown. */
export async function scan({ browser }: Pick<Wizard, "browser">): Promise<Secret> {
  await browser.get("/enrol");
  await browser.post("/enrol");
  const secret = keyOn(await browser.get("/enrol/scan"));
  await browser.get("/enrol/code");
  return secret;
}

export async function enrol(wizard: Wizard): Promise<{ secret: Secret; page: Page }> {
  const secret = await scan(wizard);
  const code = codeOf(secret, wizard.kit.clock.now());
  return { secret, page: await wizard.browser.post("/enrol/code", { code }) };
}

/** Recovery codes. */
export const codesOn = ({ body }: Page): string[] =>
  [...body.matchAll(/<li>([a-z2-7]{5}(?:-[a-z2-7]{5}){4})<\/li>/g)].map(([, code = ""]) => code);

function openBrowser(app: FastifyInstance, address: string): Browser {
  async function go(
    method: "GET" | "POST",
    url: string,
    headers: Readonly<Record<string, string>>,
    payload?: string,
  ): Promise<Page> {
    const cookie =
      browser.cookie === undefined ? {} : { cookie: `__Host-gatehouse=${browser.cookie}` };
    const response = await app.inject({
      method,
      url,
      remoteAddress: address,
      headers: { ...cookie, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });
    const set = [response.headers["set-cookie"] ?? []].flat().at(-1);
    const value = set === undefined ? undefined : /^__Host-gatehouse=([^;]*)/.exec(set)?.[1];
    if (value !== undefined) browser.cookie = value === "" ? undefined : value;
    browser.token = /name="token" value="([^"]+)"/.exec(response.body)?.[1] ?? browser.token;
    const { statusCode: status, body } = response;
    return { status, body, headers: response.headers, location: response.headers.location ?? "" };
  }

  const browser: Browser = {
    address,
    cookie: undefined,
    token: "",
    get: (path) => go("GET", path, {}),
    post: (path, fields = {}) =>
      browser.send(path, { token: browser.token, ...fields }, { origin: PUBLIC_URL }),
    send(path, body, headers = { origin: PUBLIC_URL }) {
      const text = typeof body === "string" ? body : new URLSearchParams(body).toString();
      const type = { "content-type": "application/x-www-form-urlencoded" };
      return go("POST", path, { ...type, ...headers }, text);
    },
    async signIn(username, code = "", password = "right") {
      await browser.get("/sign-in");
      return browser.post("/sign-in", { username, password, code });
    },
  };
  return browser;
}
