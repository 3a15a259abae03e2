// How fast one Node process could be at all: a login without a gateway. It decodes, searches, binds,
// checks the code and answers; a thread writes a claim and an event to SQLite, as many logins to a
// commit as wait. No policy, lockout, duplicates, time limits, trail, log or metrics, nothing that can
// go wrong is handled: **not** a gateway. What FreeRADIUS does faster than this, no gateway here can.
//
// node bench/floor.ts PORT DIRECTORYPORT FOLDER

import { createHmac, timingSafeEqual } from "node:crypto";
import { createSocket, type RemoteInfo } from "node:dgram";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { sharedReads } from "../src/backends/directory/reads.ts";
import { Secret } from "../src/lib/secret.ts";
import { parseFilter } from "../src/wire/ldap/filter.ts";
import { createFramer } from "../src/wire/ldap/frame.ts";
import { type Answer, decodeAnswer, encodeBind, encodeSearch } from "../src/wire/ldap/message.ts";
import { ATTRIBUTE, find } from "../src/wire/radius/attributes.ts";
import { CODE } from "../src/wire/radius/code.ts";
import { reveal } from "../src/wire/radius/hidden.ts";
import { decode, encodeReply, type Packet } from "../src/wire/radius/packet.ts";
import { SharedSecret } from "../src/wire/radius/shared-secret.ts";
import { BASE, SERVICE_DN, SERVICE_PASSWORD, SHARED_SECRET, totpKeyOf } from "./people.ts";

const BIND_CONNECTIONS = 32;
const SEARCH_CONNECTIONS = 2;
const MESSAGE_BYTES_MAX = 65_536;
const PERIOD_MS = 30_000;
const filter = parseFilter("(uid={username})");

interface Login {
  readonly packet: Packet;
  readonly from: RemoteInfo;
  readonly name: string;
  readonly password: string;
  readonly code: string;
}

function openStore(file: string): (rows: readonly (readonly [string, string])[]) => void {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database.exec("CREATE TABLE claims (name TEXT PRIMARY KEY, step INTEGER) WITHOUT ROWID");
  database.exec("CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT)");
  const claim = database.prepare("INSERT OR REPLACE INTO claims VALUES (?, ?)");
  const event = database.prepare("INSERT INTO events (body) VALUES (?)");
  return (rows) => {
    database.exec("BEGIN IMMEDIATE");
    for (const [name, body] of rows) {
      claim.run(name, Math.floor(Date.now() / PERIOD_MS));
      event.run(body);
    }
    database.exec("COMMIT");
  };
}

function write(file: string): void {
  const commit = openStore(file);
  parentPort?.on("message", (rows: [string, string][]) => {
    commit(rows);
    parentPort?.postMessage("committed");
  });
}

/** Many questions at a time; all that a turn of the event loop asks leaves together. */
class Connection {
  readonly #asked = new Map<number, (answer: Answer) => void>();
  readonly #framer = createFramer(MESSAGE_BYTES_MAX);
  readonly #socket: Socket;
  #nextId = 1;
  #outbox: Buffer[] = [];

  constructor(port: number) {
    this.#socket = connect({ port, noDelay: true, onread: sharedReads(() => this.#socket) });
    this.#socket.on("data", (chunk: Buffer) => {
      this.#framer.push(chunk, (message) => this.#take(decodeAnswer(message)));
    });
  }

  ask(encode: (id: number) => Buffer, onAnswer: (answer: Answer) => void): void {
    const id = this.#nextId++;
    this.#asked.set(id, onAnswer);
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(encode(id));
  }

  #flush(): void {
    const bytes = this.#outbox.length === 1 ? this.#outbox[0] : Buffer.concat(this.#outbox);
    this.#outbox = [];
    if (bytes !== undefined) this.#socket.write(bytes);
  }

  #take(answer: Answer): void {
    const onAnswer = this.#asked.get(answer.id);
    if (answer.kind !== "entry") this.#asked.delete(answer.id);
    onAnswer?.(answer);
  }
}

function isRightCode(name: string, code: string): boolean {
  const now = Math.floor(Date.now() / PERIOD_MS);
  return [now, now - 1, now + 1].some((step) => {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const digest = createHmac("sha1", totpKeyOf(Number(name.slice(1))))
      .update(counter)
      .digest();
    const value = digest.readUInt32BE((digest[19] ?? 0) & 15) & 0x7fffffff;
    const expected = Buffer.from(String(value % 1_000_000).padStart(6, "0"));
    const given = Buffer.from(code);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function serve(port: number, directoryPort: number, folder: string): void {
  const secret = new SharedSecret(Secret.of(SHARED_SECRET));
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  const writer = new Worker(fileURLToPath(import.meta.url), {
    workerData: join(folder, "floor.db"),
  });
  const open = (): Connection => new Connection(directoryPort);
  const searchers = Array.from({ length: SEARCH_CONNECTIONS }, open);
  const free = Array.from({ length: BIND_CONNECTIONS }, open);
  const service = Buffer.from(SERVICE_PASSWORD);
  for (const one of searchers)
    one.ask(
      (id) => encodeBind(id, SERVICE_DN, service),
      () => undefined,
    );
  const toBind: (() => void)[] = [];
  let toCommit: Login[] = [];
  let committing: Login[] = [];
  let turn = 0;

  function reply(
    { packet, from }: Login,
    code: typeof CODE.accessAccept | typeof CODE.accessReject,
  ) {
    const { identifier, authenticator: requestAuthenticator } = packet;
    const parts = { code, identifier, requestAuthenticator, attributes: [], secret };
    socket.send(encodeReply(parts), from.port, from.address);
  }

  function commit(): void {
    if (committing.length > 0 || toCommit.length === 0) return;
    committing = toCommit;
    toCommit = [];
    writer.postMessage(
      committing.map(({ name, from }) => [name, JSON.stringify({ name, from, outcome: "accept" })]),
    );
  }

  function bind(login: Login, dn: string): void {
    const connection = free.pop();
    if (connection === undefined) return void toBind.push(() => bind(login, dn));
    const password = Buffer.from(login.password);
    connection.ask(
      (id) => encodeBind(id, dn, password),
      (answer) => {
        free.push(connection);
        toBind.shift()?.();
        const isRight = answer.kind === "bind" && answer.resultCode === 0;
        if (!isRight || !isRightCode(login.name, login.code)) {
          return reply(login, CODE.accessReject);
        }
        toCommit.push(login);
        setImmediate(commit);
      },
    );
  }

  function begin(datagram: Buffer, from: RemoteInfo): void {
    const packet = decode(datagram);
    const name = find(packet.attributes, ATTRIBUTE.userName)?.value.toString() ?? "";
    const hidden = find(packet.attributes, ATTRIBUTE.userPassword)?.value ?? Buffer.alloc(0);
    const field = reveal(hidden, packet.authenticator, secret)?.reveal().toString() ?? "";
    const at = field.lastIndexOf(",");
    const login = { packet, from, name, password: field.slice(0, at), code: field.slice(at + 1) };
    const request = {
      base: `ou=people,${BASE}`,
      scope: "whole-subtree",
      sizeLimit: 2,
      timeLimitSeconds: 3,
      filter,
      username: Buffer.from(name),
      attributes: ["entryUUID"],
    } as const;
    searchers[(turn += 1) % SEARCH_CONNECTIONS]?.ask(
      (id) => encodeSearch(id, request),
      (answer) => {
        if (answer.kind === "entry") bind(login, answer.dn);
      },
    );
  }

  writer.on("message", () => {
    for (const login of committing) reply(login, CODE.accessAccept);
    committing = [];
    commit();
  });
  socket.on("message", begin);
  socket.bind(port, "127.0.0.1", () => console.log("ready"));
}

if (isMainThread) {
  const [, , port, directoryPort, folder = "."] = process.argv;
  serve(Number(port), Number(directoryPort), folder);
} else write(String(workerData));
