// The control protocol's lines: what is understood, what ends a connection.

import fc from "fast-check";
import t from "tap";

import {
  decodeFrame,
  decodeRequest,
  encodeLine,
  errorFrame,
  LINE_BYTES_MAX,
  OperationError,
  PROTOCOL_VERSION,
} from "../../../src/doors/control/protocol.ts";

const REQUEST = {
  version: PROTOCOL_VERSION,
  id: 1,
  operation: "health",
  operator: "root",
  arguments: {},
};

function codeOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    return error instanceof OperationError ? error.code : String(error);
  }
}

t.test("a request and every frame come through a line unchanged", async (t) => {
  t.same(decodeRequest(encodeLine(REQUEST).toString()), REQUEST);
  const frames = [
    { id: 1, result: { a: 1 } },
    { id: 1, item: "x" },
    { id: 1, progress: { done: 1, total: 2 } },
    errorFrame(1, new OperationError("refused", "no", "ask again")),
    errorFrame(1, new OperationError("internal", "no")),
  ];
  for (const frame of frames) t.same(decodeFrame(encodeLine(frame).toString()), frame);
});

t.test("a line feed in a value doesn't end the line", async (t) => {
  const line = encodeLine({ ...REQUEST, arguments: { text: "a\nb" } });
  t.equal(line.indexOf(10), line.length - 1);
});

t.test("a request of another shape is refused", async (t) => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["not an object", 1],
    ["nothing", null],
    ["a list", [REQUEST]],
    ["no operation", { ...REQUEST, operation: undefined }],
    ["an id of zero", { ...REQUEST, id: 0 }],
    ["an id with a fraction", { ...REQUEST, id: 1.5 }],
    ["a long operation", { ...REQUEST, operation: "x".repeat(65) }],
    ["one key too many", { ...REQUEST, extra: 1 }],
    ["another version", { ...REQUEST, version: PROTOCOL_VERSION + 1 }],
  ];
  for (const [title, value] of cases) {
    t.equal(
      codeOf(() => decodeRequest(JSON.stringify(value))),
      "protocol",
      title,
    );
  }
});

t.test("any line is a request or a protocol error that doesn't repeat the line", async (t) => {
  fc.assert(fc.property(fc.string(), (line) => codeOf(() => decodeRequest(line)) === "protocol"));
  try {
    decodeRequest('{"secret":"GEZDGNBVGY3TQOJQ"');
    t.fail();
  } catch (error) {
    t.notMatch(String(error), "GEZD");
  }
});

t.test("a value longer than a line may be isn't sent", async (t) => {
  const value = { ...REQUEST, arguments: "x".repeat(LINE_BYTES_MAX) };
  t.equal(
    codeOf(() => encodeLine(value)),
    "protocol",
  );
});
