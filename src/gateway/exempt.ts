// Who is a service account anywhere: the DNs that LDAP listeners ask for no code, by directory.

import type { Config } from "../config/config.ts";
import type { Identity } from "../core/ports.ts";
import { canonicalDn } from "../wire/ldap/dn.ts";

/** An account is recognised by the entry it leads to, as the listeners do. */
export function exemptIn({ ldap }: Config): (identity: Identity) => boolean {
  const key = (directory: string, dn: string): string => `${directory}\0${canonicalDn(dn)}`;
  const exempt = new Set(
    ldap.listeners.flatMap(({ directory, exempt: accounts }) =>
      accounts.map(({ dn }) => key(directory, dn)),
    ),
  );
  return ({ directory, dn }) => exempt.size > 0 && exempt.has(key(directory, dn));
}
