// BER: what LDAP allows is read, everything else is a WireError; what is written is minimal.

import t from "tap";

import { WireError } from "../../../src/wire/error.ts";
import { BerReader, BerWriter, TAG } from "../../../src/wire/ldap/ber.ts";

const reading = (hex: string): BerReader => new BerReader(Buffer.from(hex, "hex"));

function codeOf(read: () => unknown): string {
  try {
    read();
    return "read";
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

t.test("LDAP-03: lengths that aren't minimal are read, indefinite ones refused", async (t) => {
  for (const hex of [
    "0401 61",
    "048101 61",
    "04820001 61",
    "048400000001 61",
    "0485000000000161",
  ]) {
    t.equal(reading(hex.replaceAll(" ", "")).readText(TAG.octetString), "a", hex);
  }
  const cases: Record<string, string> = {
    "0480610000": "indefinite-length",
    "04ff": "bad-length",
    "0485010000000061": "bad-length",
    "0484ffffffff61": "overrun",
    "040261": "overrun",
    "0482": "too-short",
    "04": "too-short",
    "": "too-short",
  };
  for (const [hex, code] of Object.entries(cases)) {
    t.equal(
      codeOf(() => reading(hex).readOctets(TAG.octetString)),
      code,
      hex,
    );
  }
});

t.test("LDAP-03: a constructed string is refused", async (t) => {
  t.equal(
    codeOf(() => reading("2403040161").readOctets(TAG.octetString)),
    "bad-tag",
  );
  t.equal(
    codeOf(() => reading("bf0100").skip()),
    "bad-tag",
    "a tag of several octets",
  );
});

t.test("an inner element can't reach beyond its outer one", async (t) => {
  const reader = reading("30030402616204026364");
  reader.enter(TAG.sequence);
  t.equal(
    codeOf(() => reader.readOctets(TAG.octetString)),
    "overrun",
  );
});

t.test("leaving an element with something left in it is refused", async (t) => {
  const reader = reading("3006020101040161");
  const outer = reader.enter(TAG.sequence);
  reader.readInteger(TAG.integer);
  t.equal(
    codeOf(() => reader.leave(outer)),
    "trailing-bytes",
  );
});

t.test("integers are read as 32 bits at most", async (t) => {
  t.equal(reading("02020080").readInteger(TAG.integer), 128);
  t.equal(reading("0201ff").readInteger(TAG.integer), -1);
  t.equal(reading("02047fffffff").readInteger(TAG.integer), 0x7fffffff);
  t.equal(
    codeOf(() => reading("0200").readInteger(TAG.integer)),
    "bad-integer",
  );
  t.equal(
    codeOf(() => reading("02050080000000").readInteger(TAG.integer)),
    "bad-integer",
  );
});

t.test("text that isn't UTF-8 is refused, and a byte order mark is kept", async (t) => {
  t.equal(
    codeOf(() => reading("0401ff").readText(TAG.octetString)),
    "bad-utf8",
  );
  t.equal(reading("0403efbbbf").readText(TAG.octetString), "\ufeff");
});

t.test("what is written is read again, at every length of a header", async (t) => {
  for (const size of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 300_000]) {
    const writer = new BerWriter();
    writer.writeOctets(TAG.octetString, Buffer.alloc(size, 97));
    writer.writeInteger(TAG.integer, size);
    writer.wrap(TAG.sequence, 0);
    const reader = new BerReader(writer.finish());
    const outer = reader.enter(TAG.sequence);
    t.equal(reader.readInteger(TAG.integer), size);
    t.equal(reader.readOctets(TAG.octetString).length, size);
    reader.leave(outer);
    t.ok(reader.isAtEnd);
  }
});

t.test("integers are written in as few octets as possible, never negative", async (t) => {
  const cases: Record<string, number> = {
    "020100": 0,
    "02017f": 127,
    "02020080": 128,
    "02047fffffff": 0x7fffffff,
  };
  for (const [hex, value] of Object.entries(cases)) {
    const writer = new BerWriter();
    writer.writeInteger(TAG.integer, value);
    t.equal(writer.finish().toString("hex"), hex);
  }
  for (const value of [-1, 2 ** 31, 0.5]) {
    t.equal(
      codeOf(() => new BerWriter().writeInteger(TAG.integer, value)),
      "bad-integer",
    );
  }
});
