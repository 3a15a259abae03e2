// HTML by a tagged template. Invariant: whatever stands in `${…}` is escaped, for text and for quoted
// attributes alike; only this template makes what isn't escaped again, and nothing turns text into it.

/** What may stand in `${…}`: false and undefined are left out, a list stands one after the other. */
export type Part = Html | string | number | false | undefined | readonly Part[];

export class Html {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Attributes are always written in double quotes: nothing escapes an unquoted one. */
  static template(this: void, strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
    let text = strings[0] ?? "";
    for (const [at, part] of parts.entries()) text += textOf(part) + (strings[at + 1] ?? "");
    return new Html(text);
  }

  toString(): string {
    return this.#text;
  }
}

export const html = Html.template;

function textOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part).replaceAll(/[&<>"']/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}
