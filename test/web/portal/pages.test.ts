// Pages as browsers get them: whole, in order, with a label for each field.

import t from "tap";

import type { Html } from "../../../src/web/html.ts";
import { accountPage } from "../../../src/web/portal/account.ts";
import { appPage, codePage, donePage, scanPage } from "../../../src/web/portal/enrolment.ts";
import type { Frame } from "../../../src/web/portal/layout.ts";
import { messagePage } from "../../../src/web/portal/message.ts";
import { recoveryPage } from "../../../src/web/portal/recovery.ts";
import { confirmPage, signInPage } from "../../../src/web/portal/sign-in.ts";
import { en } from "../../../src/web/texts/en.ts";

const frame: Frame = { texts: en, organisation: "Example & Sons", formToken: "the-token" };
const occasion = { daysLeft: 6, isReplacing: false };
const codes = ["abcde-abcde-abcde-abcde-abcde"];
const key = { uri: "otpauth://totp/x?secret=ABCD&issuer=x", key: "ABCDEFGH", isNewKey: true };
const account = {
  username: "alice",
  now: Date.UTC(2027, 0, 15),
  token: undefined,
  daysLeft: 1,
  events: [{ at: Date.UTC(2027, 0, 14), text: "Something <happened>" }],
};
const token = {
  algorithm: "SHA-1",
  digits: 6,
  periodSeconds: 30,
  enrolledAt: Date.UTC(2027, 0, 1),
  lastUsedAt: undefined,
  recoveryCodesLeft: 10,
};

const PAGES: Readonly<Record<string, Html>> = {
  "sign in": signInPage(frame, { username: "alice", isRefused: true }),
  confirm: confirmPage(frame, "/replace", true),
  app: appPage(frame, occasion),
  scan: scanPage(frame, { ...occasion, ...key }),
  code: codePage(frame, occasion, true),
  done: donePage(frame, codes),
  "recovery codes": recoveryPage(frame, codes),
  "account without a factor": accountPage(frame, account),
  account: accountPage(frame, { ...account, token, events: [] }),
  message: messagePage(frame, "fault", "req-1"),
};

for (const [name, page] of Object.entries(PAGES)) {
  const text = page.toString();
  const count = (pattern: RegExp): number => [...text.matchAll(pattern)].length;

  t.test(`${name}: one language, one title, one heading, one main part`, async (t) => {
    t.match(text, /^<!doctype html>\s*<html lang="en">/);
    t.match(text, "Example &#38; Sons</title>");
    t.equal(count(/<h1>/g), 1);
    t.equal(count(/<main /g), 1);
  });

  t.test(`${name}: every field has a label, every form its token`, async (t) => {
    for (const [input] of text.matchAll(/<input\s[^>]*>/g)) {
      if (input.includes('type="hidden"')) continue;
      const id = /id="([^"]+)"/.exec(input)?.[1] ?? "none";
      t.match(text, `<label for="${id}">`);
    }
    const forms = text.split("<form").slice(1);
    for (const form of forms) t.match(form, 'name="token" value="the-token"');
  });

  t.test(`${name}: no id stands twice, nothing comes from elsewhere`, async (t) => {
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    t.equal(new Set(ids).size, ids.length);
    t.notMatch(text, /(?:src|action)="(?!\/)/);
  });
}

t.test("the key stands on the second page alone, in groups of four", async (t) => {
  t.match(PAGES["scan"]?.toString(), ">ABCD EFGH</code>");
  for (const [name, page] of Object.entries(PAGES)) {
    if (name !== "scan") t.notMatch(page.toString(), /otpauth|ABCD EFGH/, name);
  }
});
