import t from "tap";

import { WIRE_ERROR_CODES, WireError } from "../../src/wire/error.ts";

t.test("a wire error says what and where, and nothing of the octets", (t) => {
  for (const code of WIRE_ERROR_CODES) {
    const error = new WireError(code, 17);
    t.match(error, { name: "WireError", code, offset: 17, message: `${code} at octet 17` });
    t.match(code, /^[a-z0-9]+(-[a-z0-9]+)*$/);
  }
  t.equal(new Set(WIRE_ERROR_CODES).size, WIRE_ERROR_CODES.length);
  t.end();
});
