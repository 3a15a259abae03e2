// An independent implementation (npm's `radius`) writes what we read and reads what we write.

import radius from "radius";
import t from "tap";
import { Secret } from "../../../src/lib/secret.ts";
import {
  ATTRIBUTE,
  find,
  findAll,
  readIpv4,
  readText,
} from "../../../src/wire/radius/attributes.ts";
import {
  checkMessageAuthenticator,
  verifyAccountingRequest,
} from "../../../src/wire/radius/authenticator.ts";
import { CODE, type ReplyCode } from "../../../src/wire/radius/code.ts";
import { encodeAttribute } from "../../../src/wire/radius/dictionary.ts";
import { reveal } from "../../../src/wire/radius/hidden.ts";
import {
  decode,
  encodeAccountingRequest,
  encodeAccountingResponse,
  encodeReply,
  encodeRequest,
} from "../../../src/wire/radius/packet.ts";
import { SharedSecret } from "../../../src/wire/radius/shared-secret.ts";

const SECRET = "a secret of both sides";
const secret = new SharedSecret(Secret.of(SECRET));

function peerRequest(password: string): Buffer {
  return radius.encode({
    code: "Access-Request",
    secret: SECRET,
    identifier: 77,
    attributes: [
      ["User-Name", "nemo"],
      ["User-Password", password],
      ["NAS-IP-Address", "192.0.2.7"],
      ["Proxy-State", Buffer.from("one")],
      ["Proxy-State", Buffer.from("two")],
    ],
    add_message_authenticator: true,
  });
}

t.test("a login written by the peer reads, verifies and gives its password", async (t) => {
  for (const password of ["a", "arctangent", "x".repeat(16), "grüße,123456", "y".repeat(128)]) {
    const packet = decode(peerRequest(password));
    t.equal(checkMessageAuthenticator(packet, secret), "genuine");
    const value = (type: number): Buffer => find(packet.attributes, type)?.value ?? Buffer.of();
    t.equal(readText(value(ATTRIBUTE.userName)), "nemo");
    t.equal(readIpv4(value(ATTRIBUTE.nasIpAddress)), "192.0.2.7");
    const revealed = reveal(value(ATTRIBUTE.userPassword), packet.authenticator, secret);
    t.equal(revealed?.reveal().toString(), password);
  }
});

t.test("RAD-20: the peer verifies our replies and finds its Proxy-States in order", async (t) => {
  const bytes = peerRequest("arctangent");
  const request = decode(bytes);
  const filter = encodeAttribute("Filter-Id", "admin");
  if ("problem" in filter) throw new Error(filter.problem);
  const codes: [ReplyCode, string][] = [
    [CODE.accessAccept, "Access-Accept"],
    [CODE.accessReject, "Access-Reject"],
    [CODE.accessChallenge, "Access-Challenge"],
  ];
  for (const [code, name] of codes) {
    const response = encodeReply({
      code,
      identifier: request.identifier,
      requestAuthenticator: request.authenticator,
      attributes: [...findAll(request.attributes, ATTRIBUTE.proxyState), filter.attribute],
      secret,
    });
    t.ok(radius.verify_response({ request: bytes, response, secret: SECRET }));
    t.notOk(radius.verify_response({ request: bytes, response, secret: `${SECRET}!` }));
    const read = radius.decode({ packet: response, secret: SECRET });
    t.equal(read.code, name);
    t.match(read.attributes, {
      "Filter-Id": "admin",
      "Proxy-State": [Buffer.from("one"), Buffer.from("two")],
    });
  }
});

t.test("the peer reads our requests and their passwords", async (t) => {
  for (const password of ["a", "arctangent", "z".repeat(33)]) {
    const bytes = encodeRequest({
      code: CODE.accessRequest,
      identifier: 9,
      authenticator: Buffer.from("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "hex"),
      attributes: [{ type: ATTRIBUTE.userName, value: Buffer.from("nemo") }],
      secret,
      password: Secret.of(password),
    });
    const read = radius.decode({ packet: bytes, secret: SECRET });
    t.match(read, { code: "Access-Request", identifier: 9, length: bytes.length });
    t.match(read.attributes, { "User-Name": "nemo", "User-Password": password });
  }
});

t.test("RAD-29: accounting is verified in both directions", async (t) => {
  const request = radius.encode({
    code: "Accounting-Request",
    secret: SECRET,
    identifier: 3,
    attributes: [
      ["Acct-Status-Type", "Start"],
      ["Acct-Session-Id", "0001"],
    ],
  });
  const packet = decode(request);
  t.ok(verifyAccountingRequest(packet, secret));
  const response = encodeAccountingResponse({
    identifier: packet.identifier,
    requestAuthenticator: packet.authenticator,
    attributes: [],
    secret,
  });
  t.ok(radius.verify_response({ request, response, secret: SECRET }));
  const ours = encodeAccountingRequest({
    identifier: 4,
    attributes: [{ type: ATTRIBUTE.acctStatusType, value: Buffer.from([0, 0, 0, 2]) }],
    secret,
  });
  const read = radius.decode({ packet: ours, secret: SECRET });
  t.match(read, { code: "Accounting-Request", attributes: { "Acct-Status-Type": "Stop" } });
});
