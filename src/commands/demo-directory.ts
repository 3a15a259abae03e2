// The demo's sample directory: a handful of people behind ldapjs, on loopback only. It stands where an
// organisation's own directory would; nothing of it runs in production.

import { Failure } from "./failure.ts";

export const DEMO_BASE = "dc=example,dc=org";
export const DEMO_BIND_DN = `cn=gatehouse,ou=services,${DEMO_BASE}`;
export const DEMO_BIND_PASSWORD = "demo-service";

export interface DemoPerson {
  readonly name: string;
  readonly password: string;
  readonly groups: readonly string[];
  /** Is to set up a token in the portal. */
  readonly enrols?: true;
}

export const DEMO_PEOPLE: readonly DemoPerson[] = [
  { name: "alice", password: "alice-password", groups: ["vpn", "staff"] },
  { name: "bob", password: "bob-password", groups: ["vpn"] },
  { name: "carol", password: "carol-password", groups: ["vpn"] },
  { name: "dave", password: "dave-password", groups: ["staff"] },
  { name: "erin", password: "erin-password", groups: ["vpn"], enrols: true },
];

export interface DemoDirectory {
  readonly url: string;
  close(): void;
}

// What the demo uses of ldapjs, whose own types leave handlers untyped.
type Next = (error?: Error) => void;

interface Ldapjs {
  createServer(): {
    readonly port: number;
    bind(base: string, handler: Handler<BindRequest>): void;
    search(base: string, handler: Handler<SearchRequest>): void;
    listen(port: number, host: string, callback: () => void): void;
    close(callback: () => void): void;
  };
  readonly InvalidCredentialsError: new () => Error;
  readonly PasswordPolicyControl: object;
}

type Handler<Request> = (request: Request, response: Response, next: Next) => void;

interface BindRequest {
  readonly dn: { toString(): string };
  readonly credentials: string;
}

interface SearchRequest {
  readonly dn: { toString(): string };
  readonly scope: string | number;
  readonly filter: { matches(attributes: Entry["attributes"]): boolean };
}

interface Response {
  attributes: readonly string[];
  send(entry: Entry): void;
  end(): void;
}

interface Entry {
  readonly dn: string;
  readonly attributes: Readonly<Record<string, string | string[]>>;
}

export async function startDemoDirectory(): Promise<DemoDirectory> {
  const { createServer, InvalidCredentialsError } = await loadLdapjs();
  const server = createServer();
  const passwords = new Map([[DEMO_BIND_DN, DEMO_BIND_PASSWORD]]);
  for (const { name, password } of DEMO_PEOPLE) passwords.set(demoPersonDn(name), password);

  server.bind(DEMO_BASE, (request, response, next) => {
    const expected = passwords.get(spell(request.dn.toString()));
    if (expected === undefined || expected !== request.credentials) {
      next(new InvalidCredentialsError());
      return;
    }
    response.end();
    next();
  });
  server.search(DEMO_BASE, (request, response, next) => {
    // ldapjs looks for the attributes asked for under lower-case names, and would leave entryUUID
    // out: asked for none in particular, it sends them all.
    response.attributes = [];
    for (const entry of entries()) {
      if (isInScope(request, entry) && request.filter.matches(entry.attributes)) {
        response.send(entry);
      }
    }
    response.end();
    next();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `ldap://127.0.0.1:${server.port}`, close: () => server.close(() => undefined) };
}

async function loadLdapjs(): Promise<Ldapjs> {
  try {
    const loaded: { readonly default: unknown } = await import("ldapjs");
    const ldapjs = loaded.default as Ldapjs;
    // ldapjs 3.0.7 can't read a password-policy request as the draft has it, without a value; taken
    // for a control it doesn't know, it is passed over.
    Reflect.set(ldapjs.PasswordPolicyControl, "OID", "not recognised");
    return ldapjs;
  } catch (error) {
    const next = "clone the project and run: npm ci && npx gatehouse demo";
    throw new Failure(1, `the demo's sample directory isn't installed: ${String(error)}`, next);
  }
}

function* entries(): Generator<Entry> {
  for (const [index, { name }] of DEMO_PEOPLE.entries()) {
    yield {
      dn: demoPersonDn(name),
      attributes: {
        objectClass: ["person", "inetOrgPerson"],
        uid: name,
        cn: name,
        entryUUID: `00000000-0000-4000-8000-00000000000${index}`,
      },
    };
  }
  for (const group of new Set(DEMO_PEOPLE.flatMap((person) => person.groups))) {
    const members = DEMO_PEOPLE.filter((person) => person.groups.includes(group));
    yield {
      dn: `cn=${group},ou=groups,${DEMO_BASE}`,
      attributes: {
        objectClass: "groupOfNames",
        cn: group,
        member: members.map((person) => demoPersonDn(person.name)),
      },
    };
  }
}

export function demoPersonDn(name: string): string {
  return `uid=${name},ou=people,${DEMO_BASE}`;
}

function isInScope({ dn, scope }: SearchRequest, entry: Entry): boolean {
  const base = spell(dn.toString());
  const isBaseOnly = scope === "base" || scope === 0;
  return isBaseOnly ? entry.dn === base : entry.dn.endsWith(`,${base}`);
}

// ldapjs writes DNs with spaces after the commas.
function spell(dn: string): string {
  return dn.replaceAll(/,\s+/g, ",");
}
