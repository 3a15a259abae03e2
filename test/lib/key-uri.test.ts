// Key URIs: what authenticator apps read.

import fc from "fast-check";
import t from "tap";

import { encodeKeyUri } from "../../src/lib/key-uri.ts";
import { Secret } from "../../src/lib/secret.ts";

const secret = Secret.of("12345678901234567890");

t.test("a key URI names issuer and person and gives every parameter", async (t) => {
  const uri = encodeKeyUri({
    issuer: "Example & Söhne",
    username: "alice@example.org",
    secret,
    algorithm: "sha256",
    digits: 8,
    periodSeconds: 60,
  });
  t.equal(
    uri,
    "otpauth://totp/Example%20%26%20S%C3%B6hne:alice%40example.org" +
      "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20%26%20S%C3%B6hne" +
      "&algorithm=SHA256&digits=8&period=60",
  );
});

t.test("no name can add or change a parameter", async (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (issuer, username) => {
      const parts = { issuer, username, secret, algorithm: "sha1", digits: 6 } as const;
      const url = new URL(encodeKeyUri({ ...parts, periodSeconds: 30 }));
      return (
        [...url.searchParams.keys()].join() === "secret,issuer,algorithm,digits,period" &&
        url.searchParams.get("issuer") === issuer
      );
    }),
  );
  t.pass();
});
