// The keys of the mail server: a part of the schema. Invariant: what is left out is the stricter choice.

import { z } from "zod";

import { parseFrom, parseSmtpUrl } from "./check.ts";
import { parsed, path, secret, text } from "./leaf.ts";

export const mailSchema = z.strictObject({
  smtp: parsed(parseSmtpUrl).describe(
    "Mail server: smtp://host[:port], which has to offer STARTTLS unless it is on this host, or smtps://",
  ),
  from: parsed(parseFrom).describe('Sender: "Name <address>" or an address'),
  user: text.max(256).optional().describe("Name to log in to the mail server with"),
  password: secret.optional().describe("Its password"),
  ca: path.optional().describe("PEM file of the CAs that may sign the mail server's certificate"),
  allow_cleartext: z
    .boolean()
    .default(false)
    .describe("Allow smtp:// without STARTTLS to another host: mails cross the network in clear"),
  templates: path
    .optional()
    .describe("Folder with texts of your own: enrolment-begins.txt and the like"),
});

export type RawMail = z.infer<typeof mailSchema>;
