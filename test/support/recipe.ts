// The configurations that docs/ldap-recipes.md shows, for the tests that run them.

import { readFileSync } from "node:fs";

const RECIPES = new URL("../../docs/ldap-recipes.md", import.meta.url);

/**
 * The block in that language below that heading. `here`: what stands in the place of the example's
 * names; each of them has to be there.
 */
export function recipe(
  heading: string,
  language: string,
  here: Readonly<Record<string, string>> = {},
): string {
  const text = readFileSync(RECIPES, "utf8");
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  let block = section.split(`\`\`\`${language}\n`)[1]?.split("```")[0];
  if (block === undefined) throw new Error(`no ${language} below ${heading}`);
  for (const [example, real] of Object.entries(here)) {
    if (!block.includes(example)) throw new Error(`${heading} doesn't say ${example}`);
    block = block.replaceAll(example, real);
  }
  return block;
}
