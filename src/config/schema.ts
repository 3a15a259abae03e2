// Every key of the configuration file: its name, kind, default and description. The editors' JSON
// Schema and the check that documentation is complete are made from this.
// Invariant: unknown keys are refused, and a default is never the laxer choice.

import { z } from "zod";

import { REPLY_GROUPS_MAX } from "../core/challenge.ts";
import { CODE_MODES, MFA_MODES } from "../core/verdict.ts";
import { addressText } from "../lib/listen.ts";
import { OPERATION_NAMES } from "../wire/ldap/operation.ts";
import { parseListenAddress, parseNetwork } from "./address.ts";
import {
  ADMIN_TLS,
  DURABILITIES,
  END_USERS,
  HELP,
  LISTENER_TLS,
  LOG_LEVELS,
  REFERRALS,
} from "./config.ts";
import {
  checkDn,
  checkPublicUrl,
  checkSeparator,
  checkUserDn,
  checkUserFilter,
  parseUrl,
} from "./check.ts";
import { checked, duration, name, parsed, path, secret, text, wholeNumber } from "./leaf.ts";
import { mailSchema } from "./mail-schema.ts";

/** Keys of coming versions: refused by name, so that nobody believes them to be at work. */
export const LATER_KEYS: ReadonlySet<string> = new Set([
  "eap",
  "radsec",
  "radius.accounting",
  "store.postgres",
]);

export const NOT_BUILT_YET = "not built yet in this version";

const attributeName = text.regex(
  /^[A-Za-z][A-Za-z0-9-]{0,63}$/,
  "must be the name of an attribute",
);

export const STORE_FILE = "data/gatehouse.db";

const store = z.strictObject({
  sqlite: path.default(STORE_FILE).describe("Database file"),
  durability: z
    .enum(DURABILITIES)
    .default("full")
    .describe("full: survives a loss of power; normal: survives a killed process"),
  retention: duration({ min: "1d", max: "3650d" })
    .prefault("90d")
    .describe("How long events are kept"),
});

export const directorySchema = z.strictObject({
  name: name.describe("Name of the directory in events and in radius.clients[].directory"),
  urls: z
    .array(parsed(parseUrl))
    .min(1)
    .max(16)
    .describe("Servers, the preferred one first: ldaps://host[:port] or ldap://host[:port]"),
  ca: path.optional().describe("PEM file of the CAs that may sign the servers' certificates"),
  crl: path
    .optional()
    .describe("PEM file of those CAs' revocation lists; none is looked at without"),
  start_tls: z.boolean().default(false).describe("Encrypt ldap:// connections with StartTLS"),
  allow_cleartext: z
    .boolean()
    .default(false)
    .describe("Allow ldap:// without StartTLS: passwords cross the network in clear"),
  bind_dn: checked(checkDn).describe("Service account that looks people up"),
  bind_password: secret.describe("Its password"),
  base: checked(checkDn).describe("Where the search for people begins"),
  user_filter: checked(checkUserFilter)
    .optional()
    .describe("Search filter with {username}; by default username_attribute alone"),
  user_dn: checked(checkUserDn)
    .optional()
    .describe("DN with {username}: read this entry instead of searching"),
  username_attribute: attributeName.default("uid").describe("Attribute that holds the login name"),
  id_attribute: attributeName
    .default("auto")
    .describe("Attribute that never changes (entryUUID, objectGUID, …); auto: found by itself"),
  mail_attribute: attributeName
    .default("mail")
    .describe("Attribute that holds a person's mail address"),
  domains: z
    .array(checked(checkDomain))
    .max(256)
    .default([])
    .describe("UPN suffixes and NetBIOS names that belong to this directory"),
  nested_groups: z.boolean().default(true).describe("Whether groups within groups count"),
  lockout_threshold: wholeNumber(0, 1000)
    .optional()
    .describe(
      "Wrong passwords after which the directory itself locks, unless it says so (else 10); 0: never",
    ),
  timeout: duration({ min: "100ms", max: "30s" })
    .prefault("3s")
    .describe("How long one request to the directory may take"),
  check_interval: duration({ min: "1s", max: "1m" })
    .prefault("5s")
    .describe("How often each server is asked whether it is there"),
});

const allowGroups = z
  .array(checked(checkDn))
  .max(REPLY_GROUPS_MAX)
  .default([])
  .describe("DNs of groups that may log in here; empty: everyone in the directory");

const mfa = z.enum(MFA_MODES).default("required").describe("Who is asked for a code");

const mfaException = z
  .strictObject({
    reason: text.describe("Why no code is asked for"),
    until: z.iso
      .date({ error: 'must be a date such as "2027-06-30"' })
      .describe("Last day of the exception (UTC)"),
  })
  .optional()
  .describe("Named and dated reason for mfa: disabled");

const separator = z
  .string()
  .superRefine((value, context) => {
    const problem = checkSeparator(value);
    if (problem !== undefined) context.addIssue(problem);
  })
  .default(",")
  .describe("Stands between password and code; empty: the code is the last digits");

const NO_VALUE = { error: "must be text or a whole number" };
const attributeValue = z.union([text, z.int()], NO_VALUE);

const replyRule = z.strictObject({
  group: checked(checkDn).describe("DN of the group whose members get it"),
  vlan: attributeValue.optional().describe("VLAN id (1 to 4094) or name"),
  tag: wholeNumber(0, 31).optional().describe("Tag of the VLAN's three attributes; 0: none"),
  attributes: z
    .record(z.string(), z.union([attributeValue, z.array(attributeValue).min(1).max(64)], NO_VALUE))
    .optional()
    .describe("Attributes by name, each with a value or a list of values"),
});

export const clientSchema = z.strictObject({
  name: name.describe("Name of the client in events"),
  addresses: z
    .array(parsed(parseNetwork))
    .min(1)
    .max(1024)
    .describe("Addresses and networks its packets come from; the longest prefix wins"),
  any_address: z
    .boolean()
    .default(false)
    .describe("Allow 0.0.0.0/0 and ::/0; needs require_message_authenticator: true"),
  secret: secret.describe("Shared secret"),
  previous_secret: secret.optional().describe("The old secret, accepted too during a rotation"),
  require_message_authenticator: z
    .union([z.boolean(), z.literal("auto")], { error: "must be true, auto or false" })
    .default(true)
    .describe("Drop requests without Message-Authenticator; auto: once the client has sent one"),
  limit_proxy_state: z
    .boolean()
    .default(true)
    .describe("Drop requests with Proxy-State but no Message-Authenticator"),
  reject_delay: duration({ min: "1s", max: "10s" })
    .prefault("1s")
    .describe("When a refusal leaves, counted from the arrival of the request"),
  directory: name
    .optional()
    .describe("Directory of its people; without it, the one whose domains a name carries"),
  allow_groups: allowGroups,
  probe_users: z
    .array(text)
    .max(64)
    .default([])
    .describe("Names of the client's health checks: refused at once, never counted"),
  mfa,
  mfa_exception: mfaException,
  code: z
    .enum(CODE_MODES)
    .default("auto")
    .describe("Where the code comes from: after the password, in answer to a challenge, or either"),
  separator,
  end_user: attributeName
    .default("Calling-Station-Id")
    .describe("Attribute that tells the person's own address or device; none if there is none"),
  remember_device: z
    .union([z.literal(0), z.literal("0"), z.literal("0s")], {
      error: `${NOT_BUILT_YET}; only 0 (off) is accepted`,
    })
    .default(0)
    .describe("Not built yet: only 0 (off)"),
  reply: z
    .array(replyRule)
    .max(REPLY_GROUPS_MAX)
    .default([])
    .describe("Attributes by group, sent only in an Accept; a later rule wins over an earlier"),
});

const radius = z.strictObject({
  listen: z
    .array(parsed(parseListenAddress))
    .min(1)
    .max(64)
    .refine(
      (list) => new Set(list.map(addressText)).size === list.length,
      "names an address and port twice; keep one",
    )
    .prefault(["0.0.0.0:1812"])
    .describe("Addresses and ports for authentication"),
  clients: z.array(clientSchema).min(1).describe("Who may ask: VPN gateways, switches, …"),
});

export const listenerSchema = z.strictObject({
  name: name.describe("Name of the listener in events"),
  listen: parsed(parseListenAddress).describe("Address and port"),
  tls: z
    .enum(LISTENER_TLS)
    .default("implicit")
    .describe("implicit: TLS from the start; start_tls: on request; none: on loopback only"),
  certificate: path.optional().describe("PEM file of its certificate and the chain below the CA"),
  key: path.optional().describe("PEM file of the certificate's private key"),
  client_ca: path
    .optional()
    .describe("PEM file of CAs: clients must show a certificate that one of them signed"),
  directory: name.optional().describe("Directory behind it; needed when there are several"),
  allow_groups: allowGroups,
  mfa,
  mfa_exception: mfaException,
  code: z
    .literal("append", {
      error: "must be append: nobody can be asked anything in the middle of an LDAP bind",
    })
    .default("append")
    .describe("Where the code comes from: after the password"),
  separator,
  rebind_window: duration({ min: "1s", max: "60s", zero: true })
    .prefault("0s")
    .describe("How long the same bind works twice more with the same code; 0: not at all"),
  proxy_protocol: z
    .array(parsed(parseNetwork))
    .max(256)
    .default([])
    .describe("Addresses of balancers: they must send the PROXY protocol (version 2)"),
  end_user: z
    .enum(END_USERS)
    .default("none")
    .describe("none: applications connect here; address: people's own machines do"),
  operations: z
    .array(z.enum(OPERATION_NAMES))
    .min(1)
    .default(["search", "compare", "whoami", "cancel"])
    .describe("What clients may do once they are bound"),
  referrals: z
    .enum(REFERRALS)
    .default("drop")
    .describe(
      "drop: hide the directory's referrals, which lead around the gateway; pass: show them",
    ),
  exempt: z
    .array(
      z.strictObject({
        dn: checked(checkDn).describe("DN of a service account"),
        addresses: z
          .array(parsed(parseNetwork))
          .min(1)
          .max(256)
          .describe("Where it may come from; from elsewhere it is refused"),
      }),
    )
    .max(256)
    .default([])
    .describe("Accounts that are asked for no code, each from its addresses only"),
});

const totp = z.strictObject({
  issuer: text
    .max(64)
    .refine((value) => !value.includes(":"), "must not contain a colon")
    .default("Gatehouse")
    .describe("Name of the organisation in people's authenticator apps"),
  past_steps: wholeNumber(0, 2).default(1).describe("Older codes that are still accepted"),
  future_steps: wholeNumber(0, 2).default(1).describe("Coming codes that are already accepted"),
});

const lockout = z.strictObject({
  attempts: wholeNumber(1, 100).default(6).describe("Failures after which an account is locked"),
  window: duration({ min: "1s", max: "7d" })
    .prefault("30m")
    .describe("How long a failure counts after the last one"),
  duration: duration({ min: "1s", max: "7d", zero: true })
    .prefault("10m")
    .describe("How long the first lock lasts; 0: until an administrator unlocks"),
  count_password_failures: z.boolean().default(true).describe("Whether wrong passwords lock"),
  count_code_failures: z.boolean().default(true).describe("Whether wrong codes lock"),
});

export const adminSchema = z.strictObject({
  listen: parsed(parseListenAddress)
    .prefault("127.0.0.1:8443")
    .describe("Address and port for portal, API, health checks and metrics"),
  tls: z.enum(ADMIN_TLS).default("implicit").describe("implicit: HTTPS; none: plain, on loopback"),
  certificate: path
    .optional()
    .describe("PEM file of the listener's certificate and those that lead to its authority"),
  key: path.optional().describe("PEM file of its key; readable by its owner only"),
  metrics_from: z
    .array(parsed(parseNetwork))
    .max(256)
    .prefault(["127.0.0.0/8", "::1"])
    .describe("Addresses and networks that may read the metrics; they name clients"),
  public_url: checked(checkPublicUrl)
    .optional()
    .describe(
      "https:// address under which browsers reach the portal and scripts the API; none without it",
    ),
});

const DAY_MS = 86_400_000;

export const enrolmentSchema = z.strictObject({
  period: duration({ min: "1d", max: "365d" })
    .refine((ms) => ms % DAY_MS === 0, "must be whole days, such as 7d")
    .prefault("7d")
    .describe("How long people have to enrol where nobody says otherwise"),
  allow_from: z
    .array(parsed(parseNetwork))
    .min(1)
    .max(256)
    .prefault(["0.0.0.0/0", "::/0"])
    .describe("Addresses and networks from which people may enrol in the portal"),
  help: z
    .enum(HELP)
    .default("accepts")
    .describe(
      "Where people without a factor are told of the portal: accepts, also refusals (always)",
    ),
});

export const schema = z.strictObject({
  store: store.prefault({}).describe("Where tokens, counters and events are kept"),
  master_key: secret.describe("Base64 of 32 bytes: protects tokens and challenges in the store"),
  directories: z
    .array(directorySchema)
    .min(1)
    .max(64)
    .describe("Where people and passwords are: OpenLDAP, Active Directory, FreeIPA, …"),
  radius: radius.optional().describe("The RADIUS door"),
  ldap: z
    .strictObject({
      listeners: z.array(listenerSchema).min(1).max(64).describe("Where applications bind"),
    })
    .optional()
    .describe("The LDAP door"),
  totp: totp.prefault({}).describe("One-time codes"),
  lockout: lockout.prefault({}).describe("What happens to guessers"),
  enrolment: enrolmentSchema.prefault({}).describe("How people get a token"),
  admin: adminSchema.optional().describe("The listener for portal, API, health checks and metrics"),
  mail: mailSchema.optional().describe("Mails to people about their enrolment"),
  log: z
    .strictObject({
      level: z.enum(LOG_LEVELS).default("info").describe("Least serious lines that are written"),
    })
    .prefault({})
    .describe("The log on standard output"),
});

export type RawDirectory = z.infer<typeof directorySchema>;
export type RawClient = z.infer<typeof clientSchema>;
export type RawAdmin = z.infer<typeof adminSchema>;
export type RawEnrolment = z.infer<typeof enrolmentSchema>;
export type RawListener = z.infer<typeof listenerSchema>;

function checkDomain(domain: string): string | undefined {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/.test(domain)) return undefined;
  return "is not a domain; write it without @ or backslash, such as example.org or EXAMPLE";
}
