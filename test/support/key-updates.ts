// A peer of TLS 1.3 that does nothing but change its keys (RFC 8446 §4.6.3), as either side. The
// handshake is a genuine one; behind it the records are made here, as no TLS library sends so many.

import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";

/** The one of which this file knows the lengths. */
const CIPHER = { ciphers: "TLS_AES_128_GCM_SHA256", minVersion: "TLSv1.3" } as const;
const HEADER_BYTES = 5;
const TAG_BYTES = 16;
const APPLICATION_DATA = 23;
/** KeyUpdate that asks for one in return, and the content type behind it (RFC 8446 §5.2). */
const KEY_UPDATE = Buffer.from("180000010116", "hex");

/** What one side encrypts with, from its traffic secret on (RFC 8446 §7). */
class Sender {
  #secret: Buffer;
  #sequence = 0;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  /** Counts that record if it is one of this side's. */
  sent(record: Buffer): void {
    const { key, iv } = this.#keys();
    const decipher = createDecipheriv("aes-128-gcm", key, iv);
    decipher.setAAD(record.subarray(0, HEADER_BYTES)).setAuthTag(record.subarray(-TAG_BYTES));
    decipher.update(record.subarray(HEADER_BYTES, -TAG_BYTES));
    try {
      decipher.final();
      this.#sequence += 1;
    } catch {
      // One of the handshake, under other keys.
    }
  }

  keyUpdate(): Buffer {
    const record = this.record(KEY_UPDATE);
    this.#secret = expand(this.#secret, "traffic upd", 32);
    this.#sequence = 0;
    return record;
  }

  /** `content` ends in its type. */
  record(content: Buffer): Buffer {
    const { key, iv } = this.#keys();
    const header = Buffer.from([APPLICATION_DATA, 3, 3, 0, content.length + TAG_BYTES]);
    const cipher = createCipheriv("aes-128-gcm", key, iv).setAAD(header);
    this.#sequence += 1;
    return Buffer.concat([header, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  }

  #keys(): { key: Buffer; iv: Buffer } {
    const iv = expand(this.#secret, "iv", 12);
    iv.writeUInt32BE((iv.readUInt32BE(8) ^ this.#sequence) >>> 0, 8);
    return { key: expand(this.#secret, "key", 16), iv };
  }
}

/** HKDF-Expand-Label with an empty context, for lengths of one block. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const info = [Buffer.from([0, length, label.length + 6]), `tls13 ${label}`, Buffer.of(0, 1)];
  const hmac = createHmac("sha256", secret);
  for (const part of info) hmac.update(part);
  return hmac.digest().subarray(0, length);
}

function secretIn(line: Buffer, side: "CLIENT" | "SERVER"): Buffer | undefined {
  const found = new RegExp(`^${side}_TRAFFIC_SECRET_0 \\w+ (\\w+)`).exec(line.toString());
  return found?.[1] === undefined ? undefined : Buffer.from(found[1], "hex");
}

/** TLS writes into it what goes out; `onOut` sees that too. */
function between(raw: Socket, onOut: (chunk: Buffer) => void = () => undefined): Duplex {
  const pipe = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _, done) {
      onOut(chunk);
      raw.write(chunk, () => done());
    },
  });
  raw.on("data", (chunk: Buffer) => pipe.push(chunk));
  raw.on("error", () => undefined).once("close", () => pipe.destroy());
  return pipe;
}

/** Resolves to how many it took before it closed, or to `most`. */
async function pour(raw: Socket, sender: Sender, most: number): Promise<number> {
  const batch = 100;
  for (let sent = 0; sent < most; sent += batch) {
    const records = Array.from({ length: batch }, () => sender.keyUpdate());
    if (raw.destroyed) return sent;
    // The other side may live in this process.
    await new Promise<void>((resolve) => {
      raw.write(Buffer.concat(records), () => setImmediate(resolve));
    });
  }
  return most;
}

const gone = (raw: Socket): Promise<void> =>
  new Promise((resolve) => void raw.once("close", () => resolve()));

/** A client that sends `most` of them to the TLS port, then those words and an end; see `pour`. */
export async function floodServer(
  port: number,
  ca: string,
  most: number,
  words = "",
): Promise<number> {
  const raw = connect({ host: "127.0.0.1", port, noDelay: true });
  const secure = connectTls({ socket: between(raw), ca, servername: "localhost", ...CIPHER });
  let secret: Buffer | undefined;
  secure.on("keylog", (line: Buffer) => (secret = secretIn(line, "CLIENT") ?? secret));
  secure.on("error", () => undefined);
  await once(secure, "secureConnect");
  if (secret === undefined) throw new Error("no secret was told");
  const sender = new Sender(secret);
  const taken = await pour(raw, sender, most);
  if (words !== "") raw.write(sender.record(Buffer.from(`${words}\u0017`)));
  raw.end();
  return taken;
}

export interface FloodingServer {
  readonly port: number;
  /** How many the connections so far took. */
  readonly taken: readonly number[];
  /** When all of them have been left by who connected. */
  left(): Promise<void>;
  stop(): void;
}

/** A server that sends `most` of them to everybody, as soon as the handshake is done. */
export async function startFloodingServer(
  identity: { readonly key: string; readonly cert: string },
  most: number,
): Promise<FloodingServer> {
  const taken: number[] = [];
  const peers = new Set<Socket>();
  const server = createServer((raw) => {
    peers.add(raw);
    const out: Buffer[] = [];
    // It never listens: one for each connection tells that connection's secret.
    const tls: Server = createTlsServer({ ...identity, ...CIPHER });
    let secret: Buffer | undefined;
    tls.on("keylog", (line: Buffer) => (secret = secretIn(line, "SERVER") ?? secret));
    tls.on("tlsClientError", () => raw.destroy());
    tls.on("secureConnection", () => {
      // Behind the tickets, which leave in this turn.
      setImmediate(() => {
        if (secret === undefined) throw new Error("no secret was told");
        const sender = new Sender(secret);
        for (const record of recordsOf(Buffer.concat(out))) sender.sent(record);
        void pour(raw, sender, most).then((count) => taken.push(count));
      });
    });
    tls.emit(
      "connection",
      between(raw, (chunk) => out.push(chunk)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return {
    port: address.port,
    taken,
    async left() {
      await Promise.all([...peers].filter(({ destroyed }) => !destroyed).map(gone));
      // The last of them count once `pour` has noticed.
      await new Promise((resolve) => setImmediate(resolve));
    },
    stop() {
      for (const raw of peers) raw.destroy();
      server.close();
    },
  };
}

function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUInt16BE(at + 3);
    if (bytes[at] === APPLICATION_DATA) records.push(bytes.subarray(at, end));
    at = end;
  }
  return records;
}
