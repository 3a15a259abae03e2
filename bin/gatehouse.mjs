#!/usr/bin/env node
// Starts the command line under the pinned Node, whichever Node was found first: the sources are
// TypeScript, which only Node 24 and later runs by itself.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const pinned = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
const [major = 0] = process.versions.node.split(".").map(Number);

if (major >= 24) {
  await import(main);
} else if (existsSync(pinned)) {
  const { status } = spawnSync(pinned, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else {
  process.stderr.write("Gatehouse needs Node 24 or later: run `npm ci` in its folder first.\n");
  process.exitCode = 2;
}
