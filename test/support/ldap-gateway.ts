// A gateway with LDAP listeners in front of slapd, and the ways in which tests come there.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";

import { codeFor, startGateway, type TestGateway } from "./gateway.ts";
import { LdapClient } from "./ldap-client.ts";
import { bindRequest } from "./ldap-requests.ts";
import { ldapTool, type Ran } from "./ldap-tools.ts";
import { operatorOf } from "./operator.ts";
import {
  BASE,
  SERVICE_DN,
  SERVICE_PASSWORD,
  startSlapd,
  type Slapd,
  type SlapdOptions,
} from "./slapd.ts";

/** The application's own account: "app-password". */
export const APP_DN = `cn=app,ou=services,${BASE}`;

export const dnOf = (uid: string): string => `uid=${uid},ou=people,${BASE}`;

export interface LdapGateway extends ReturnType<typeof operatorOf> {
  readonly slapd: Slapd;
  readonly gateway: TestGateway;
  readonly caFile: string;
  readonly ca: string;
  /** `ldaps://…` or `ldap://…` of a listener. */
  url(scheme: "ldaps" | "ldap", listener: string): string;
  whoami(url: string, dn: string, field: string, ...more: string[]): Promise<Ran>;
  /** A client of octets at that listener; TLS unless its name begins with "plain". */
  open(listener: string): Promise<LdapClient>;
  /** One on which that person is bound, with a new token. The Bind has the id 1. */
  bound(uid: string, listener: string): Promise<LdapClient>;
}

export async function startLdapGateway(
  t: Test,
  listeners: Readonly<Record<string, readonly string[]>>,
  more: SlapdOptions = {},
): Promise<LdapGateway> {
  const options = { log: true, users: 40, serviceAccount: "app", selfWrite: true, ...more };
  const slapd = await startSlapd(options);
  const gateway = await startGateway({
    directory: [
      `urls: ["${slapd.url}"]`,
      "allow_cleartext: true",
      `bind_dn: ${SERVICE_DN}`,
      `bind_password: { value: ${SERVICE_PASSWORD} }`,
      `base: ${BASE}`,
      "domains: [example.org, EXAMPLE]",
      "timeout: 2s",
    ],
    listeners,
  });
  t.teardown(async () => {
    await gateway.end();
    await slapd.stop();
  });
  const operator = operatorOf(gateway);
  const caFile = join(gateway.folder, "ca.pem");
  const ca = readFileSync(caFile, "utf8");
  const open = (listener: string): Promise<LdapClient> =>
    LdapClient.open(gateway.ldapPort(listener), listener.startsWith("plain") ? {} : { ca });
  return {
    ...operator,
    slapd,
    gateway,
    caFile,
    ca,
    url: (scheme, listener) => `${scheme}://127.0.0.1:${gateway.ldapPort(listener)}`,
    whoami: (url, dn, field, ...more) =>
      ldapTool("ldapwhoami", ["-H", url, "-x", "-D", dn, "-w", field, ...more], { caFile }),
    open,
    async bound(uid, listener) {
      const client = await open(listener);
      const field = `pw-${uid},${codeFor(operator.enroll(uid))}`;
      const { resultCode } = await client.ask(bindRequest(1, dnOf(uid), field));
      if (resultCode !== 0) throw new Error(`${uid} can't bind: ${resultCode}`);
      return client;
    },
  };
}
