import { readFileSync } from "node:fs";

import t from "tap";

import type { Token } from "../../src/core/ports.ts";
import { checkCode, generateCode, stepAt } from "../../src/core/totp.ts";
import { Secret } from "../../src/lib/secret.ts";

const lines = (section: string): string[][] =>
  readFileSync(new URL(`../vectors/${section}.txt`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/));

const SEED = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
const SEED_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const;
const secret = Secret.of(SEED.slice(0, 20));
const WINDOW = { pastSteps: 1, futureSteps: 1 };

function token(more: Partial<Token> = {}): Token {
  return {
    id: 1,
    generation: 1,
    algorithm: "sha1",
    digits: 6,
    periodSeconds: 30,
    lastStep: -1,
    driftSteps: 0,
    secret,
    ...more,
  };
}

t.test("OTP-01: RFC 4226 appendix D", async (t) => {
  for (const [count = "", code = ""] of lines("hotp-rfc4226-d")) {
    t.equal(generateCode(token(), secret, Number(count)), code);
  }
});

t.test(
  "OTP-01: RFC 6238 appendix B, all three hashes with seeds of their own length",
  async (t) => {
    for (const [time = "", algorithm = "", code = ""] of lines("totp-rfc6238-b")) {
      if (algorithm !== "sha1" && algorithm !== "sha256" && algorithm !== "sha512")
        throw new Error(algorithm);
      const seed = Secret.of(SEED.slice(0, SEED_BYTES[algorithm]));
      const step = stepAt(Number(time) * 1000, 30);
      t.equal(
        generateCode(token({ algorithm, digits: 8 }), seed, step),
        code,
        `${algorithm} at ${time}`,
      );
    }
  },
);

const NOW = 1_800_000_000_000;
const STEP = stepAt(NOW, 30);
const codeAt = (step: number): Secret => Secret.of(generateCode(token(), secret, step));

for (const second of [0, 1, 29]) {
  for (const [offset, expected] of [
    [-2, "wrong"],
    [-1, "right"],
    [0, "right"],
    [1, "right"],
    [2, "wrong"],
  ] as const) {
    t.test(
      `O04 OTP-05: a code of step ${offset}, ${second} s into the step, is ${expected}`,
      async (t) => {
        const now = NOW + second * 1000;
        t.equal(stepAt(now, 30), STEP);
        t.equal(checkCode(token(), secret, codeAt(STEP + offset), now, WINDOW).kind, expected);
      },
    );
  }
}

t.test("a window of 0 takes the current step only; of 2, two on that side", async (t) => {
  const check = (offset: number, pastSteps: number, futureSteps: number) =>
    checkCode(token(), secret, codeAt(STEP + offset), NOW, { pastSteps, futureSteps }).kind;
  t.equal(check(-1, 0, 0), "wrong");
  t.equal(check(0, 0, 0), "right");
  t.equal(check(-2, 2, 0), "right");
  t.equal(check(2, 2, 0), "wrong");
});

t.test("O01 O02 OTP-02: every step up to and including the last accepted is dead", async (t) => {
  for (const offset of [-1, 0]) {
    const check = checkCode(token({ lastStep: STEP }), secret, codeAt(STEP + offset), NOW, WINDOW);
    t.equal(check.kind, "replayed");
  }
  t.equal(
    checkCode(token({ lastStep: STEP }), secret, codeAt(STEP + 1), NOW, WINDOW).kind,
    "right",
  );
});

t.test("O15 OTP-16: a clock that jumps back revives no code", async (t) => {
  const used = token({ lastStep: STEP });
  const earlier = NOW - 5 * 60_000;
  const check = checkCode(used, secret, codeAt(stepAt(earlier, 30)), earlier, WINDOW);
  t.equal(check.kind, "replayed");
});

t.test(
  "the drift follows a phone that is always a step ahead, and never a single late code",
  async (t) => {
    let driftSteps = 0;
    const login = (offset: number) => {
      const check = checkCode(token({ driftSteps }), secret, codeAt(STEP + offset), NOW, WINDOW);
      if (check.kind === "right") driftSteps = check.driftSteps;
      return check.kind;
    };
    t.equal(login(-1), "right");
    t.equal(Math.round(driftSteps), 0, "one late code moves nothing");
    for (let i = 0; i < 5; i += 1) t.equal(login(1), "right");
    t.equal(Math.round(driftSteps), 1);
    t.equal(login(2), "right", "the window is centred on the learnt offset");
    for (let i = 0; i < 40; i += 1) login(Math.round(driftSteps) + 1);
    t.ok(driftSteps <= 2, "it never wanders further than two steps");
  },
);

t.test("OTP-04: a code of another length is wrong, never a prefix match", async (t) => {
  const code = generateCode(token(), secret, STEP);
  for (const other of [code.slice(0, 5), `${code}0`, "", code.slice(1)]) {
    t.equal(checkCode(token(), secret, Secret.of(other), NOW, WINDOW).kind, "wrong");
  }
});
