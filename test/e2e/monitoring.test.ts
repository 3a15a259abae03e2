// The gateway as whoever watches it sees it: real logins behind the figures, a directory that goes and
// comes, a certificate that is renewed, bad connections beside good logins.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import t, { type Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { moved, promtool, readScrape, type Scrape } from "../support/exposition.ts";
import {
  codeFor,
  type GatewayOptions,
  radclient,
  SHARED_SECRET,
  startGateway,
  type TestGateway,
} from "../support/gateway.ts";
import { ask, tell } from "../support/http.ts";
import { operatorOf } from "../support/operator.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, startSlapd } from "../support/slapd.ts";

t.setTimeout(120_000);

const slapd = await startSlapd();
t.teardown(() => slapd.stop());
const DIRECTORY = [
  `urls: ["${slapd.url}"]`,
  "allow_cleartext: true",
  `bind_dn: ${SERVICE_DN}`,
  `bind_password: { value: ${SERVICE_PASSWORD} }`,
  `base: ${BASE}`,
  "timeout: 1s",
  "check_interval: 1s",
];
const PLAIN = 'admin: { listen: "127.0.0.1:0", tls: none }\n';

async function open(t: Test, options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await startGateway({ directory: DIRECTORY, more: PLAIN, ...options });
  t.teardown(() => gateway.end());
  return gateway;
}

const textOf = async ({ adminUrl }: TestGateway): Promise<string> =>
  (await ask(`${adminUrl}/metrics`)).body;
const scrape = async (gateway: TestGateway): Promise<Scrape> => readScrape(await textOf(gateway));

/** What moved besides the process itself and the buckets that depend on the machine's speed. */
function movedSeries(before: Scrape, after: Scrape): Record<string, number> {
  const own = Object.entries(moved(before, after)).filter(
    ([series]) => series.startsWith("gatehouse_") && !/_(bucket|sum)\{/.test(series),
  );
  return Object.fromEntries(own);
}

const timed = {
  'gatehouse_auth_duration_seconds_count{door="radius",part="directory"}': 1,
  'gatehouse_auth_duration_seconds_count{door="radius",part="gateway"}': 1,
};
const recorded = {
  gatehouse_store_writes_total: 1,
  gatehouse_store_batches_total: 1,
  gatehouse_audit_events_total: 1,
};
const attempt = (outcome: string, reason = ""): string =>
  `gatehouse_auth_attempts_total{door="radius",client="vpn",outcome="${outcome}",reason="${reason}"}`;
const replied = (code: string): string => `gatehouse_radius_replies_total{code="${code}"}`;

await t.test("a login moves its own series, each by one, and no other", async (t) => {
  const gateway = await open(t);
  const secret = operatorOf(gateway).enroll("alice");
  const login = (password: string, ...more: string[]): ReturnType<typeof radclient> =>
    radclient(gateway, "alice", password, more);
  let before = await scrape(gateway);
  const expectMoved = async (wanted: Record<string, number>, title: string): Promise<void> => {
    const after = await scrape(gateway);
    t.same(movedSeries(before, after), wanted, title);
    before = after;
  };

  const field = `alice-password,${codeFor(secret)}`;
  t.equal((await login(field)).code, "Access-Accept");
  await expectMoved(
    { ...timed, ...recorded, [attempt("accept")]: 1, [replied("accept")]: 1 },
    "accept",
  );

  t.equal((await login(field)).code, "Access-Reject");
  await expectMoved(
    {
      ...timed,
      ...recorded,
      [attempt("reject", "mfa-code-replayed")]: 1,
      [replied("reject")]: 1,
    },
    "a code used twice",
  );

  const challenge = await login("alice-password");
  t.equal(challenge.code, "Access-Challenge");
  const challenged = { [attempt("challenge")]: 1, [replied("challenge")]: 1 };
  await expectMoved({ ...timed, ...recorded, ...challenged }, "challenge");

  t.equal(
    (await login(codeFor(secret, 1), `State = ${challenge.state ?? ""}`)).code,
    "Access-Accept",
  );
  const claimed = { gatehouse_store_writes_total: 2, gatehouse_store_batches_total: 2 };
  const accepted = { [attempt("accept")]: 1, [replied("accept")]: 1 };
  await expectMoved({ ...timed, ...recorded, ...claimed, ...accepted }, "its answer");
});

await t.test("what is dropped moves its cause alone; a stranger has no name there", async (t) => {
  const gateway = await open(t);
  const everybody = readFileSync(gateway.configPath, "utf8");
  writeFileSync(gateway.configPath, everybody.replace("127.0.0.0/8", "127.0.0.1"));
  t.equal(gateway.command("reload").status, 0);
  const before = await scrape(gateway);
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  socket.bind(0, "127.0.0.99");
  await once(socket, "listening");
  for (const octet of [0, 1, 2]) socket.send(Buffer.alloc(40, octet), gateway.port, "127.0.0.1");
  const strangers = 'gatehouse_radius_drops_total{reason="unknown-source"}';
  let after = before;
  while (after.values.get(strangers) !== 3) after = await scrape(gateway);
  t.same(movedSeries(before, after), { [strangers]: 3 });
  t.notMatch(await textOf(gateway), /127\.0\.0\.99/);
});

await t.test(
  "promtool has nothing against a scrape; no person and no secret is in it",
  async (t) => {
    const gateway = await open(t);
    await radclient(gateway, "alice", "alice-password");
    await radclient(gateway, "nobody-with-this-name", "a-password-nobody-has");
    const text = await textOf(gateway);
    t.equal(promtool(text, "check", "metrics"), "");
    const never = ["alice", "nobody-with", "password-nobody", SHARED_SECRET, SERVICE_PASSWORD];
    for (const word of never) t.notMatch(text, word);
  },
);

await t.test("D01: readiness follows the directory, without a restart", async (t) => {
  const gateway = await open(t);
  const ready = async (): Promise<number> => (await ask(`${gateway.adminUrl}/readyz`)).status;
  const until = async (status: number): Promise<void> => {
    while ((await ready()) !== status) await wait(50);
  };
  t.equal(await ready(), 200);
  await slapd.kill();
  await until(503);
  const body = "not ready: directory\n";
  t.match(await ask(`${gateway.adminUrl}/readyz`), { status: 503, body });
  t.match(await ask(`${gateway.adminUrl}/healthz`), { status: 200 });
  const { values } = await scrape(gateway);
  t.equal(values.get("gatehouse_ready"), 0);
  t.equal(values.get('gatehouse_directory_up{directory="corp"}'), 0);
  t.equal(values.get(`gatehouse_directory_server_up{directory="corp",server="${slapd.url}"}`), 0);
  t.match(gateway.command("health").stdout, /failing/);
  await slapd.start();
  await until(200);
  t.equal((await scrape(gateway)).values.get("gatehouse_ready"), 1);
});

await t.test("A09: bad connections beside them, and logins go on", async (t) => {
  const gateway = await open(t, {
    client: ["mfa: disabled", 'mfa_exception: { reason: test, until: "2099-12-31" }'],
  });
  const port = Number(new URL(gateway.adminUrl).port);
  const held = Array.from({ length: 300 }, () => {
    const socket = connect({ host: "127.0.0.1", port });
    return socket
      .on("error", () => undefined)
      .on("connect", () => socket.write("GET / HTTP/1.1\r\nA"));
  });
  t.teardown(() => held.forEach((socket) => socket.destroy()));
  const bad = [
    `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(10_000)}\r\n`,
    Buffer.alloc(100_000, 0xa5),
    "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 52428800\r\n\r\n",
  ];
  await Promise.all(bad.map((octets) => tell(port, octets, { localAddress: "127.0.0.2" })));
  for (let i = 0; i < 5; i += 1) {
    t.equal((await radclient(gateway, "alice", "alice-password")).code, "Access-Accept");
  }
  for (const socket of held) socket.destroy();
  let status: number | undefined;
  while (status !== 200) {
    status = (await ask(`${gateway.adminUrl}/readyz`).catch(() => undefined))?.status;
  }
  t.equal(status, 200);
});

const EXPIRY =
  /^gatehouse_certificate_expiry_timestamp_seconds\{use="admin",name="",subject="CN=[^"]+",serial="([0-9a-f]+)"\}$/;

/** The certificate's serial number and its end. */
function expiryOf({ values }: Scrape): [serial: string, endsAt: number] {
  for (const [series, value] of values) {
    const serial = EXPIRY.exec(series)?.[1];
    if (serial !== undefined) return [serial, value];
  }
  throw new Error("no certificate of the listener");
}

await t.test(
  "T16 T17: a renewed certificate is taken up; a bad one isn't, and it shows",
  async (t) => {
    const folder = t.testdir();
    for (const name of ["one", "two"]) await generateCertificates(join(folder, name));
    const put = (name: string, file: string): void =>
      cpSync(join(folder, name, file), join(folder, file));
    const ca = (name: string): string => readFileSync(join(folder, name, "ca.pem"), "utf8");
    for (const file of ["server.pem", "server.key"]) put("one", file);
    const files = `certificate: ${folder}/server.pem, key: ${folder}/server.key`;
    const gateway = await open(t, { more: `admin: { listen: "127.0.0.1:0", ${files} }\n` });
    const scrapeWith = async (name: string): Promise<Scrape> =>
      readScrape((await ask(`${gateway.adminUrl}/metrics`, { ca: ca(name) })).body);
    t.match(gateway.adminUrl, /^https:/);
    const [firstSerial, endsAt] = expiryOf(await scrapeWith("one"));
    t.ok(endsAt > Date.now() / 1_000 + 800 * 86_400);

    // The key alone doesn't fit any more: the old pair stays in use.
    put("two", "server.key");
    let scraped = await scrapeWith("one");
    const reload = "gatehouse_config_last_reload_successful";
    while (scraped.values.get(reload) !== 0) scraped = await scrapeWith("one");
    put("two", "server.pem");
    const untilNew = async (): Promise<Scrape> =>
      scrapeWith("two").catch(async () => wait(100).then(untilNew));
    scraped = await untilNew();
    t.equal(scraped.values.get(reload), 1);
    t.not(expiryOf(scraped)[0], firstSerial);
    t.match(gateway.command("health").stdout, gateway.adminUrl);

    const good = readFileSync(gateway.configPath, "utf8");
    writeFileSync(
      gateway.configPath,
      good.replace('listen: "127.0.0.1:0", cert', 'listen: "127.0.0.1:1", cert'),
    );
    const { stdout, status } = gateway.command("reload");
    t.equal(status, 0);
    t.match(stdout, /admin changed: it takes effect at the next start/);
  },
);
