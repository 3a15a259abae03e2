import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import t from "tap";

import { Failure } from "../../src/commands/failure.ts";
import { getConfiguration, needsRestart, watchFiles } from "../../src/gateway/configuration.ts";
import { makeFolder, yaml } from "../support/configuration.ts";

t.test("a configuration that is wrong is a Failure with every mistake and the next step", (t) => {
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  const path = folder.write("gatehouse.yaml", yaml({ top: "lockout: { attempts: 0 }\nx: 1\n" }));
  try {
    getConfiguration(path);
    t.fail("it was taken");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    t.equal(error.exitCode, 2);
    t.equal(error.message.split("\n").length, 2);
    t.equal(error.nextStep, `mend it, then try: gatehouse check --config ${path}`);
  }
  t.end();
});

t.test("files that change are read once, when they have been quiet for a second", async (t) => {
  const folder = t.testdir({ one: "", other: "", ignored: "" });
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  let changes = 0;
  const stop = watchFiles([one, other], () => (changes += 1));
  await wait(50);
  for (const text of ["a", "ab", "abc"]) {
    writeFileSync(one, text);
    writeFileSync(other, text);
    writeFileSync(join(folder, "ignored"), text);
    await wait(300);
  }
  t.equal(changes, 0, "not while somebody writes");
  await wait(3_500);
  t.equal(changes, 1);
  stop();
  writeFileSync(one, "after");
  await wait(2_500);
  t.equal(changes, 1, "and not after the end");
});

t.test("what a reload can't change is named, and nothing else", (t) => {
  const folder = makeFolder();
  t.teardown(() => folder.remove());
  const load = (top: string, radius = "") => {
    const loaded = folder.load(yaml({ top, radius }));
    if (!("config" in loaded)) throw new Error("not loaded");
    return loaded.config;
  };
  const before = load("");
  t.same(needsRestart(before, load("lockout: { attempts: 3 }\nlog: { level: debug }\n"), []), []);
  folder.write("master.key", `${Buffer.alloc(32, 8).toString("base64")}\n`);
  const after = load("store: { retention: 7d }\n", '  listen: ["127.0.0.1:1"]\n');
  t.same(
    needsRestart(before, after, []).map((line) => line.split(" ")[0]),
    ["store", "master_key", "radius.listen"],
  );
  t.end();
});
