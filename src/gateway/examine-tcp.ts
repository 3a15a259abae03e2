// Whether a TCP address could be listened on: it is taken for a moment and given back.

import { once } from "node:events";
import { createServer } from "node:net";

import type { Finding } from "../core/finding.ts";
import { addressText, listenProblem, type ListenAddress } from "../lib/listen.ts";

/** `key`: of the configuration. Never rejects. */
export async function examineTcp(
  key: string,
  what: string,
  listen: ListenAddress,
): Promise<Finding> {
  const subject = `${what} ${addressText(listen)}`;
  const { host, port, family } = listen;
  const server = createServer();
  try {
    const listening = once(server, "listening");
    server.listen({ host, port, ipv6Only: family === 6, exclusive: true });
    await listening;
    return { state: "right", subject, said: "free" };
  } catch (error) {
    // "key address: what; what to do".
    const [said = "", remedy] = listenProblem(key, "tcp", listen, error).split("; ");
    return { state: "wrong", subject, said, ...(remedy ? { remedy } : {}) };
  } finally {
    server.close();
  }
}
