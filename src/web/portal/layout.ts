// What every page of the portal has around its content: head, the organisation's name, one heading.

import { SCRIPT, STYLE } from "../assets.ts";
import { html, type Html, type Part } from "../html.ts";
import type { Texts } from "../texts/en.ts";

/** What pages need besides their own content. */
export interface Frame {
  readonly texts: Texts;
  /** Name of the organisation. */
  readonly organisation: string;
  /** Stands in every form: proof that the page which sends it came from here. */
  readonly formToken: string;
}

export function page({ texts, organisation }: Frame, title: string, content: Part): Html {
  return html`<!doctype html>
    <html lang="${texts.language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${texts.title(title, organisation)}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${STYLE.path}" />
        <script src="${SCRIPT.path}" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">${texts.skip}</a>
        <header><p class="organisation">${organisation}</p></header>
        <main id="content" tabindex="-1">${content}</main>
      </body>
    </html> `;
}

/** A form that only a page of this session can send. */
export function form(frame: Frame, action: string, content: Part): Html {
  return html`<form method="post" action="${action}">
    <input type="hidden" name="token" value="${frame.formToken}" />
    ${content}
  </form>`;
}

/** Takes the focus unless a field does that is described by it: a page that loads announces nothing. */
export function alert(text: string | undefined, isFieldFocused = false): Html | undefined {
  if (text === undefined) return undefined;
  const focus = isFieldFocused ? undefined : html`autofocus`;
  return html`<p class="alert" id="alert" role="alert" tabindex="-1" ${focus}>${text}</p>`;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly value?: string;
}

export function usernameField({ name, label, value = "" }: Field): Html {
  return html`<p class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      value="${value}"
      maxlength="256"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
    />
  </p>`;
}

export function passwordField({ name, label }: Field): Html {
  return html`<p class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="password"
      maxlength="1024"
      autocomplete="current-password"
      required
    />
  </p>`;
}

/** For any kind of code, also the longer ones of the administrator: only the app's are digits alone. */
export function codeField({ name, label, hint }: Field, more: { required: boolean }): Html {
  const hintId = `${name}-hint`;
  return html`<p class="field">
    <label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      class="code"
      maxlength="64"
      inputmode="text"
      autocomplete="one-time-code"
      autocapitalize="none"
      spellcheck="false"
      ${
        hint !== undefined && html` aria-describedby="${hintId}"`
      }${more.required && html` required`}
    />${hint !== undefined && html`<span class="hint" id="${hintId}">${hint}</span>`}
  </p>`;
}
