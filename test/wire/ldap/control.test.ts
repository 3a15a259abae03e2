import t from "tap";

import {
  type Control,
  CONTROL,
  decodeControls,
  visitControl,
  withControls,
} from "../../../src/wire/ldap/control.ts";
import { peekEnvelope } from "../../../src/wire/ldap/envelope.ts";
import { element, filter, request, searchRequest, text } from "../../support/ldap-requests.ts";

const paging = { oid: CONTROL.pagedResults, isCritical: true, value: Buffer.from("page") };
const plain = { oid: "1.2.3" };

t.test(
  "controls are read with OID, criticality and value, each of which may be missing",
  async (t) => {
    const message = searchRequest(1, {
      controls: [paging, plain, { ...plain, isCritical: false }],
    });
    const controls = decodeControls(message, peekEnvelope(message));
    t.same(
      controls.map(({ oid, isCritical, value }) => [oid, isCritical, value?.toString()]),
      [
        [CONTROL.pagedResults, true, "page"],
        ["1.2.3", false, undefined],
        ["1.2.3", false, undefined],
      ],
    );
  },
);

t.test("no controls and an empty list are none", async (t) => {
  for (const message of [searchRequest(1), searchRequest(1, { controls: [] })]) {
    t.same(decodeControls(message, peekEnvelope(message)), []);
  }
});

t.test(
  "a message with fewer controls keeps the operation and the rest octet for octet",
  async (t) => {
    const message = searchRequest(300, { controls: [plain, paging, plain] });
    const envelope = peekEnvelope(message);
    const [, page] = decodeControls(message, envelope);
    if (page === undefined) throw new Error("no control");
    t.same(withControls(message, envelope, [page]), searchRequest(300, { controls: [paging] }));
    t.same(withControls(message, envelope, []), searchRequest(300));
  },
);

t.test("33 controls and controls that can't be read are refused", async (t) => {
  const many = searchRequest(1, { controls: Array.from({ length: 33 }, () => plain) });
  t.throws(() => decodeControls(many, peekEnvelope(many)), { code: "too-many-attributes" });
  const odd = request(1, element(0x42), { controls: [] }).subarray(0, -2);
  const broken = element(
    0x30,
    odd.subarray(2),
    element(0xa0, element(0x30, text("1.2"), text(""), text(""))),
  );
  t.throws(() => decodeControls(broken, peekEnvelope(broken)), { code: "trailing-bytes" });
});

function seen(oid: string, value: Buffer | undefined): string[] {
  const names: string[] = [];
  const control: Control = { oid, isCritical: false, value, from: 0, to: 0 };
  visitControl(control, (bytes, from, to) => names.push(bytes.toString("latin1", from, to)));
  return names;
}

const key = (...parts: Buffer[]): Buffer => element(0x30, ...parts);

const SEEN: readonly [title: string, oid: string, value: Buffer, names: readonly string[]][] = [
  [
    "the filter of an assertion",
    CONTROL.assertion,
    filter.not(filter.equality("userPassword", "x")),
    ["userPassword"],
  ],
  [
    "the filters of matched values",
    CONTROL.matchedValues,
    element(0x30, filter.present("mail"), filter.equality("cn", "x")),
    ["mail", "cn"],
  ],
  [
    "the keys of a sort",
    CONTROL.sort,
    element(
      0x30,
      key(text("sn"), element(0x80, "2.5.13.3"), element(0x81, Buffer.of(255))),
      key(text("cn")),
    ),
    ["sn", "cn"],
  ],
  ["what is read before", CONTROL.preRead, element(0x30, text("cn"), text("1.1")), ["cn", "1.1"]],
  [
    "what is read behind, and what stands for many",
    CONTROL.postRead,
    element(0x30, text("*"), text("+"), text("@person"), text("cn")),
    ["", "", "", "cn"],
  ],
  ["a list for everything", CONTROL.preRead, element(0x30), [""]],
  ["nothing in others", CONTROL.pagedResults, Buffer.from("anything"), []],
];

for (const [title, oid, value, names] of SEEN) {
  t.test(`the attributes in a control's value are seen: ${title}`, async (t) => {
    t.same(seen(oid, value), names);
  });
}

t.test("a value that is missing, broken or too long is refused", async (t) => {
  const good = element(0x30, text("cn"));
  t.throws(() => seen(CONTROL.assertion, undefined), { code: "bad-value" });
  t.throws(() => seen(CONTROL.assertion, Buffer.of(0xaf, 0)), { code: "bad-filter" });
  t.throws(() => seen(CONTROL.preRead, Buffer.concat([good, good])), { code: "trailing-bytes" });
  t.throws(() => seen(CONTROL.sort, good), { code: "bad-tag" });
});
