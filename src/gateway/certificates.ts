// The certificates that the configuration names, and when they end.

import type { Config } from "../config/config.ts";
import { auditText } from "../core/audit.ts";
import { type Certificate, readChain } from "../lib/certificate.ts";

export interface ConfiguredCertificate extends Certificate {
  readonly use: "admin" | "ldap" | "ldap-client-ca" | "directory-ca";
  /** Of the listener or directory; "" for what there is one of. */
  readonly name: string;
}

export function configuredCertificates(config: Config): ConfiguredCertificate[] {
  const { admin, directories, ldap } = config;
  const of = (
    use: ConfiguredCertificate["use"],
    name: string,
    pem: string | undefined,
  ): ConfiguredCertificate[] =>
    readChain(pem ?? "").map((certificate) => ({
      ...certificate,
      subject: auditText(certificate.subject),
      use,
      name,
    }));
  return [
    ...of("admin", "", admin?.tls?.certificate),
    ...ldap.listeners.flatMap(({ name, tls }) => of("ldap", name, tls?.certificate)),
    ...ldap.listeners.flatMap(({ name, tls }) => of("ldap-client-ca", name, tls?.clientCa)),
    ...directories.flatMap(({ name, ca }) => of("directory-ca", name, ca)),
  ];
}
