// Recovery codes, the one time they are shown: to copy, to keep as a file, to print.

import { html, type Html } from "../html.ts";
import type { Texts } from "../texts/en.ts";
import { type Frame, page } from "./layout.ts";

export function recoveryPage(frame: Frame, codes: readonly string[]): Html {
  const texts = frame.texts.recovery;
  return page(
    frame,
    texts.title,
    html`<h1>${texts.title}</h1>
      ${codeList(texts, codes)}`,
  );
}

/** The same as a part of another page. */
export function recoveryCodes(texts: Texts["recovery"], codes: readonly string[]): Html {
  return html`<h2>${texts.title}</h2>
    ${codeList(texts, codes)}`;
}

function codeList(texts: Texts["recovery"], codes: readonly string[]): Html {
  const items = codes.map((code) => html`<li>${code}</li> `);
  return html`<p>${texts.text}</p>
    <ol class="codes" id="codes">
      ${items}
    </ol>
    <p>
      <button type="button" class="quiet" data-copy="codes" data-copied="${texts.copied}" hidden>
        ${texts.copy}
      </button>
      <button
        type="button"
        class="quiet"
        data-download="codes"
        data-file="recovery-codes.txt"
        hidden
      >
        ${texts.download}
      </button>
      <button type="button" class="quiet" data-print hidden>${texts.print}</button>
    </p>
    <p><a class="button" href="/account">${texts.kept}</a></p>`;
}
