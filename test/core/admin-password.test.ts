// An administrator's password: long, of four kinds of characters, and not the name.

import t from "tap";

import { adminPasswordProblem, generateAdminPassword } from "../../src/core/admin-password.ts";

const NAME = "Root.Admin@example.org";

t.test("B03, B04: what is missing is told, one by one", async (t) => {
  const rows: readonly (readonly [string, RegExp | undefined])[] = [
    ["Correct-Hor7", undefined],
    ["Correct-Ho7", /at least 12 characters/],
    ["correct-horse-7", /upper case/],
    ["CORRECT-HORSE-7", /lower case/],
    ["Correct-Horse-x", /digit/],
    ["CorrectHorse77", /neither letter nor digit/],
    [`${"Aa1-".repeat(64)}x`, /256 characters at most/],
    ["My-ROOT.admin-7x", /user name/],
    ["Root.Admin@Example.org7", /user name/],
    ["Ärgerlich-Grüße9", undefined],
  ];
  for (const [password, problem] of rows) {
    const found = adminPasswordProblem(NAME, password);
    if (problem === undefined) t.equal(found, undefined, password);
    else t.match(found, problem, password);
  }
});

t.test("a name of two letters may stand in it by chance", async (t) => {
  t.equal(adminPasswordProblem("al@b.org", "Correct-Meal-77"), undefined);
});

t.test("a generated one is right, and never the same", async (t) => {
  const made = Array.from({ length: 200 }, () => generateAdminPassword(NAME));
  t.equal(new Set(made).size, 200);
  for (const password of made) t.equal(adminPasswordProblem(NAME, password), undefined);
});
