// What `gatehouse check --connect` goes through: everything the gateway will need, as it is now.

import { examineDirectory } from "../backends/directory/examine.ts";
import { examineStore } from "../backends/store/examine.ts";
import type { Config, DirectoryConfig } from "../config/config.ts";
import type { Finding, Tell } from "../core/finding.ts";
import { examineListen } from "../doors/radius/examine.ts";
import { daysLeft, endsSoon } from "../lib/certificate.ts";
import type { Clock } from "../lib/clock.ts";
import { addressText, type ListenAddress } from "../lib/listen.ts";
import { canonicalRdns, isWithin } from "../wire/ldap/dn.ts";
import { examineTcp } from "./examine-tcp.ts";
import { configuredCertificates, type ConfiguredCertificate } from "./certificates.ts";

/** Never rejects. `isRunning`: a gateway has the addresses already. */
export async function examine(
  config: Config,
  isRunning: boolean,
  clock: Clock,
  tell: Tell,
): Promise<void> {
  for (const directory of config.directories) {
    await examineDirectory({ ...directory, clock }, groupsOf(config, directory), tell);
  }
  for (const listen of config.radius.listen) {
    tell(isRunning ? taken("listen", listen) : await examineListen(listen));
  }
  for (const { listen } of config.ldap.listeners) {
    tell(
      isRunning
        ? taken("listen", listen)
        : await examineTcp("ldap.listeners[].listen", "listen", listen),
    );
  }
  if (config.admin !== undefined) {
    const { listen } = config.admin;
    tell(isRunning ? taken("admin", listen) : await examineTcp("admin.listen", "admin", listen));
  }
  if (config.mail !== undefined) {
    const { examineMail } = await import("../backends/mail/examine.ts");
    tell(await examineMail(config.mail));
  }
  for (const finding of certificateFindings(config, clock.now())) tell(finding);
  tell(examineStore(config.store.sqlite, config.masterKey));
  const said = `it is ${new Date(clock.now()).toISOString()} here: as on your phone?`;
  tell({ state: "right", subject: "clock", said });
}

/** The groups that doors ask this directory about; without one by name, those below its base. */
function groupsOf({ radius, ldap }: Config, { name, base }: DirectoryConfig): string[] {
  const baseRdns = canonicalRdns(base);
  const named = ldap.listeners.map((listener) => ({ ...listener, reply: [] }));
  const groups = [...radius.clients, ...named].flatMap(({ directory, allowGroups, reply }) => {
    if (directory !== undefined && directory !== name) return [];
    const all = [...allowGroups, ...reply.map(({ group }) => group)];
    return directory === name ? all : all.filter((dn) => isWithin(canonicalRdns(dn), baseRdns));
  });
  return [...new Set(groups)];
}

function taken(what: string, listen: ListenAddress): Finding {
  const subject = `${what} ${addressText(listen)}`;
  return { state: "right", subject, said: "the running gateway has it" };
}

// One line a file: whichever of its certificates ends first. A bundle may hold a hundred.
function* certificateFindings(config: Config, nowMs: number): Iterable<Finding> {
  const files = Map.groupBy(configuredCertificates(config), ({ use, name }) => `${use} ${name}`);
  for (const [file, certificates] of files) {
    const [first] = certificates.toSorted((one, other) => one.endsAt - other.endsAt);
    if (first !== undefined) yield certificateFinding(file.trim(), first, nowMs);
  }
}

const REMEDIES: Readonly<Record<ConfiguredCertificate["use"], string>> = {
  admin: "renew it: the gateway doesn't start with one that has ended",
  ldap: "renew it: the gateway doesn't start with one that has ended",
  "ldap-client-ca": "put what the authority signs with now into ldap.listeners[].client_ca",
  "directory-ca": "put what the authority signs with now into directories[].ca",
};

function certificateFinding(
  file: string,
  certificate: ConfiguredCertificate,
  nowMs: number,
): Finding {
  const subject = `certificate ${file}`;
  const days = daysLeft(certificate, nowMs);
  const when = days < 0 ? `ended ${-days} days ago` : `ends in ${days} days`;
  const said = `${certificate.subject} ${when}`;
  if (!endsSoon(certificate, nowMs)) return { state: "right", subject, said };
  return { state: "doubtful", subject, said, remedy: REMEDIES[certificate.use] };
}
