// A text with named places, as administrators write it: a subject, an empty line, paragraphs. Invariant:
// a value fills one place of one line and is never read as a template or as a header itself.

export interface TextTemplate {
  readonly subject: string;
  readonly paragraphs: readonly string[];
}

export interface RenderedText {
  readonly subject: string;
  readonly text: string;
}

/** A value for each place; undefined: there is none, and no paragraph that needs it. */
export type TemplateValues = Readonly<Record<string, string | undefined>>;

const TEMPLATE_CHARS_MAX = 16_384;
// RFC 5322 §2.1.1: no line has more octets, however it is encoded later.
const LINE_CHARS_MAX = 900;
const SUBJECT_CHARS_MAX = 200;
const VALUE_CHARS_MAX = 256;
const PLACE = /\{([a-z_]{1,40})\}/g;
// What ends or hides a part of a line: control characters, separators, what has no width, half ones.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A string is what is wrong, to follow the file's name. `places`: those that may stand in it. */
export function parseTemplate(written: string, places: readonly string[]): TextTemplate | string {
  if (written.length > TEMPLATE_CHARS_MAX) return "is longer than 16,384 characters";
  const text = written.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
  const [, subject, body] = /^Subject: ?(.*)\n[ \t]*\n([\s\S]*)$/.exec(text) ?? [];
  if (subject === undefined || subject.trim() === "" || body === undefined || body.trim() === "") {
    return 'must begin with "Subject: …" and an empty line, and have a text below';
  }
  const lines = text.split("\n");
  const unsafe = lines.findIndex((line) => line.replaceAll("\t", " ").search(UNSAFE) !== -1);
  if (unsafe !== -1) return `has an invisible character in line ${unsafe + 1}`;
  const long = lines.findIndex((line) => line.length > LINE_CHARS_MAX);
  if (long !== -1) return `has more than ${LINE_CHARS_MAX} characters in line ${long + 1}`;
  const unknown = placesIn(text).find((place) => !places.includes(place));
  if (unknown !== undefined) {
    const known = places.map((place) => `{${place}}`).join(", ");
    return `has {${unknown}}, which means nothing here; there are ${known}`;
  }
  const paragraphs = body
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/^\n+|\s+$/g, ""));
  return { subject: subject.trim(), paragraphs: paragraphs.filter((one) => one !== "") };
}

/** A paragraph with a place for which there is no value is left out. */
export function renderTemplate(template: TextTemplate, values: TemplateValues): RenderedText {
  const isComplete = (text: string): boolean =>
    placesIn(text).every((place) => valueOf(values, place) !== undefined);
  const paragraphs = template.paragraphs.filter(isComplete).map((one) => fill(one, values));
  const subject = fill(template.subject, values);
  return { subject: subject.slice(0, SUBJECT_CHARS_MAX), text: `${paragraphs.join("\n\n")}\n` };
}

function placesIn(text: string): string[] {
  return [...text.matchAll(PLACE)].map(([, place]) => place ?? "");
}

// In one pass: what looks like a place in a value stays as it is.
function fill(text: string, values: TemplateValues): string {
  return text.replaceAll(PLACE, (_, place: string) => oneLine(valueOf(values, place) ?? ""));
}

function valueOf(values: TemplateValues, place: string): string | undefined {
  return Object.hasOwn(values, place) ? values[place] : undefined;
}

function oneLine(value: string): string {
  return value.slice(0, VALUE_CHARS_MAX).replaceAll(UNSAFE, "\u{FFFD}");
}
