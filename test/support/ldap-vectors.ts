// Reads the catalogue of bad LDAP input: streams of a client, and what a session does with each.
// Invariant: a line that isn't understood is an error, so that no vector is skipped by mistake.

import { readFileSync } from "node:fs";
import { z } from "zod";

import { filter, searchRequest } from "./ldap-requests.ts";

const BadInput = z.strictObject({
  id: z.string().regex(/^L[0-9]{2}$/),
  title: z.string(),
  /** The directory doesn't answer any operation. */
  unanswered: z.literal(true).optional(),
  /** What a session does that allows everything, where bob's password is hello. */
  events: z.array(z.string()),
  /**
   * What comes at once: hexadecimal digits, with "*N" behind some that come N times; or "nested N",
   * a search with a filter N deep.
   */
  stages: z.array(z.string()),
});

interface BadLdapInput extends Omit<z.infer<typeof BadInput>, "stages"> {
  readonly stages: readonly Buffer[];
}

/** All rows of test/vectors/ldap-bad-inputs.jsonl. */
export function readBadLdapInputs(): BadLdapInput[] {
  const path = new URL("../vectors/ldap-bad-inputs.jsonl", import.meta.url);
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) => {
    const row = BadInput.parse(JSON.parse(line));
    return { ...row, stages: row.stages.map(readStage) };
  });
}

function readStage(stage: string): Buffer {
  const depth = /^nested ([0-9]+)$/.exec(stage)?.[1];
  if (depth !== undefined) return nestedSearch(Number(depth));
  const pieces = stage.split(" ").map((piece) => {
    const [, hex, times = "1"] = /^((?:[0-9a-f]{2})+)(?:\*([0-9]+))?$/.exec(piece) ?? [];
    if (hex === undefined) throw new Error(`not a stage: ${stage}`);
    return Buffer.from(hex.repeat(Number(times)), "hex");
  });
  return Buffer.concat(pieces);
}

function nestedSearch(depth: number): Buffer {
  let nested = filter.present("a");
  for (let level = 0; level < depth; level += 1) nested = filter.and(nested);
  return searchRequest(2, { filter: nested });
}
