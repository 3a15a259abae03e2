// The JSON Schema for editors, and the list of every key, both made from the zod schema.

import { z } from "zod";

import { schema } from "./schema.ts";

const TITLE = "Gatehouse configuration";

/** The text of the file, formatted, with a newline at its end. */
export function jsonSchemaText(): string {
  return `${JSON.stringify({ title: TITLE, ...jsonSchema() }, undefined, 2)}\n`;
}

/** Names of the keys that may stand at a place, such as "radius.clients[]"; "" is the top. */
export function keysAt(place: string): string[] {
  let node: unknown = jsonSchema();
  for (const step of place === "" ? [] : place.replaceAll("[]", ".[]").split(".")) {
    node = step === "[]" ? read(node, "items") : read(read(node, "properties"), step);
  }
  return Object.keys(read(node, "properties") ?? {});
}

/** Every key of the file, written like "radius.clients[].addresses"; a secret counts as one. */
export function configurationKeys(): string[] {
  return collectKeys(jsonSchema(), "");
}

function collectKeys(node: unknown, prefix: string): string[] {
  if (isSecret(node)) return [];
  const properties = read(node, "properties") ?? {};
  return Object.entries(properties).flatMap(([key, inner]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const items = read(inner, "items");
    const below = items === undefined ? collectKeys(inner, path) : collectKeys(items, `${path}[]`);
    return [path, ...below];
  });
}

/** Only a secret's mapping has exactly one of its keys (leaf.ts). */
function isSecret(node: unknown): boolean {
  return typeof node === "object" && node !== null && "maxProperties" in node;
}

// Needed only where something is wrong, and then perhaps a thousand times.
let made: z.core.JSONSchema.BaseSchema | undefined;

function jsonSchema(): z.core.JSONSchema.BaseSchema {
  made ??= z.toJSONSchema(schema, { io: "input" });
  return made;
}

function read(node: unknown, key: string): object | undefined {
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
  const value: unknown = Reflect.get(node, key);
  return typeof value === "object" && value !== null ? value : undefined;
}
