// What the core tells whoever counts logins: once for each audit event of a login, whichever door it
// came through. Numbers and names of closed lists only, so that it costs next to nothing.

import type { Service } from "./audit.ts";
import type { Verdict } from "./verdict.ts";

export interface LoginObserver {
  /**
   * A login has been decided and recorded. `client` is its configured name; `totalMs` runs from its
   * arrival at the door, `directoryMs` is the part of it that was spent waiting for the directory.
   * Must not throw.
   */
  decided(
    door: Service,
    client: string,
    verdict: Verdict,
    totalMs: number,
    directoryMs: number,
  ): void;
}
