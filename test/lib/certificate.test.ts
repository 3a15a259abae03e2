// Certificates, as OpenSSL's own tool makes and reads them.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import t from "tap";

import { daysLeft, endsSoon, readChain, splitPem } from "../../src/lib/certificate.ts";

const DAY_MS = 86_400_000;

function openssl(...args: string[]): string {
  const run = spawnSync("openssl", args, { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout;
}

/** A self-signed certificate; `days` from now it ends. */
function make(folder: string, name: string, days: number, ...more: string[]): string {
  const path = join(folder, `${name}.pem`);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const out = ["-keyout", join(folder, `${name}.key`), "-out", path, "-days", String(days)];
  openssl("req", "-x509", ...key, ...out, ...more);
  return path;
}

t.test("subject, serial number and end are what openssl says", async (t) => {
  const path = make(t.testdir(), "one", 10, "-subj", "/O=Example, Inc./CN=gate");
  const [certificate, ...others] = readChain(readFileSync(path, "utf8"));
  t.equal(others.length, 0);
  t.equal(certificate?.subject, "O=Example\\, Inc., CN=gate");
  const said = openssl("x509", "-in", path, "-noout", "-serial", "-enddate");
  t.equal(said.match(/serial=([0-9A-F]+)/)?.[1]?.toLowerCase(), certificate?.serial);
  t.equal(Date.parse(said.match(/notAfter=(.*)/)?.[1] ?? ""), certificate?.endsAt);
});

t.test("a certificate without a subject goes by the names it carries", async (t) => {
  const names = ["-addext", "subjectAltName=DNS:gate.example.org"];
  const path = make(t.testdir(), "nameless", 10, "-subj", "/", ...names);
  t.equal(readChain(readFileSync(path, "utf8"))[0]?.subject, "DNS:gate.example.org");
});

t.test("a chain is read in its order, whatever stands between", async (t) => {
  const folder = t.testdir();
  const text = ["a", "b"].map((name) =>
    readFileSync(make(folder, name, 5, "-subj", `/CN=${name}`), "utf8"),
  );
  const chain = `some text\n${text.join("more text\n")}`;
  t.equal(splitPem(chain).length, 2);
  t.same(
    readChain(chain).map(({ subject }) => subject),
    ["CN=a", "CN=b"],
  );
  t.same(readChain(""), []);
});

t.test("thirty days before its end a certificate ends soon", async (t) => {
  const end = { endsAt: 100 * DAY_MS };
  t.equal(daysLeft(end, 69.5 * DAY_MS), 30);
  t.equal(endsSoon(end, 69.5 * DAY_MS), false);
  t.equal(endsSoon(end, 70 * DAY_MS), true);
  t.equal(daysLeft(end, 100.5 * DAY_MS), -1);
});
