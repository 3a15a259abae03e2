// Who must sign, whose signature counts, and what an address teaches about itself.

import t from "tap";

import { Secret } from "../../../src/lib/secret.ts";
import { ATTRIBUTE } from "../../../src/wire/radius/attributes.ts";
import { signMessageAuthenticator } from "../../../src/wire/radius/authenticator.ts";
import { decode } from "../../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";
import {
  ask,
  attribute,
  client,
  memoryLearnt,
  nameOf,
  network,
  openDoor,
  request,
  type RequestParts,
  SECRET,
  statusRequest,
} from "../../support/radius-door.ts";

const EAP = attribute(ATTRIBUTE.eapMessage, Buffer.from([2, 9, 0, 8, 1, 0x62, 0x6f, 0x62]));
const PROXY_STATE = attribute(ATTRIBUTE.proxyState, "p".repeat(100));
const MISSING = "missing-message-authenticator";
const BAD = "bad-message-authenticator";

const FOUR_WAYS: [title: string, parts: RequestParts, expected: string][] = [
  ["genuine", {}, "Access-Accept"],
  ["with one bit flipped", { signature: "forged" }, BAD],
  ["absent", { signature: "absent" }, MISSING],
  ["made with another secret", { secret: "testing124" }, BAD],
];

for (const [title, parts, expected] of FOUR_WAYS) {
  t.test(`RAD-02 RAD-26: a login whose signature is ${title}: ${expected}`, async (t) => {
    const kit = await openDoor();
    t.equal(await nameOf(kit, request(parts)), expected);
    t.equal(kit.script.logins.length, expected === "Access-Accept" ? 1 : 0);
  });
  t.test(`RAD-28: a Status-Server whose signature is ${title}: ${expected}`, async (t) => {
    const kit = await openDoor({ clients: [client({ requireMessageAuthenticator: false })] });
    t.equal(await nameOf(kit, statusRequest(parts)), expected);
  });
  const answer = expected === "Access-Accept" ? "Access-Reject" : expected;
  t.test(`RAD-01: an EAP-Message whose signature is ${title}: ${answer}`, async (t) => {
    const kit = await openDoor({ clients: [client({ requireMessageAuthenticator: false })] });
    const datagram = request({ ...parts, password: null, attributes: [EAP] });
    t.equal(await nameOf(kit, datagram), answer);
  });
}

t.test("RAD-03: where signing isn't required, Proxy-State still needs a signature", async (t) => {
  const lax = { requireMessageAuthenticator: false };
  const unsigned = request({ signature: "absent", attributes: [PROXY_STATE] });
  const strict = await openDoor({ clients: [client(lax)] });
  t.equal(await nameOf(strict, unsigned), "unsigned-proxy-state");
  t.equal(await nameOf(strict, request({ signature: "absent" })), "Access-Accept");
  t.equal(await nameOf(strict, request({ attributes: [PROXY_STATE] })), "Access-Accept");
  const off = await openDoor({ clients: [client({ ...lax, limitProxyState: false })] });
  t.equal(await nameOf(off, unsigned), "Access-Accept");
});

t.test("RAD-02: a present signature is verified even where none is required", async (t) => {
  const kit = await openDoor({ clients: [client({ requireMessageAuthenticator: false })] });
  t.equal(await nameOf(kit, request({ signature: "forged" })), BAD);
  t.equal(await nameOf(kit, request({ secret: "another" })), BAD);
});

t.test(
  "RAD-02: auto: once an address has signed a login, it must, also after a restart",
  async (t) => {
    const learnt = memoryLearnt();
    const clients = [
      client({
        addresses: [network("127.0.0.0/8")],
        requireMessageAuthenticator: "auto",
      }),
    ];
    const kit = await openDoor({ clients, learnt });
    const unsigned = (): Buffer => request({ signature: "absent" });
    t.equal(await nameOf(kit, unsigned()), "Access-Accept");
    t.equal(await nameOf(kit, request({ signature: "forged" })), BAD);
    t.equal(await nameOf(kit, statusRequest()), "Access-Accept");
    t.equal(await nameOf(kit, request({ password: null, attributes: [EAP] })), "Access-Reject");
    t.equal(await nameOf(kit, unsigned()), "Access-Accept", "those three taught nothing");
    t.equal(await nameOf(kit, request()), "Access-Accept");
    t.equal(await nameOf(kit, unsigned()), MISSING);
    t.equal(await nameOf(kit, unsigned(), { address: "127.0.0.2" }), "Access-Accept");
    t.same(learnt.keys, ["127.0.0.1"]);
    const next = await openDoor({ clients, learnt });
    t.equal(await nameOf(next, unsigned()), MISSING);
  },
);

t.test("auto: what couldn't be saved holds at once and is tried again", async (t) => {
  const learnt = memoryLearnt();
  let isDown = true;
  const kit = await openDoor({
    clients: [client({ requireMessageAuthenticator: "auto" })],
    learnt: {
      load: async (kind) => learnt.load(kind),
      remember: async (kind, key) => {
        if (isDown) throw new Error("the store is down");
        await learnt.remember(kind, key);
      },
    },
  });
  await ask(kit, request());
  t.equal(await nameOf(kit, request({ signature: "absent" })), MISSING);
  t.same(learnt.keys, []);
  isDown = false;
  await ask(kit, request());
  await ask(kit, request());
  t.same(learnt.keys, ["127.0.0.1"]);
});

t.test("RAD-14: during a rotation both secrets work, each answered with itself", async (t) => {
  const rotating = {
    secret: Secret.of("the new secret"),
    previousSecret: Secret.of("the old secret"),
  };
  const strict = await openDoor({ clients: [client(rotating)] });
  for (const secret of ["the new secret", "the old secret"]) {
    t.equal(await nameOf(strict, request({ secret }), {}, secret), "Access-Accept");
  }
  t.equal(await nameOf(strict, request({ secret: "a third one" })), BAD);

  const lax = { ...rotating, requireMessageAuthenticator: false };
  const unsigned = await openDoor({ clients: [client(lax)] });
  for (const secret of ["the new secret", "the old secret"]) {
    const datagram = request({ secret, signature: "absent", password: "päss wörd hello" });
    t.equal(await nameOf(unsigned, datagram, {}, secret), "Access-Reject");
    t.equal(unsigned.script.logins.at(-1)?.credentials.reveal().toString(), "päss wörd hello");
  }
});

t.test("noise instead of a password is secret-mismatch and goes no further", async (t) => {
  const kit = await openDoor({ clients: [client({ requireMessageAuthenticator: false })] });
  const datagram = request({
    secret: "another",
    signature: "absent",
    authenticator: Buffer.alloc(16, 3),
    password: "a password of 26 octets ok",
  });
  t.equal(await nameOf(kit, datagram), "Access-Reject");
  t.same(kit.script.refusals, [{ reason: "secret-mismatch", username: "bob", authType: "PAP" }]);
  t.equal(kit.script.logins.length, 0);
});

t.test("RAD-05 RAD-07: Message-Authenticator may stand anywhere", async (t) => {
  const shared = new SharedSecret(Secret.of(SECRET));
  const datagram = request({ attributes: [attribute(250, "unknown"), attribute(251, "too")] });
  const [signature, ...others] = decode(datagram).attributes.map(({ value }) =>
    datagram.subarray(value.byteOffset - datagram.byteOffset - 2).subarray(0, value.length + 2),
  );
  for (let before = 0; before <= others.length; before++) {
    const header = Buffer.from(datagram.subarray(0, 20));
    const parts = [header, ...others.slice(0, before), Buffer.alloc(18), ...others.slice(before)];
    const moved = Buffer.concat(parts);
    const at = Buffer.concat(parts.slice(0, before + 1)).length;
    moved.set(signature?.subarray(0, 2) ?? [], at);
    signMessageAuthenticator(moved, at + 2, shared);
    const kit = await openDoor();
    t.equal(await nameOf(kit, moved), "Access-Accept", `after ${before} attributes`);
  }
});

t.test("RAD-12: codes this port doesn't serve are silent, even when signed", async (t) => {
  const kit = await openDoor();
  for (const code of [0, 2, 3, 4, 5, 11, 13, 40, 43, 255]) {
    const datagram = request();
    datagram.writeUInt8(code, 0);
    t.equal(await nameOf(kit, datagram), "unexpected-code");
  }
});
