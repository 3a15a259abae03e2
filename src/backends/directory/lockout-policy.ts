// When the directory itself locks people out, as far as it says so: Active Directory's domain and
// fine-grained policies, OpenLDAP's password policies. Invariant: of several policies the strictest
// counts; what can't be read is never taken for "never locks".

import type { DirectoryLockout } from "../../core/ports.ts";
import { WireError } from "../../wire/error.ts";
import { canonicalRdns, isWithin } from "../../wire/ldap/dn.ts";
import { parseFilter, type Filter } from "../../wire/ldap/filter.ts";
import type { Entry } from "../../wire/ldap/message.ts";
import type { Settings } from "./options.ts";
import { ANY_ENTRY, NO_NAME, search, type Asked } from "./search.ts";
import { valuesOf } from "./security-groups.ts";

/** Which attribute says after how many failures, and which for how long they are remembered. */
interface Kind {
  readonly threshold: string;
  readonly window: string;
  readonly toMs: (value: bigint) => number;
}

/** [MS-SAMR] §3.1.1.5: negative, in units of 100 ns. Without a window nothing is ever forgotten. */
const fromTicks = (value: bigint): number => (value >= 0n ? FOREVER_MS : Number(-value / 10_000n));
/** draft-behera-ldap-password-policy-10 §5.2.12: 0 means until the next success. */
const fromSeconds = (value: bigint): number => (value === 0n ? FOREVER_MS : Number(value) * 1000);
const FOREVER_MS = 10 * 365 * 86_400_000;

const DOMAIN: Kind = {
  threshold: "lockoutThreshold",
  window: "lockOutObservationWindow",
  toMs: fromTicks,
};
const FINE_GRAINED: Kind = {
  threshold: "msDS-LockoutThreshold",
  window: "msDS-LockoutObservationWindow",
  toMs: fromTicks,
};
const PASSWORD_POLICY: Kind = {
  threshold: "pwdMaxFailure",
  window: "pwdFailureCountInterval",
  toMs: fromSeconds,
};
const FINE_GRAINED_FILTER = parseFilter("(objectClass=msDS-PasswordSettings)");
const PASSWORD_POLICY_FILTER = parseFilter("(&(objectClass=pwdPolicy)(pwdLockout=TRUE))");
/** More than any administrator keeps. */
const POLICIES_MAX = 500;
const NUMBER = /^-?[0-9]{1,19}$/;

/** Where nobody says anything. */
const THRESHOLD = 10;
/** Active Directory's default, and longer than most. */
const OBSERVATION_MS = 1_800_000;

/**
 * What holds: the directory's own word, or the configuration's. Of both the stricter one, because some
 * policies can't be read: only administrators see Active Directory's fine-grained ones.
 */
export function lockoutOf(
  { lockoutThreshold }: Pick<Settings, "lockoutThreshold">,
  read: DirectoryLockout | undefined,
): DirectoryLockout {
  const configured = { threshold: lockoutThreshold ?? THRESHOLD, observationMs: OBSERVATION_MS };
  if (read === undefined) return configured;
  // 0 would be "never", and the directory knows better.
  const isMeant = lockoutThreshold !== undefined && lockoutThreshold > 0;
  return (isMeant ? strictest([read, configured]) : undefined) ?? read;
}

/** Undefined: the directory doesn't say, or says that it never locks. Rejects with DependencyDown. */
export async function readLockout(
  settings: Settings,
  pool: Asked,
): Promise<DirectoryLockout | undefined> {
  const deadlineAt = settings.clock.monotonic() + settings.timeoutMs;

  async function entriesOf(
    base: string,
    scope: "base-object" | "whole-subtree",
    filter: Filter,
    attributes: readonly string[],
  ): Promise<readonly Entry[]> {
    const { dependency, timeLimitSeconds } = settings;
    const limits = { sizeLimit: POLICIES_MAX, timeLimitSeconds, username: NO_NAME };
    const request = { base, scope, filter, attributes, ...limits };
    // Not allowed to read, or nothing there: then the configuration's own figure holds.
    return (await search(pool, dependency, request, deadlineAt)).entries;
  }

  async function read(
    base: string,
    scope: "base-object" | "whole-subtree",
    filter: Filter,
    kind: Kind,
  ): Promise<DirectoryLockout[]> {
    const entries = await entriesOf(base, scope, filter, [kind.threshold, kind.window]);
    return entries.flatMap((entry) => policyOf(entry, kind));
  }

  const names = ["defaultNamingContext", "namingContexts"];
  const [root] = await entriesOf("", "base-object", ANY_ENTRY, names);
  if (root === undefined) return undefined;
  const [domain] = textsOf(root, "defaultNamingContext");
  if (domain !== undefined) {
    const container = `CN=Password Settings Container,CN=System,${domain}`;
    const policies = await Promise.all([
      read(domain, "base-object", ANY_ENTRY, DOMAIN),
      read(container, "whole-subtree", FINE_GRAINED_FILTER, FINE_GRAINED),
    ]);
    return strictest(policies.flat());
  }
  const suffix = textsOf(root, "namingContexts").find((name) => isAbove(name, settings.baseRdns));
  const base = suffix ?? settings.base;
  return strictest(await read(base, "whole-subtree", PASSWORD_POLICY_FILTER, PASSWORD_POLICY));
}

function policyOf(entry: Entry, { threshold, window, toMs }: Kind): DirectoryLockout[] {
  const failures = numberOf(entry, threshold);
  if (failures === undefined || failures <= 0n) return [];
  const observation = numberOf(entry, window);
  // A window that isn't there is that of ppolicy's default: until the next success.
  const observationMs = observation === undefined ? FOREVER_MS : toMs(observation);
  return [{ threshold: Number(failures), observationMs }];
}

function strictest(policies: readonly DirectoryLockout[]): DirectoryLockout | undefined {
  if (policies.length === 0) return undefined;
  return {
    threshold: Math.min(...policies.map(({ threshold }) => threshold)),
    observationMs: Math.max(...policies.map(({ observationMs }) => observationMs)),
  };
}

function isAbove(name: string, baseRdns: readonly string[]): boolean {
  try {
    return name !== "" && isWithin(baseRdns, canonicalRdns(name));
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

function numberOf(entry: Entry, name: string): bigint | undefined {
  const [text] = textsOf(entry, name);
  return text !== undefined && NUMBER.test(text) ? BigInt(text) : undefined;
}

function textsOf(entry: Entry, name: string): string[] {
  return valuesOf(entry, name).map((value) => value.toString("utf8"));
}
