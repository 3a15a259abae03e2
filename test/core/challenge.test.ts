import fc from "fast-check";
import t from "tap";

import { newNonce, openChallenge, sealChallenge } from "../../src/core/challenge.ts";
import { Secret } from "../../src/lib/secret.ts";

const key = Secret.of(Buffer.alloc(32, 7));
const groups = ["cn=a,dc=example", "cn=b,dc=example", "cn=c,dc=example"];
const scope = {
  client: "vpn",
  username: "alice",
  directory: "corp",
  mfa: "required",
  allowGroups: ["cn=vpn,dc=example"],
  replyGroups: groups,
} as const;
const challenge = {
  nonce: newNonce(),
  expiresAt: 1_800_000_000_000,
  account: 4_711,
  generation: 3,
  groups: new Set([groups[0] ?? "", groups[2] ?? ""]),
};

t.test("a State opens to what was sealed in it", async (t) => {
  t.same(openChallenge(key, sealChallenge(key, challenge, scope), scope), challenge);
});

t.test(
  "RAD-18 O16: a State of another client, name, directory, mode or policy doesn't open",
  async (t) => {
    const state = sealChallenge(key, challenge, scope);
    const others = [
      { ...scope, client: "wifi" },
      { ...scope, username: "bob" },
      { ...scope, directory: "other" },
      { ...scope, mfa: "disabled" as const },
      { ...scope, allowGroups: [] },
      { ...scope, replyGroups: groups.slice(0, 2) },
    ];
    for (const other of others) t.equal(openChallenge(key, state, other), undefined);
  },
);

t.test(
  "RAD-18: a State with any bit flipped, cut, lengthened or under another key doesn't open",
  async (t) => {
    const state = sealChallenge(key, challenge, scope);
    for (let bit = 0; bit < state.length * 8; bit += 1) {
      const forged = Buffer.from(state);
      forged[bit >> 3] = forged.readUInt8(bit >> 3) ^ (1 << (bit & 7));
      if (openChallenge(key, forged, scope) !== undefined) t.fail(`bit ${bit}`);
    }
    for (let length = 0; length < state.length; length += 1) {
      if (openChallenge(key, state.subarray(0, length), scope) !== undefined)
        t.fail(`cut ${length}`);
    }
    t.equal(openChallenge(key, Buffer.concat([state, Buffer.alloc(1)]), scope), undefined);
    t.equal(openChallenge(Secret.of(Buffer.alloc(32, 8)), state, scope), undefined);
  },
);

t.test("R84: arbitrary octets are never a State and never throw", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 253 }), (bytes) => {
      return openChallenge(key, Buffer.from(bytes), scope) === undefined;
    }),
  );
});

t.test(
  "a State stays within an attribute's 253 octets with as many groups as are allowed",
  async (t) => {
    const replyGroups = Array.from({ length: 512 }, (_, index) => `cn=g${index},dc=example`);
    const state = sealChallenge(
      key,
      { ...challenge, groups: new Set(replyGroups) },
      { ...scope, replyGroups },
    );
    t.ok(state.length <= 253, `${state.length} octets`);
  },
);

t.test("two States of the same challenge differ", async (t) => {
  t.notSame(sealChallenge(key, challenge, scope), sealChallenge(key, challenge, scope));
});
