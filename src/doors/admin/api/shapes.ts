// Shapes that several routes share. Text from outside has a length; numbers in a query are digits.

import { z } from "zod";

export const usernameText = z.string().min(1).max(256);
export const passwordText = z.string().min(1).max(1_024);
export const codeText = z.string().regex(/^[0-9]{6}$/, "has to be six digits");
export const tokenText = z.string().min(1).max(128);

/** An answer that says nothing but its status. */
export const done = z.strictObject({});

/** Of a path: a number of ours, as text. */
export const idParams = z.strictObject({
  id: z.string().regex(/^[0-9]{1,15}$/, "has to be a number"),
});

export const moment = z.iso.datetime({ offset: true });

export function isoText(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoTextOr(ms: number | undefined): string | null {
  return ms === undefined ? null : isoText(ms);
}
