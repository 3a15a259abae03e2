// What an administrator will see: the gateway as a process of its own, slapd behind it, radclient in
// front, everything driven by the command line.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { randomBytes } from "node:crypto";

import t from "tap";

import { Secret } from "../../src/lib/secret.ts";
import { ATTRIBUTE } from "../../src/wire/radius/attributes.ts";
import { CODE } from "../../src/wire/radius/code.ts";
import { encodeRequest } from "../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../src/wire/radius/shared-secret.ts";
import { codeFor, radclient, SHARED_SECRET, startGateway } from "../support/gateway.ts";
import { operatorOf } from "../support/operator.ts";
import { startSlapd } from "../support/slapd.ts";

const slapd = await startSlapd({ log: true, users: 1_000 });
const gateway = await startGateway({ directory: slapd.url });
t.teardown(async () => {
  await gateway.end();
  await slapd.stop();
});

const { enroll, events } = operatorOf(gateway);

await t.test("password,code is accepted; the same code again is refused as a replay", async (t) => {
  const field = `alice-password,${codeFor(enroll("alice"))}`;
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
  t.equal((await radclient(gateway, "ALICE", field)).code, "Access-Reject");
  const logins = events("--user", "alice", "--type", "radius_auth_attempt");
  t.same(
    logins.map((one) => one.reason),
    [undefined, "mfa-code-replayed"],
  );
});

await t.test("a password alone is challenged; the answer is accepted once", async (t) => {
  const secret = enroll("bob");
  const challenge = await radclient(gateway, "bob", "hello");
  t.equal(challenge.code, "Access-Challenge");
  t.match(challenge.text, /Reply-Message/);
  const state = [`State = ${challenge.state ?? ""}`];
  t.equal((await radclient(gateway, "bob", codeFor(secret), state)).code, "Access-Accept");
  const again = await radclient(gateway, "bob", codeFor(secret, 1), state);
  t.equal(again.code, "Access-Reject", "R83: one State, one answer");
});

await t.test("OTP-03: fifty parallel uses of one code: one accept", async (t) => {
  const field = `carol-password,${codeFor(enroll("carol"))}`;
  const tries = Array.from({ length: 50 }, () => radclient(gateway, "carol", field));
  const codes = (await Promise.all(tries)).map((reply) => reply.code);
  t.equal(codes.filter((code) => code === "Access-Accept").length, 1);
  t.equal(codes.filter((code) => code === "Access-Reject").length, 49);
  t.notMatch(gateway.command("user", "show", "carol").stdout, /locked/i, "and nobody is locked");
});

await t.test(
  "O06 LOG-05: wrong password, wrong code, unknown user: the same reply to the byte count",
  async (t) => {
    const secret = enroll("mallory");
    const wrongCode = codeFor(secret) === "000000" ? "111111" : "000000";
    const texts = await Promise.all([
      radclient(gateway, "mallory", `wrong,${codeFor(secret)}`),
      radclient(gateway, "mallory", `mallory-password,${wrongCode}`),
      radclient(gateway, "nobody", "whatever,123456"),
    ]);
    const shape = texts.map(({ text }) =>
      /Received (Access-\w+) .* length (\d+)/.exec(text)?.slice(1),
    );
    t.same(shape, Array(3).fill(["Access-Reject", "38"]));
    const alarms = gateway.command("events", "--json", "--user", "mallory").stdout;
    t.match(alarms, /right-password-wrong-code/);
  },
);

await t.test("six wrong passwords lock; unlock works", async (t) => {
  const secret = enroll("alice");
  for (let i = 0; i < 6; i += 1) {
    t.equal(
      (await radclient(gateway, "alice", `wrong-${i},${codeFor(secret)}`)).code,
      "Access-Reject",
    );
  }
  const field = `alice-password,${codeFor(secret)}`;
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Reject");
  t.equal(events("--user", "alice", "--reason", "account-locked").length, 1);
  t.equal(events("--type", "user_lockout").length, 1);
  t.match(gateway.command("user", "show", "alice").stdout, /locked/i);
  t.equal(gateway.command("user", "unlock", "alice").status, 0);
  t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
});

await t.test(
  "D01: slapd stopped: silence, nothing counted; slapd back: logins work without a restart",
  async (t) => {
    const secret = enroll("bob");
    await slapd.kill();
    const tries = Array.from({ length: 7 }, (_, i) => radclient(gateway, "bob", `wrong-${i}`));
    for (const { code } of await Promise.all(tries)) t.equal(code, "none");
    t.equal(events("--user", "bob", "--reason", "password-incorrect").length, 0);
    await slapd.start();
    let code: string = "none";
    for (let i = 0; i < 10 && code !== "Access-Accept"; i += 1) {
      code = (await radclient(gateway, "bob", `hello,${codeFor(secret)}`)).code;
    }
    t.equal(code, "Access-Accept");
  },
);

await t.test(
  "RAD-15 RAD-17 O18: a retransmission gets identical bytes, a fail-over copy the same verdict; one bind, one event",
  async (t) => {
    const secret = enroll("carol");
    const dn = "uid=carol,ou=people,dc=example,dc=org";
    const before = { binds: slapd.binds(dn), events: events("--user", "carol").length };
    const shared = new SharedSecret(Secret.of(SHARED_SECRET));
    const password = Secret.of(`carol-password,${codeFor(secret)}`);
    const request = (identifier: number): Buffer =>
      encodeRequest({
        code: CODE.accessRequest,
        identifier,
        authenticator: randomBytes(16),
        attributes: [
          { type: ATTRIBUTE.userName, value: Buffer.from("carol") },
          { type: ATTRIBUTE.callingStationId, value: Buffer.from("198.51.100.7") },
        ],
        secret: shared,
        password,
      });
    const ask = async (datagram: Buffer, socket = createSocket("udp4")) => {
      socket.send(datagram, gateway.port, "127.0.0.1");
      const [reply]: Buffer[] = await once(socket, "message");
      return { reply, socket };
    };
    const datagram = request(7);
    const first = await ask(datagram);
    const second = await ask(datagram, first.socket);
    const copy = await ask(request(8));
    t.equal(first.reply?.[0], CODE.accessAccept);
    t.same(second.reply, first.reply);
    t.equal(copy.reply?.[0], CODE.accessAccept);
    t.equal(events("--user", "carol").length - before.events, 1);
    t.equal(slapd.binds(dn) - before.binds, 1);
    first.socket.close();
    copy.socket.close();
  },
);

await t.test("LOG-01: no secret of all these logins stands in the log or the store", async (t) => {
  const texts = [gateway.output(), gateway.command("events", "--json").stdout];
  for (const secret of ["alice-password", "carol-password", SHARED_SECRET, "service-password"]) {
    const spellings = [
      secret,
      Buffer.from(secret).toString("hex"),
      Buffer.from(secret).toString("base64"),
    ];
    for (const spelling of spellings) {
      for (const text of texts) t.equal(text.includes(spelling), false);
    }
  }
});

await t.test(
  "O13 S10: killed and started again, every accept has its event and no code works twice",
  async (t) => {
    const field = `alice-password,${codeFor(enroll("alice"))}`;
    t.equal((await radclient(gateway, "alice", field)).code, "Access-Accept");
    await gateway.stop("SIGKILL");
    await gateway.start();
    t.equal((await radclient(gateway, "alice", field)).code, "Access-Reject");
    const logins = events("--user", "alice", "--type", "radius_auth_attempt").slice(-2);
    t.match(logins, [{ success: true }, { success: false, reason: "mfa-code-replayed" }]);
    t.match(gateway.command("events", "--verify").stdout, /chain of \d+ events is whole/);
  },
);

await t.test("SIGTERM drains and ends with 0", async (t) => {
  t.equal(await gateway.stop("SIGTERM"), 0);
});
