// Whether the addresses could be listened on: each is taken for a moment and given back.

import type { Finding } from "../../core/finding.ts";
import { addressText, listenProblem, type ListenAddress } from "../../lib/listen.ts";
import { bindSocket, concreteAddresses } from "./sockets.ts";

/** Never rejects. */
export async function examineListen(listen: ListenAddress): Promise<Finding> {
  const subject = `listen ${addressText(listen)}`;
  for (const address of concreteAddresses(listen)) {
    try {
      const { socket } = await bindSocket(address);
      socket.close();
    } catch (error) {
      // "radius.listen <address>: what; what to do".
      const [said, remedy] = listenProblem("radius.listen", "udp", address, error).split("; ");
      return { state: "wrong", subject, said: said ?? "", ...(remedy ? { remedy } : {}) };
    }
  }
  return { state: "right", subject, said: "free" };
}
