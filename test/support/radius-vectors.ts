// Reads the RADIUS vectors: the RFCs' example packets and the catalogue of bad packets.
// Invariant: a line that isn't understood is an error, so that no vector is skipped by mistake.

import { readFileSync } from "node:fs";
import { z } from "zod";

const EXPECTATION = ["accept", "reject", "challenge", "silent", "refused", "same"] as const;

const BadInput = z.strictObject({
  id: z.string().regex(/^R[0-9]{2}$/),
  title: z.string(),
  /** "ok", or the code of the WireError that decoding ends with. */
  decode: z.string(),
  /**
   * One for each packet, from a server that knows bob with the password hello, asks no code and
   * demands Message-Authenticator. "refused" is reject or silent, "same" the bytes of the reply
   * before (for a repeat at once: one reply, sent once or twice).
   */
  expect: z.array(z.enum(EXPECTATION)),
  packets: z.array(z.hex()),
});

export type BadInput = z.infer<typeof BadInput>;

export const BAD_INPUT_SECRET = "testing123";

/** All rows of test/vectors/radius-bad-inputs.jsonl. */
export function readBadInputs(): BadInput[] {
  const lines = readVector("radius-bad-inputs.jsonl").trim().split("\n");
  return lines.map((line) => BadInput.parse(JSON.parse(line)));
}

/** The "key value" lines of one vector file, in order. */
export function readExamples(name: string): { key: string; value: string }[] {
  const lines = readVector(name).split("\n");
  const wanted = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return wanted.map((line) => {
    const [key, value, ...more] = line.split(" ");
    if (key === undefined || value === undefined || more.length > 0) throw new Error(line);
    return { key, value };
  });
}

function readVector(name: string): string {
  return readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8");
}
