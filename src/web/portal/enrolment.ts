// Three steps, one thing on each: get an app, scan, type the code. Invariant: the key stands on the
// second page alone.

import { html, type Html } from "../html.ts";
import { qrSvg } from "../qr.ts";
import type { Texts } from "../texts/en.ts";
import { alert, form, type Frame, page } from "./layout.ts";
import { recoveryCodes } from "./recovery.ts";

/** Any app for RFC 6238 works; these are known to. Addresses of their makers, nothing that counts visitors. */
const APPS = [
  { name: "Aegis", address: "getaegis.app" },
  { name: "Authy", address: "authy.com/download" },
  { name: "Duo Mobile", address: "duo.com/product/multi-factor-authentication-mfa/duo-mobile-app" },
  { name: "FreeOTP", address: "freeotp.github.io" },
  { name: "Google Authenticator", address: "support.google.com/accounts/answer/1066447" },
  { name: "Microsoft Authenticator", address: "microsoft.com/security/mobile-authenticator-app" },
  { name: "Yubico Authenticator", address: "yubico.com/products/yubico-authenticator" },
] as const;

export interface Occasion {
  /** Until it has to be done; undefined: whenever. */
  readonly daysLeft: number | undefined;
  /** Instead of the app there is. */
  readonly isReplacing: boolean;
}

export function appPage(frame: Frame, occasion: Occasion): Html {
  const texts = frame.texts.enrol;
  const apps = APPS.map(
    ({ name, address }) =>
      html`<li>
        <a href="https://${address}" rel="noreferrer" target="_blank">${name}</a>
        <span class="address">${address}</span>
      </li> `,
  );
  const buttons = html`<p>
    <button>${texts.haveApp}</button> <a href="/account">${texts.notNow}</a>
  </p>`;
  return page(
    frame,
    titleOf(texts, occasion),
    html`<h1>${titleOf(texts, occasion)}</h1>
      ${stepHeading(texts, 1, texts.getApp)}
      <p>${texts.why}</p>
      <p>${texts.anyApp}</p>
      <ul class="apps">
        ${apps}
      </ul>
      ${form(frame, "/enrol", buttons)}`,
  );
}

export interface KeyView extends Occasion {
  /** otpauth://… */
  readonly uri: string;
  /** Base32. */
  readonly key: string;
  /** The key before this one is used up. */
  readonly isNewKey: boolean;
}

export function scanPage(frame: Frame, view: KeyView): Html {
  const texts = frame.texts.enrol;
  const groups = view.key.replaceAll(/.{4}(?=.)/g, "$& ");
  return page(
    frame,
    titleOf(texts, view),
    html`<h1>${titleOf(texts, view)}</h1>
      ${stepHeading(texts, 2, texts.scan)} ${alert(view.isNewKey ? texts.usedUp : undefined)}
      <p>${texts.scanHint}</p>
      ${qrSvg(view.uri, texts.qr)}
      <p>${texts.key}</p>
      <p class="key"><code id="key" data-key>${groups}</code></p>
      <p class="hint">${texts.keyFacts}</p>
      <p>
        <button type="button" class="quiet" data-copy="key" data-copied="${texts.copied}" hidden>
          ${texts.copyKey}
        </button>
        <a href="${view.uri}">${texts.openApp}</a>
      </p>
      <p>
        <a class="button" href="/enrol/code">${texts.next}</a> <a href="/enrol">${texts.back}</a>
      </p>`,
  );
}

export function codePage(frame: Frame, occasion: Occasion, isWrong: boolean): Html {
  const texts = frame.texts.enrol;
  const field = html`<p class="field">
      <label for="code">${texts.code}</label>
      <input
        id="code"
        name="code"
        class="code six"
        maxlength="7"
        inputmode="numeric"
        pattern="[0-9 ]*"
        autocomplete="one-time-code"
        data-digits="6"
        required
        autofocus
        ${isWrong && html`aria-invalid="true" aria-describedby="alert"`}
      />
    </p>
    <p><button>${texts.finish}</button> <a href="/enrol/scan">${texts.back}</a></p>`;
  return page(
    frame,
    titleOf(texts, occasion),
    html`<h1>${titleOf(texts, occasion)}</h1>
      ${stepHeading(texts, 3, texts.typeCode)}
      <p>${texts.typeHint}</p>
      ${alert(isWrong ? `${texts.wrong} ${texts.clock}` : undefined, true)}
      ${form(frame, "/enrol/code", field)}`,
  );
}

/** `codes`: shown here and never again. */
export function donePage(frame: Frame, codes: readonly string[]): Html {
  const texts = frame.texts.enrol;
  return page(
    frame,
    texts.done,
    html`<h1>${texts.done}</h1>
      <p>${texts.doneText} ${texts.doneCode}</p>
      ${recoveryCodes(frame.texts.recovery, codes)}`,
  );
}

function titleOf(texts: Texts["enrol"], { daysLeft, isReplacing }: Occasion): string {
  if (isReplacing) return texts.another;
  return daysLeft === undefined ? texts.title : texts.daysLeft(daysLeft);
}

function stepHeading(texts: Texts["enrol"], step: number, title: string): Html {
  return html`<h2><span class="step">${texts.step(step)}</span> ${title}</h2>`;
}
