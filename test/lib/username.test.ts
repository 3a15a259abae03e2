// Names that are one name.

import t from "tap";

import { normaliseUsername } from "../../src/lib/username.ts";

t.test("O23: spellings of one name are one name, other names stay apart", async (t) => {
  for (const name of ["ALICE", " alice ", "Alice", "ａｌｉｃｅ"]) {
    t.equal(normaliseUsername(name), "alice", name);
  }
  t.equal(normaliseUsername("Anna  Maria"), "anna maria");
  t.equal(normaliseUsername("re\u0301ne"), normaliseUsername("r\u00e9ne"));
  for (const name of ["alicе", "alice1", "al ice"]) t.not(normaliseUsername(name), "alice", name);
});
