// Which Gatehouse this is. Stays at the top of src/: the bundle, too, has package.json one folder up.

import { readFileSync } from "node:fs";

/** As package.json says; "unknown" if it doesn't. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version }: { version?: unknown } = JSON.parse(text);
  return typeof version === "string" ? version : "unknown";
}
