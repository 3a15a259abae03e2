// A schema on its way up: done or not begun, whoever dies or comes second.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import t from "tap";

import { migrate } from "../../../src/backends/store/migrate.ts";

const MIGRATE = new URL("../../../src/backends/store/migrate.ts", import.meta.url).pathname;

function look(path: string): { version: unknown; tables: number } {
  const database = new DatabaseSync(path);
  const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'");
  const found = { version, tables: Number(tables.get()?.["n"]) };
  database.close();
  return found;
}

t.test("S15: a migration that fails half way is as if it had never begun", (t) => {
  const path = join(t.testdir(), "a.db");
  const database = new DatabaseSync(path);
  // The last table of the schema stands in the way: everything before it is made, then taken back.
  database.exec("CREATE TABLE events (x)");
  t.throws(() => migrate(database), /already exists/);
  t.same(look(path), { version: 0, tables: 1 });
  database.exec("DROP TABLE events");
  migrate(database);
  migrate(database);
  database.close();
  t.match(look(path), { version: 2 });
  t.end();
});

t.test("S15: killed in the middle, the next one does all of it", async (t) => {
  const path = join(t.testdir(), "a.db");
  const program = `
    const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(${JSON.stringify(path)});
    const exec = database.exec.bind(database);
    database.exec = (sql) => { if (sql === "COMMIT") process.kill(process.pid, "SIGKILL"); exec(sql); };
    import(${JSON.stringify(MIGRATE)}).then(({ migrate }) => migrate(database));`;
  const child = spawn(process.execPath, ["-e", program], { stdio: "inherit" });
  t.same(await once(child, "exit"), [null, "SIGKILL"]);
  t.same(look(path), { version: 0, tables: 0 });
  const database = new DatabaseSync(path);
  migrate(database);
  database.close();
  t.match(look(path), { version: 2 });
});

t.test("S15: of two at a time one waits, then has nothing left to do", async (t) => {
  const path = join(t.testdir(), "a.db");
  const program = `
    const { DatabaseSync } = require("node:sqlite");
    const database = new DatabaseSync(${JSON.stringify(path)}, { timeout: 10_000 });
    import(${JSON.stringify(MIGRATE)}).then(({ migrate }) => migrate(database));`;
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, ["-e", program], { stdio: "inherit" }),
  );
  const exits = await Promise.all(children.map((child) => once(child, "exit")));
  t.same(exits, Array(3).fill([0, null]));
  t.match(look(path), { version: 2 });
});
