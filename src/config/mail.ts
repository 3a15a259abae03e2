// The mail server and what is sent through it. Invariant: off this host nothing is sent in clear, least
// of all a password, unless the configuration spells that out.

import { readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";

import { MAIL_PLACES, MAIL_TEMPLATES } from "../core/mail.ts";
import { parseTemplate } from "../lib/text-template.ts";
import { isLoopback, parseNetwork } from "./address.ts";
import type { MailConfig, SmtpServer } from "./config.ts";
import { readCertificates, readSecret, readText, type Surroundings } from "./files.ts";
import type { RawMail } from "./mail-schema.ts";
import type { Path } from "./problem.ts";

const AT: Path = ["mail"];
const ENDING = ".txt";

/** Undefined after a problem was reported. */
export function buildMail(raw: RawMail, around: Surroundings): MailConfig | undefined {
  const server = judgeServer(raw, around);
  const { user, from } = raw;
  const password = raw.password && readSecret(raw.password, [...AT, "password"], around);
  const ca = raw.ca && readCertificates(raw.ca, [...AT, "ca"], around);
  if ((user === undefined) !== (raw.password === undefined)) {
    const missing = user === undefined ? "user" : "password";
    around.report.problem([...AT, missing], "missing; a login has user and password, or neither");
  }
  if (ca !== undefined && server.tls === "none") {
    const message = "has no use where the mail server is asked without TLS; remove it";
    around.report.problem([...AT, "ca"], message);
  }
  const templates = raw.templates === undefined ? {} : readTemplates(raw.templates, around);
  const login = user === undefined || password === undefined ? undefined : { user, password };
  return { server, from, login, ca, templates };
}

/** A mail server on this host has a certificate that nobody signed, if any. */
function judgeServer({ smtp, ca, allow_cleartext }: RawMail, around: Surroundings): SmtpServer {
  const { report } = around;
  const at: Path = [...AT, "allow_cleartext"];
  if (smtp.tls === "implicit") {
    if (allow_cleartext) report.problem(at, "has no use with smtps://; remove it");
    return smtp;
  }
  if (isThisHost(smtp.host)) return ca === undefined ? { ...smtp, tls: "none" } : smtp;
  if (!allow_cleartext) return smtp;
  report.warning(at, "mails and the login cross the network in clear; use STARTTLS or smtps://");
  return { ...smtp, tls: "none" };
}

function isThisHost(host: string): boolean {
  const network = parseNetwork(host);
  return typeof network === "string" ? host.toLowerCase() === "localhost" : isLoopback(network);
}

/** What the folder has; the built-in text stands for what it hasn't. */
function readTemplates(folder: string, around: Surroundings): MailConfig["templates"] {
  const at: Path = [...AT, "templates"];
  const path = resolve(around.folder, folder);
  const templates: { -readonly [K in keyof MailConfig["templates"]]: MailConfig["templates"][K] } =
    {};
  for (const name of listTexts(path, at, around)) {
    const template = MAIL_TEMPLATES.find((each) => each === basename(name, ENDING));
    if (template === undefined) {
      const known = MAIL_TEMPLATES.map((each) => `${each}${ENDING}`).join(", ");
      around.report.problem(at, `${join(path, name)} is no mail of ours; there are ${known}`);
      continue;
    }
    const text = readText(join(path, name), at, around);
    if (text === undefined) continue;
    const parsed = parseTemplate(text, MAIL_PLACES);
    if (typeof parsed !== "string") templates[template] = parsed;
    else around.report.problem(at, `${join(path, name)} ${parsed}`);
  }
  return templates;
}

function listTexts(path: string, at: Path, { report, seen }: Surroundings): string[] {
  // A text that comes or goes changes the folder.
  seen({ file: path });
  try {
    return readdirSync(path).filter((name) => name.endsWith(ENDING) && !name.startsWith("."));
  } catch {
    report.problem(at, `${path} is not a folder that can be read; create it or correct the path`);
    return [];
  }
}
