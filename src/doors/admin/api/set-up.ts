// The first run: one token, printed on the console, makes one administrator. Invariants: without the
// token nothing is open, with an administrator the token is void, and until the code is confirmed
// nothing is stored.

import { timingSafeEqual } from "node:crypto";

import {
  ADMIN_TOKEN,
  type AdminCredentials,
  type Administrators,
} from "../../../core/administrators.ts";
import { checkCode, type CodeWindow } from "../../../core/totp.ts";
import type { EventDraft } from "../../../core/audit.ts";
import type { Clock } from "../../../lib/clock.ts";
import { randomBytes } from "../../../lib/random.ts";
import type { Secret } from "../../../lib/secret.ts";
import { fingerprint } from "./sessions.ts";

const TOKEN_BYTES = 32;
/** Time to scan a code; then the password has to be sent again. */
const PENDING_MS = 15 * 60_000;
const WRONG_CODES_MAX = 5;

interface Pending {
  readonly username: string;
  readonly credentials: AdminCredentials;
  readonly until: number;
  wrongCodes: number;
}

export interface SetUp {
  /** A new token, and the end of what an older one began. */
  open(): string;
  /** Whether this is the token, and it is still of use. */
  mayBegin(token: string): Promise<boolean>;
  /** Replaces what was begun before. */
  begin(username: string, credentials: AdminCredentials): void;
  confirm(
    code: Secret,
    makeEvent: (username: string) => EventDraft,
  ): Promise<"done" | "wrong-code" | "nothing-begun">;
}

export function createSetUp(
  administrators: Pick<Administrators, "countAdministrators" | "createAdministrator">,
  window: () => CodeWindow,
  clock: Clock,
): SetUp {
  let tokenHash: string | undefined;
  let pending: Pending | undefined;

  function close(): void {
    tokenHash = undefined;
    pending = undefined;
  }

  /** The step of a right code. */
  function findStep({ credentials }: Pending, code: Secret): number | undefined {
    const token = { ...ADMIN_TOKEN, lastStep: -1, driftSteps: 0 };
    const checked = checkCode(token, credentials.secret, code, clock.now(), window());
    return checked.kind === "right" ? checked.step : undefined;
  }

  return {
    open() {
      const token = randomBytes(TOKEN_BYTES).toString("base64url");
      pending = undefined;
      tokenHash = fingerprint(token);
      return token;
    },
    async mayBegin(token) {
      if (tokenHash === undefined) return false;
      // The command line may have made one meanwhile.
      if ((await administrators.countAdministrators()) > 0) close();
      if (tokenHash === undefined) return false;
      return timingSafeEqual(Buffer.from(fingerprint(token)), Buffer.from(tokenHash));
    },
    begin(username, credentials) {
      const until = clock.monotonic() + PENDING_MS;
      pending = { username, credentials, until, wrongCodes: 0 };
    },
    async confirm(code, makeEvent) {
      const begun = pending;
      if (begun === undefined || begun.until <= clock.monotonic()) return "nothing-begun";
      const lastStep = findStep(begun, code);
      if (lastStep === undefined) {
        begun.wrongCodes += 1;
        if (begun.wrongCodes >= WRONG_CODES_MAX) pending = undefined;
        return "wrong-code";
      }
      pending = undefined;
      const { username, credentials } = begun;
      const created = await administrators.createAdministrator(
        { username, role: "administrator", ...credentials, onlyFirst: true, lastStep },
        makeEvent(username),
      );
      close();
      return typeof created === "string" ? "nothing-begun" : "done";
    },
  };
}
