// User-Password hidden and revealed (RFC 2865 §5.2).

import fc from "fast-check";
import t from "tap";
import { Secret } from "../../../src/lib/secret.ts";
import { WireError } from "../../../src/wire/error.ts";
import { ATTRIBUTE, find } from "../../../src/wire/radius/attributes.ts";
import { hide, reveal } from "../../../src/wire/radius/hidden.ts";
import { decode } from "../../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";
import { BAD_INPUT_SECRET, readBadInputs } from "../../support/radius-vectors.ts";

const secret = new SharedSecret(Secret.of("xyzzy5461"));
const authenticator = Buffer.alloc(16, 0x3c);
const roundTrip = (password: string | Buffer): Buffer | undefined =>
  reveal(hide(Secret.of(password), authenticator, secret), authenticator, secret)?.reveal();

t.test("RAD-22: what is hidden is revealed, whatever octets it has", async (t) => {
  const octets = fc.uint8Array({ maxLength: 128 }).map((bytes) => Buffer.from(bytes));
  const property = fc.property(octets, (password) => {
    const trimmed = Buffer.from(password.toString("latin1").replace(/\0+$/, ""), "latin1");
    t.same(roundTrip(password), trimmed);
  });
  fc.assert(property, { seed: 52, numRuns: 200 });
});

t.test("the hidden form is the shortest multiple of 16 octets, at least one block", async (t) => {
  for (const [length, hidden] of [
    [0, 16],
    [1, 16],
    [16, 16],
    [17, 32],
    [128, 128],
  ] as const) {
    t.equal(hide(Secret.of("x".repeat(length)), authenticator, secret).length, hidden);
  }
});

t.test("a password above 128 octets is refused, not cut", async (t) => {
  const hideLong = (): Buffer => hide(Secret.of("x".repeat(129)), authenticator, secret);
  t.throws(hideLong, new WireError("too-long", 128));
});

t.test("R27 R28 R29: a hidden value of a wrong length reveals nothing", async (t) => {
  for (const length of [0, 1, 15, 17, 127, 129, 144, 253]) {
    t.equal(reveal(Buffer.alloc(length), authenticator, secret), undefined);
  }
});

t.test("R31: only NULs at the end are padding", async (t) => {
  t.same(roundTrip("hello\0x"), Buffer.from("hello\0x"));
  t.same(roundTrip("\0hello\0\0"), Buffer.from("\0hello"));
  t.same(roundTrip("\0\0\0"), Buffer.of());
});

t.test("another secret or authenticator reveals noise, not the password", async (t) => {
  const hidden = hide(Secret.of("arctangent"), authenticator, secret);
  const other = new SharedSecret(Secret.of("xyzzy5462"));
  const wrong = [reveal(hidden, authenticator, other), reveal(hidden, Buffer.alloc(16), secret)];
  for (const noise of wrong) t.notOk(noise?.equals(Secret.of("arctangent")));
});

t.test("revealing leaves the packet as it came", async (t) => {
  const hidden = hide(Secret.of("arctangent"), authenticator, secret);
  const copy = Buffer.from(hidden);
  reveal(hidden, authenticator, secret);
  t.same(hidden, copy);
});

t.test("R01 R27 R28 R29 R30 R31 R37: the catalogue's passwords", async (t) => {
  const expected: Record<string, string | undefined> = {
    R01: "hello",
    R27: undefined,
    R28: undefined,
    R29: undefined,
    R30: "",
    R31: "hello\0x",
    R37: "nope",
  };
  const catalogueSecret = new SharedSecret(Secret.of(BAD_INPUT_SECRET));
  for (const { id, packets } of readBadInputs()) {
    if (!Object.hasOwn(expected, id)) continue;
    const packet = decode(Buffer.from(packets[0] ?? "", "hex"));
    const hidden = find(packet.attributes, ATTRIBUTE.userPassword)?.value ?? Buffer.of();
    const password = reveal(hidden, packet.authenticator, catalogueSecret);
    t.equal(password?.reveal().toString(), expected[id], id);
  }
});
