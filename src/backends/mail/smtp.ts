// The way to the mail server. Invariant: a login and mails go only where the configuration's kind of TLS
// is in place; every wait ends; how an attempt ended is told in one of four words.

import { getCACertificates } from "node:tls";

import { createTransport } from "nodemailer";

import type { Secret } from "../../lib/secret.ts";
import type { Message } from "./message.ts";

export interface SmtpSettings {
  readonly server: {
    readonly url: string;
    readonly host: string;
    readonly port: number;
    readonly tls: "implicit" | "start-tls" | "none";
  };
  readonly login: { readonly user: string; readonly password: Secret } | undefined;
  /** PEM; undefined: whom this host trusts. */
  readonly ca: string | undefined;
}

export type SendOutcome =
  | { readonly kind: "sent" }
  /** The server says that nobody gets mail there. */
  | { readonly kind: "recipient-refused"; readonly reason: string }
  /** This one was not taken; another may be. */
  | { readonly kind: "not-taken"; readonly reason: string }
  /** None would be taken now. */
  | { readonly kind: "server-down"; readonly reason: string };

export interface SmtpConnection {
  /** Never rejects. */
  send(message: Message): Promise<SendOutcome>;
  /** Connects, encrypts and logs in; undefined: all of it works. Never rejects. */
  verify(): Promise<string | undefined>;
  close(): void;
}

const CONNECT_MS = 10_000;
const GREETING_MS = 30_000;
// RFC 5321 §4.5.3.2.6: whoever gives up earlier on the end of the data sends mails twice.
const SILENCE_MS = 600_000;
// A server that says nothing to a good-bye keeps no process from ending.
const CLOSE_MS = 500;
const RESPONSE_BYTES_MAX = 16_384;
// RFC 3463 §3.2, §3.3: what is wrong is the address, or the mailbox behind it.
const OF_THE_RECIPIENT = /^5\d\d[ -]5\.[12]\.\d/;
const REASON_CHARS_MAX = 200;

/** One connection, made with the first mail and kept until `close`; `signal` ends what is under way. */
export function openSmtp(
  { server, login, ca }: SmtpSettings,
  signal?: AbortSignal,
): SmtpConnection {
  const transport = createTransport({
    pool: true,
    maxConnections: 1,
    // One that may have been taken is the queue's to send again, and seen there.
    maxRequeues: 0,
    host: server.host,
    port: server.port,
    secure: server.tls === "implicit",
    requireTLS: server.tls === "start-tls",
    ignoreTLS: server.tls === "none",
    tls: { minVersion: "TLSv1.2", ...trusted(ca) },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: GREETING_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    socketCloseTimeout: CLOSE_MS,
    maxResponseSize: RESPONSE_BYTES_MAX,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(login && { auth: { user: login.user, pass: login.password.reveal().toString("utf8") } }),
  });
  return {
    async send({ from, to, subject, text, messageId, date }) {
      try {
        await transport.sendMail({
          // It writes into what it is given, and the configuration is frozen.
          from: { ...from },
          to: { name: "", address: to },
          envelope: { from: from.address, to: [to] },
          subject,
          text,
          messageId,
          date,
          // RFC 3834 §5: nobody's holiday notice is to answer.
          headers: { "Auto-Submitted": "auto-generated" },
          signal,
        });
        return { kind: "sent" };
      } catch (error) {
        return judge(error);
      }
    },
    async verify() {
      try {
        await transport.verify();
        return undefined;
      } catch (error) {
        return judge(error).reason;
      }
    },
    close: () => transport.close(),
  };
}

// Left to itself Node trusts the authorities it was built with, and not what this host trusts.
function trusted(ca: string | undefined): { readonly ca?: string | string[] } {
  if (ca !== undefined) return { ca };
  const found = [...getCACertificates("system"), ...getCACertificates("extra")];
  return found.length === 0 ? {} : { ca: [...new Set(found)] };
}

type Failed = Exclude<SendOutcome, { kind: "sent" }>;

function judge(error: unknown): Failed {
  const reason = (error instanceof Error ? error.message : String(error)).slice(
    0,
    REASON_CHARS_MAX,
  );
  const code = textIn(error, "code");
  const command = textIn(error, "command");
  const response = textIn(error, "response");
  // RFC 5321 §3.8: 421 is good-bye. What it has against the sender, it has against each mail.
  const isOfThisMail =
    (code === "EENVELOPE" || code === "EMESSAGE") &&
    command !== "MAIL FROM" &&
    /^[45]/.test(response) &&
    !response.startsWith("421");
  if (!isOfThisMail) return { kind: "server-down", reason };
  return { kind: OF_THE_RECIPIENT.test(response) ? "recipient-refused" : "not-taken", reason };
}

function textIn(error: unknown, key: string): string {
  const value: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, key) : undefined;
  return typeof value === "string" ? value : "";
}
