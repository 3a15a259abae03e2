// The page to sign in, and the one to confirm who is signed in. Invariant: a refusal looks the same
// whatever it was refused for.

import { html, type Html } from "../html.ts";
import {
  alert,
  codeField,
  form,
  type Frame,
  page,
  passwordField,
  usernameField,
} from "./layout.ts";

export interface SignInView {
  /** As it was typed. */
  readonly username: string;
  readonly isRefused: boolean;
}

export function signInPage(frame: Frame, { username, isRefused }: SignInView): Html {
  const texts = frame.texts.signIn;
  const fields = html`${usernameField({ name: "username", label: texts.username, value: username })}
    ${passwordField({ name: "password", label: texts.password })}
    ${codeField({ name: "code", label: texts.code, hint: texts.codeHint }, { required: false })}
    <p><button>${texts.button}</button></p>`;
  return page(
    frame,
    texts.title,
    html`<h1>${texts.title}</h1>
      ${alert(isRefused ? texts.refused : undefined)} ${form(frame, "/sign-in", fields)}`,
  );
}

/** `action`: where it is sent; it says what for. */
export function confirmPage(frame: Frame, action: string, isRefused: boolean): Html {
  const texts = frame.texts.confirm;
  const fields = html`${passwordField({ name: "password", label: texts.password })}
    ${codeField({ name: "code", label: texts.code }, { required: true })}
    <p><button>${texts.button}</button> <a href="/account">${texts.cancel}</a></p>`;
  return page(
    frame,
    texts.title,
    html`<h1>${texts.title}</h1>
      <p>${texts.text}</p>
      ${alert(isRefused ? frame.texts.signIn.refused : undefined)} ${form(frame, action, fields)}`,
  );
}
