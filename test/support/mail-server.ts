// A mail server that a test starts (aiosmtpd): what it takes can be read, and it refuses some recipients
// by their name: nobody@, full@, relay@, grey@ and leaving@, unless it is made lenient.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { generateCertificates } from "../../certs/certificates.ts";
import { freePort, untilListening } from "./ports.ts";

const SERVER = fileURLToPath(new URL("./mail-server.py", import.meta.url));

export interface MailServerOptions {
  /** For 127.0.0.1 and localhost, signed by an authority of its own. */
  readonly tls?: "implicit" | "start-tls";
  /** What whoever sends has to log in with. */
  readonly login?: { readonly user: string; readonly password: string };
}

interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly tls: boolean;
  readonly login: string | null;
  /** As it came. */
  readonly content: string;
  /** Unfolded; the names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded, lines ended by \n. */
  readonly text: string;
}

export interface MailServer {
  readonly port: number;
  /** PEM; "" without TLS. */
  readonly ca: string;
  /** In the order in which they came. */
  taken(): TakenMail[];
  /** Resolves when that many have come. */
  takenAtLeast(count: number): Promise<TakenMail[]>;
  /** Whether it takes mail for everybody. */
  setLenient(isLenient: boolean): void;
  /** Whether it takes mails without saying so. */
  setMute(isMute: boolean): void;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Again on the same port, after `kill`. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-mail-"));
  const port = await freePort();
  const logPath = join(folder, "log");
  const settings: Record<string, string> = { ...options.login };
  if (options.tls !== undefined) {
    await generateCertificates(folder, { names: ["localhost", "127.0.0.1"] });
    Object.assign(settings, {
      tls: options.tls,
      cert: join(folder, "server.pem"),
      key: join(folder, "server.key"),
    });
  }
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(logPath, "a");
    const args = [SERVER, String(port), folder, JSON.stringify(settings)];
    child = spawn("/usr/bin/python3", args, { stdio: ["ignore", log, log] });
    closeSync(log);
    await untilListening(port, child, logPath);
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    child.kill("SIGCONT");
    await exit;
  }

  function taken(): TakenMail[] {
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")))
      .toSorted((a, b) => a.order - b.order)
      .map((mail) => ({ ...mail, ...parse(mail.content) }));
  }

  function mark(name: string, isSet: boolean): void {
    if (isSet) writeFileSync(join(folder, name), "");
    else rmSync(join(folder, name), { force: true });
  }

  await start();
  return {
    port,
    ca: options.tls === undefined ? "" : readFileSync(join(folder, "ca.pem"), "utf8"),
    taken,
    async takenAtLeast(count) {
      // Nothing tells when a mail has come, so it is looked for.
      while (taken().length < count) await wait(20);
      return taken();
    },
    setLenient: (isLenient) => mark("lenient", isLenient),
    setMute: (isMute) => mark("mute", isMute),
    pause: () => child?.kill("SIGSTOP"),
    resume: () => child?.kill("SIGCONT"),
    kill,
    start,
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** RFC 5322 §2.2.3, and the two encodings that our texts come in. */
function parse(content: string): Pick<TakenMail, "headers" | "text"> {
  const [head = "", ...rest] = content.split("\r\n\r\n");
  const lines = head.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n");
  const pairs = lines.map((line) => /^([^:]+): ?(.*)$/.exec(line) ?? []);
  const headers = Object.fromEntries(
    pairs.map(([, name = "", value = ""]) => [name.toLowerCase(), value]),
  );
  const body = rest.join("\r\n\r\n");
  const encoding = headers["content-transfer-encoding"];
  return { headers, text: decode(body, encoding).replaceAll("\r\n", "\n") };
}

function decode(body: string, encoding: string | undefined): string {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return body;
  const octets = body
    .replaceAll("=\r\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(octets, "latin1").toString("utf8");
}
