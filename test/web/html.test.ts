// Whatever is put into a page is text there.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import t from "tap";

import { html } from "../../src/web/html.ts";

const WEB = new URL("../../src/web/", import.meta.url);

t.test("A07: no text can end the text or the attribute it stands in", async (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const inside = html`${text}`.toString();
      return !/[<>"']/.test(inside) && !/&(?!#\d+;)/.test(inside);
    }),
  );
  t.equal(
    html`<p title="${'" onclick="x'}">${"<script>&amp;'"}</p>`.toString(),
    '<p title="&#34; onclick=&#34;x">&#60;script&#62;&#38;amp;&#39;</p>',
  );
});

t.test(
  "templates stand in templates, lists one after the other, nothing for nothing",
  async (t) => {
    const items = ["a", "<b>"].map((text) => html`<i>${text}</i>`);
    const page = html`<p>${items}${false}${undefined}${7}${[]}</p>`;
    t.equal(page.toString(), "<p><i>a</i><i>&#60;b&#62;</i>7</p>");
  },
);

t.test("what only looks like a template is text", async (t) => {
  const forged: unknown = { toString: () => "<script>" };
  t.throws(() => html`${forged as string[]}`);
  t.equal(html`${JSON.parse('["<script>"]') as string[]}`.toString(), "&#60;script&#62;");
});

t.test(
  "every attribute that is put in stands in quotes, and none is a script or a style",
  async (t) => {
    const files = readdirSync(WEB, { recursive: true, encoding: "utf8" });
    const sources = files.filter((file) => file.endsWith(".ts"));
    t.ok(sources.length >= 8);
    for (const file of sources) {
      const text = readFileSync(join(WEB.pathname, file), "utf8");
      t.notMatch(text, /[a-z]=\$\{/, file);
      t.notMatch(text, /<style|<script>| style="| on[a-z]+="/, file);
    }
  },
);
