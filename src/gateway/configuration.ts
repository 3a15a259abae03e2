// The configuration of a gateway that runs: loaded or refused whole, watched for changes. Invariant:
// a bad file changes nothing.

import { watchFile, unwatchFile } from "node:fs";

import { Failure } from "../commands/failure.ts";
import type { Config } from "../config/config.ts";
import { loadConfig, type Loaded } from "../config/load.ts";
import { describeProblem } from "../config/problem.ts";
import { addressText } from "../lib/listen.ts";

/** Throws Failure (2) with a line for every mistake. */
export function getConfiguration(path: string): Loaded {
  const loaded = loadConfig(path);
  if ("config" in loaded) return loaded;
  const lines = loaded.problems.map(describeProblem).join("\n");
  throw new Failure(2, lines, `mend it, then try: gatehouse check --config ${path}`);
}

// Editors write in several steps; what has been quiet for this long is meant.
const SETTLED_MS = 1_000;

/** Calls `onChange` once the files have changed and are quiet; the function returned ends it. */
export function watchFiles(files: readonly string[], onChange: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const touched = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onChange, SETTLED_MS);
    timer.unref();
  };
  for (const file of files) watchFile(file, { interval: SETTLED_MS, persistent: false }, touched);
  return () => {
    clearTimeout(timer);
    for (const file of files) unwatchFile(file, touched);
  };
}

/** An LDAP listener that only a start opens. */
export type ClosedPlace = Pick<Config["ldap"]["listeners"][number], "name" | "listen">;

/**
 * What a reload can't change, of what differs from the start: said, so that nobody waits for it.
 * `closed`: the LDAP listeners that aren't listened on.
 */
export function needsRestart(
  before: Config,
  after: Config,
  closed: readonly ClosedPlace[],
): string[] {
  const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
  return [
    ...(isSame(before.store, after.store) ? [] : ["store"]),
    ...(before.masterKey.equals(after.masterKey) ? [] : ["master_key"]),
    ...(isSame(before.radius.listen, after.radius.listen) ? [] : ["radius.listen"]),
    ...(isSame(adminPlace(before), adminPlace(after)) ? [] : ["admin"]),
    ...closed.map(({ name, listen }) => `ldap.listeners[${name}].listen ${addressText(listen)}`),
  ].map((key) => `${key} changed: it takes effect at the next start`);
}

/** Where the listener is, whether it speaks TLS and has a portal; its certificate may change. */
function adminPlace({ admin }: Config): unknown {
  if (admin === undefined) return undefined;
  const { listen, tls, publicUrl } = admin;
  return { listen, isPlain: tls === undefined, publicUrl };
}
