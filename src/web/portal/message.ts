// A page that says one thing: why something can't be done, and what to do instead.

import { html, type Html } from "../html.ts";
import type { Texts } from "../texts/en.ts";
import { type Frame, page } from "./layout.ts";

export type Message = Exclude<keyof Texts["messages"], "again">;

/** `requestId`: to be told to whoever looks into it. */
export function messagePage(frame: Frame, message: Message, requestId?: string): Html {
  const { again, ...messages } = frame.texts.messages;
  const { title, text } = messages[message];
  return page(
    frame,
    title,
    html`<h1>${title}</h1>
      <p>${text}</p>
      ${requestId !== undefined && html`<p><code>${requestId}</code></p>`}
      <p><a class="button" href="/">${again}</a></p>`,
  );
}
