// The style sheet and the script of the pages. Each has its hash in its path, so that browsers may keep
// it for good and never show a page with another version's.

import { hash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Asset {
  readonly path: string;
  readonly contentType: string;
  readonly content: Buffer;
}

// Beside this file in the sources, and beside the bundle once that is built.
const css = readFileSync(new URL("./pages.css", import.meta.url));
const script = readFileSync(new URL("./pages.browser.js", import.meta.url));

export const STYLE: Asset = {
  path: `/assets/${versionOf(css)}.css`,
  contentType: "text/css; charset=utf-8",
  content: css,
};

export const SCRIPT: Asset = {
  path: `/assets/${versionOf(script)}.js`,
  contentType: "text/javascript; charset=utf-8",
  content: script,
};

function versionOf(content: Buffer): string {
  return hash("sha256", content, "hex").slice(0, 16);
}
