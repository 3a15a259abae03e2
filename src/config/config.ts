// The configuration as the rest of the program sees it: checked, complete, with nothing left to
// parse. Invariant: immutable; every default is filled in, every secret wrapped, paths absolute.

import type { MailTemplate } from "../core/mail.ts";
import type { LockoutRules } from "../core/ports.ts";
import type { CodeMode, MfaMode } from "../core/verdict.ts";
import type { ListenAddress } from "../lib/listen.ts";
import type { Mailbox } from "../lib/mail-address.ts";
import type { Secret } from "../lib/secret.ts";
import type { TextTemplate } from "../lib/text-template.ts";
import type { OperationName } from "../wire/ldap/operation.ts";
import type { encodeAttribute, Definition } from "../wire/radius/dictionary.ts";
import type { Network } from "./address.ts";
import type { KeyPair } from "./key-pair.ts";

export interface Config {
  readonly store: StoreConfig;
  /** 32 bytes. */
  readonly masterKey: Secret;
  readonly directories: readonly DirectoryConfig[];
  /** Without clients: there is no RADIUS door. */
  readonly radius: RadiusConfig;
  readonly ldap: { readonly listeners: readonly ListenerConfig[] };
  readonly totp: TotpConfig;
  readonly lockout: LockoutRules;
  readonly enrolment: EnrolmentConfig;
  readonly admin: AdminConfig | undefined;
  /** Undefined: no mail is sent. */
  readonly mail: MailConfig | undefined;
  readonly log: { readonly level: LogLevel };
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** full: survives a loss of power; normal: survives a killed process. */
export const DURABILITIES = ["full", "normal"] as const;

interface StoreConfig {
  /** Absolute path of the database file. */
  readonly sqlite: string;
  readonly durability: (typeof DURABILITIES)[number];
  readonly retentionMs: number;
}

export interface DirectoryConfig {
  readonly name: string;
  readonly urls: readonly DirectoryUrl[];
  /** PEM of the revocation lists of those authorities; undefined: nobody looks. */
  readonly crl: string | undefined;
  /** PEM of the certificates that sign the directory's; undefined: the system's. */
  readonly ca: string | undefined;
  readonly bindDn: string;
  readonly bindPassword: Secret;
  readonly base: string;
  /** Contains {username}. */
  readonly userFilter: string;
  /** Contains {username}; read instead of searching when set. */
  readonly userDn: string | undefined;
  readonly usernameAttribute: string;
  /** Undefined: found out from the directory itself. */
  readonly idAttribute: string | undefined;
  /** Where somebody gets mail. */
  readonly mailAttribute: string;
  readonly domains: readonly string[];
  readonly nestedGroups: boolean;
  /** Failed binds after which the directory locks; 0: never. Undefined: what it says itself. */
  readonly lockoutThreshold: number | undefined;
  readonly timeoutMs: number;
  readonly checkIntervalMs: number;
}

export interface DirectoryUrl {
  /** As configured, for messages. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: "implicit" | "start-tls" | "none";
}

interface RadiusConfig {
  readonly listen: readonly ListenAddress[];
  readonly clients: readonly ClientConfig[];
}

export interface ClientConfig {
  readonly name: string;
  readonly addresses: readonly Network[];
  readonly secret: Secret;
  readonly previousSecret: Secret | undefined;
  readonly requireMessageAuthenticator: boolean | "auto";
  readonly limitProxyState: boolean;
  readonly rejectDelayMs: number;
  /** Name of one of the directories; undefined: whichever a name belongs to. */
  readonly directory: string | undefined;
  /** Empty: everyone in the directory. */
  readonly allowGroups: readonly string[];
  readonly probeUsers: readonly string[];
  readonly mfa: MfaMode;
  readonly mfaException: MfaException | undefined;
  readonly code: CodeMode;
  /** Empty: the code is the last digits. */
  readonly separator: string;
  /** The attribute that tells the person's own address or device. */
  readonly endUser: Definition | undefined;
  readonly reply: readonly ReplyRule[];
}

export interface ListenerConfig {
  readonly name: string;
  readonly listen: ListenAddress;
  /** Undefined: plain, on loopback only. */
  readonly tls: ListenerTls | undefined;
  /** Name of one of the directories. */
  readonly directory: string;
  /** Empty: everyone in the directory. */
  readonly allowGroups: readonly string[];
  readonly mfa: MfaMode;
  readonly mfaException: MfaException | undefined;
  /** Empty: the code is the last digits. */
  readonly separator: string;
  /** 0: off. */
  readonly rebindWindowMs: number;
  /** Balancers that must send the PROXY protocol. */
  readonly proxyProtocol: readonly Network[];
  /** Whether clients' addresses are those of people, or of applications that people log in to. */
  readonly endUser: (typeof END_USERS)[number];
  readonly operations: readonly OperationName[];
  readonly referrals: (typeof REFERRALS)[number];
  readonly exempt: readonly Exemption[];
}

export const LISTENER_TLS = ["implicit", "start_tls", "none"] as const;
export const REFERRALS = ["drop", "pass"] as const;
export const END_USERS = ["none", "address"] as const;

export interface ListenerTls {
  readonly begins: "implicit" | "start_tls";
  /** PEM, the listener's own certificate first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: Secret;
  /** PEM; undefined: clients need no certificate. */
  readonly clientCa: string | undefined;
}

/** An account that is asked for no code when it comes from one of these. */
interface Exemption {
  readonly dn: string;
  readonly addresses: readonly Network[];
}

/** Why, and until when, this client asks for no code. */
export interface MfaException {
  readonly reason: string;
  /** The last day, YYYY-MM-DD in UTC. */
  readonly until: string;
}

/** An attribute as it stands in a packet. */
export type ReplyAttribute = Extract<
  ReturnType<typeof encodeAttribute>,
  { attribute: unknown }
>["attribute"];

export interface ReplyRule {
  /** DN of the group whose members get the attributes. */
  readonly group: string;
  readonly attributes: readonly ReplyAttribute[];
}

interface TotpConfig {
  readonly issuer: string;
  readonly pastSteps: number;
  readonly futureSteps: number;
}

/** implicit: HTTPS; none: in clear. */
export const ADMIN_TLS = ["implicit", "none"] as const;

export interface AdminConfig {
  readonly listen: ListenAddress;
  /** Undefined: in clear, on loopback. */
  readonly tls: KeyPair | undefined;
  /** Who may read the metrics. */
  readonly metricsFrom: readonly Network[];
  /** Origin, without a slash at its end; undefined: neither API nor portal is served. */
  readonly publicUrl: string | undefined;
}

interface EnrolmentConfig {
  /** How long people have where nobody says otherwise; whole days. */
  readonly periodMs: number;
  /** Where people may enrol in the portal. */
  readonly allowFrom: readonly Network[];
  /** Where people without a factor are told of the portal. */
  readonly help: (typeof HELP)[number];
}

export const HELP = ["never", "accepts", "always"] as const;

export interface MailConfig {
  readonly server: SmtpServer;
  readonly from: Mailbox;
  /** Undefined: the server lets us send without. */
  readonly login: { readonly user: string; readonly password: Secret } | undefined;
  /** PEM of the certificates that sign the server's; undefined: the system's. */
  readonly ca: string | undefined;
  /** Those that administrators replaced. */
  readonly templates: Readonly<Partial<Record<MailTemplate, TextTemplate>>>;
}

export interface SmtpServer {
  /** As configured, for messages. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly tls: "implicit" | "start-tls" | "none";
}

/** Freezes it to the last leaf; secrets and bytes stay as they are. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (!plain || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
