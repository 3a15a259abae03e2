// The certificates that the configuration names, and when they end.

import type { Config } from "../config/config.ts";
import { auditText } from "../core/audit.ts";
import { type Certificate, readChain } from "../lib/certificate.ts";

export interface ConfiguredCertificate extends Certificate {
  readonly use: "admin" | "directory-ca";
  /** Of the directory; "" for what there is one of. */
  readonly name: string;
}

export function configuredCertificates(config: Config): ConfiguredCertificate[] {
  const { admin, directories } = config;
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
    ...directories.flatMap(({ name, ca }) => of("directory-ca", name, ca)),
  ];
}
