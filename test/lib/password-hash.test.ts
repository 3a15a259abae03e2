// Kept passwords: the format others read too, every way to be wrong, and a line that doesn't grow.

import t from "tap";

import { systemClock } from "../../src/lib/clock.ts";
import { createPasswordHasher, type PasswordTools } from "../../src/lib/password-hash.ts";
import { Secret } from "../../src/lib/secret.ts";

const hasher = createPasswordHasher(systemClock);
const password = Secret.of("Correct-Horse-7");
const work = async <T>(job: (tools: PasswordTools) => Promise<T>): Promise<T> => {
  const done = await hasher.inTurn(job);
  if (done === "overload") throw new Error("overload");
  return done;
};
const verify = (given: Secret, hash: string | undefined): Promise<boolean> =>
  work((tools) => tools.verify(given, hash));

t.test("a hash is argon2id's with its own salt, and only its password verifies", async (t) => {
  const [one, two] = [
    await work(({ hash }) => hash(password)),
    await work(({ hash }) => hash(password)),
  ];
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  t.not(one, two);
  t.equal(await verify(password, one), true);
  t.equal(await verify(Secret.of("Correct-Horse-8"), one), false);
  t.equal(await verify(Secret.of(""), one), false);
  const last = one.endsWith("A") ? "E" : "A";
  t.equal(await verify(password, `${one.slice(0, -1)}${last}`), false, "one letter flipped");
});

t.test("other costs and lengths of salt verify by what the hash itself says", async (t) => {
  const { argon2Sync } = await import("node:crypto");
  const salt = Buffer.from("somesalt somesalt");
  const parameters = { parallelism: 2, tagLength: 32, memory: 1_024, passes: 3 };
  const digest = argon2Sync("argon2id", { message: "password", nonce: salt, ...parameters });
  const b64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  const phc = `$argon2id$v=19$m=1024,t=3,p=2$${b64(salt)}$${b64(digest)}`;
  t.equal(await verify(Secret.of("password"), phc), true);
});

t.test("what is no hash never verifies, and costs as much as one", async (t) => {
  const hash = await work((tools) => tools.hash(password));
  const timed = async (stored: string | undefined): Promise<number> => {
    const startedAt = performance.now();
    t.equal(await verify(password, stored), false);
    return performance.now() - startedAt;
  };
  const real = await timed(hash.replace(/.$/, (letter) => (letter === "A" ? "E" : "A")));
  for (const bad of [undefined, "", "$argon2id$", hash.slice(0, -4), hash.replace("2id", "2i")]) {
    t.ok((await timed(bad)) > real / 4, String(bad));
  }
});

t.test("of many at once some are turned away before anything is computed", async (t) => {
  const started: number[] = [];
  const jobs = Array.from({ length: 40 }, (_, index) =>
    hasher.inTurn(async ({ hash }) => {
      started.push(index);
      return hash(password);
    }),
  );
  t.equal(started.length <= 2, true, "two run");
  const done = await Promise.all(jobs);
  const refused = done.filter((one) => one === "overload").length;
  t.ok(refused >= 20, String(refused));
  t.equal(started.length, 40 - refused);
});
