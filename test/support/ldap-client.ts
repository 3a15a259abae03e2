// An LDAP client down to the octets: sends what it is given, keeps what comes back as it came.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { createFramer, type Framer } from "../../src/wire/ldap/frame.ts";
import { readResponse, type Response } from "./ldap-requests.ts";

export interface LdapClientOptions {
  readonly host?: string;
  /** Where it comes from: an address of this host. */
  readonly localAddress?: string;
  /** Sent before anything else, in clear. */
  readonly header?: Buffer;
  /** PEM of the authority: TLS from the start. */
  readonly ca?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

/** How `next` fails when it is over without a word. */
export const CLOSED = { message: "closed without an answer" };
/** Far more than a test waits for anything that comes. */
const PATIENCE_MS = 30_000;

export class LdapClient {
  /** Whole messages, as they came. */
  readonly messages: Buffer[] = [];
  isClosed = false;
  #socket: Socket;
  readonly #framer: Framer = createFramer(64 * 1024 * 1024);
  #wake = (): void => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async open(port: number, options: LdapClientOptions = {}): Promise<LdapClient> {
    const { host = "127.0.0.1", header, ca, certificate, localAddress } = options;
    const from = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ host, port, noDelay: true, ...from });
    await once(socket, "connect");
    if (header !== undefined) socket.write(header);
    if (ca === undefined) return new LdapClient(socket);
    const secure = connectTls({ socket, ca, servername: "localhost", ...certificate });
    await once(secure, "secureConnect");
    return new LdapClient(secure);
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  send(...requests: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(requests));
  }

  /** One octet at a time. */
  async drip(bytes: Buffer): Promise<void> {
    for (const octet of bytes) {
      this.#socket.write(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The handshake after a StartTLS that was granted. */
  async secure(ca: string): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, ca, servername: "localhost" });
    await once(secure, "secureConnect");
    this.#socket = secure;
    this.#listen(secure);
  }

  /** The next message that nobody has taken yet; rejects when it is closed without one. */
  async next(): Promise<Response> {
    await this.#until(() => this.messages.length > this.#taken || this.isClosed);
    const message = this.messages[this.#taken];
    if (message === undefined) throw new Error(CLOSED.message);
    this.#taken += 1;
    return readResponse(message);
  }

  /** The final answer to that request, whatever comes before it. */
  async answerTo(id: number): Promise<Response> {
    for (;;) {
      const response = await this.next();
      if (response.id === id && response.resultCode !== -1) return response;
    }
  }

  async ask(request: Buffer): Promise<Response> {
    this.send(request);
    return this.next();
  }

  /** One more message than now, or the end. */
  async arrived(): Promise<void> {
    const before = this.messages.length;
    await this.#until(() => this.messages.length > before || this.isClosed);
  }

  async closed(): Promise<void> {
    await this.#until(() => this.isClosed);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.destroy();
  }

  /** Without a goodbye, not even TCP's. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #taken = 0;

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => {
      this.#framer.push(chunk, (message) => this.messages.push(message));
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  async #until(isDone: () => boolean): Promise<void> {
    let isLate = false;
    const patience = setTimeout(() => {
      isLate = true;
      this.#socket.destroy();
    }, PATIENCE_MS);
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(patience);
    if (isLate) throw new Error("nothing came in time");
  }
}
