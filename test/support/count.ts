// Counts the assertions of a TAP stream on stdin and ends with one line that any tool can read.
// Exits non-zero when one failed, or when nothing ran at all.

import { createInterface } from "node:readline";

let passed = 0;
let failed = 0;
let skipped = 0;

// Only leaves count: a line that closes a subtest is summed up in its assertions already.
let isSubtestEnd = false;
for await (const line of createInterface({ input: process.stdin })) {
  if (/^\s*1\.\.\d+/.test(line)) isSubtestEnd = true;
  const result = /^\s*(not ok|ok) \d+/.exec(line);
  if (result === null) continue;
  const isLeaf = !isSubtestEnd;
  isSubtestEnd = false;
  if (result[1] === "not ok") {
    process.stdout.write(`${line}\n`);
    failed += 1;
  } else if (/# SKIP/i.test(line)) {
    skipped += 1;
  } else if (isLeaf) {
    passed += 1;
  }
}

process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
if (failed > 0 || skipped > 0 || passed === 0) process.exitCode = 1;
