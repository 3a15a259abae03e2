// The quiet page afterwards: the factor, what happened lately, ways out.

import { html, type Html, type Part } from "../html.ts";
import type { Texts } from "../texts/en.ts";
import { timeHtml } from "../time.ts";
import { form, type Frame, page } from "./layout.ts";

/** Times are ms UTC. */
export interface AccountView {
  readonly username: string;
  readonly now: number;
  readonly token: TokenView | undefined;
  /** Until a factor has to be there, 0: there is none left; undefined: whenever. */
  readonly daysLeft: number | undefined;
  /** Newest first. */
  readonly events: readonly EventView[];
}

interface TokenView {
  readonly algorithm: string;
  readonly digits: number;
  readonly periodSeconds: number;
  readonly enrolledAt: number;
  readonly lastUsedAt: number | undefined;
  readonly recoveryCodesLeft: number;
}

export interface EventView {
  readonly at: number;
  readonly text: string;
}

export function accountPage(frame: Frame, view: AccountView): Html {
  const texts = frame.texts.account;
  return page(
    frame,
    texts.title,
    html`<h1>${texts.title}</h1>
      <p>${texts.signedInAs(view.username)}</p>
      <section aria-labelledby="factor">
        <h2 id="factor">${texts.factor}</h2>
        ${view.token === undefined ? noFactor(frame, view) : factor(frame, view.token, view.now)}
      </section>
      <section aria-labelledby="recent">
        <h2 id="recent">${texts.recent}</h2>
        ${recent(frame.texts, view)}
      </section>
      <section class="ways-out">
        ${form(frame, "/sign-out", html`<button class="quiet">${texts.signOut}</button>`)}
        ${form(
          frame,
          "/sign-out-everywhere",
          html`<button class="quiet" aria-describedby="everywhere">
              ${texts.signOutEverywhere}
            </button>
            <span class="hint" id="everywhere">${texts.everywhereHint}</span>`,
        )}
      </section>`,
  );
}

function noFactor({ texts }: Frame, { daysLeft }: AccountView): Html {
  const { noFactor: none, noFactorLate, noFactorUntil, setUp } = texts.account;
  if (daysLeft === 0) return html`<p>${noFactorLate}</p>`;
  return html`<p>${daysLeft === undefined ? none : noFactorUntil(daysLeft)}</p>
    <p><a class="button" href="/enrol">${setUp}</a></p>`;
}

function factor({ texts }: Frame, token: TokenView, now: number): Html {
  const { account, language, recovery } = texts;
  const { algorithm, digits, periodSeconds, enrolledAt, lastUsedAt, recoveryCodesLeft } = token;
  const used = lastUsedAt === undefined ? account.never : timeHtml(language, lastUsedAt, now);
  return html`<dl>
      <dt>${account.app}</dt>
      <dd>${account.algorithm(algorithm, digits, periodSeconds)}</dd>
      <dt>${account.since}</dt>
      <dd>${timeHtml(language, enrolledAt, now)}</dd>
      <dt>${account.lastUsed}</dt>
      <dd>${used}</dd>
      <dt>${recovery.title}</dt>
      <dd>${recovery.left(recoveryCodesLeft)}</dd>
    </dl>
    <p>
      <a class="button quiet" href="/recovery-codes">${recovery.make}</a>
      <span class="hint">${recovery.makeHint}</span>
    </p>
    <p>
      <a class="button quiet" href="/replace">${account.move}</a>
      <span class="hint">${account.moveHint}</span>
    </p>`;
}

function recent({ account, language }: Texts, { events, now }: AccountView): Part {
  if (events.length === 0) return html`<p>${account.nothing}</p>`;
  const rows = events.map(({ at, text }) => html`<li>${timeHtml(language, at, now)} ${text}</li> `);
  return html`<ul class="events">
      ${rows}
    </ul>
    <p class="hint">${account.wasntYou}</p>`;
}
