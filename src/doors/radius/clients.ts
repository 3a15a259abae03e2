// Who may speak to the RADIUS door: the client of a source address, with all that its
// configuration demands worked out beforehand.
// Invariant: the longest prefix wins; an address in no client's network has no client.

import type { Demand } from "../../core/attempt.ts";
import type { Directory } from "../../core/ports.ts";
import type { CodeMode, MfaMode } from "../../core/verdict.ts";
import { ExpiringMap } from "../../lib/expiring-map.ts";
import type { Secret } from "../../lib/secret.ts";
import { normaliseUsername } from "../../lib/username.ts";
import type { Attribute } from "../../wire/radius/attributes.ts";
import type { Definition } from "../../wire/radius/dictionary.ts";
import { SharedSecret } from "../../wire/radius/shared-secret.ts";
import { addressBytes, networkKey } from "../../lib/address.ts";

export interface RadiusClient {
  readonly name: string;
  readonly addresses: readonly ClientNetwork[];
  readonly secret: Secret;
  /** Taken beside `secret` while the NAS is being changed over. */
  readonly previousSecret: Secret | undefined;
  readonly requireMessageAuthenticator: boolean | "auto";
  readonly limitProxyState: boolean;
  readonly rejectDelayMs: number;
  /** Name of one of the directories; undefined: whichever a name belongs to. */
  readonly directory: string | undefined;
  readonly allowGroups: readonly string[];
  readonly probeUsers: readonly string[];
  readonly mfa: MfaMode;
  readonly code: CodeMode;
  readonly separator: string;
  /** The attribute that tells the person's own address or device. */
  readonly endUser: Definition | undefined;
  readonly reply: readonly ReplyRule[];
}

interface ClientNetwork {
  /** 4 or 16 octets. */
  readonly bytes: Uint8Array;
  /** Bits. */
  readonly prefix: number;
}

/** What an Accept carries for members of `group` (a DN). */
export interface ReplyRule {
  readonly group: string;
  readonly attributes: readonly Attribute[];
}

/** A client ready for use. */
export interface KnownClient {
  readonly settings: RadiusClient;
  readonly secret: SharedSecret;
  readonly previousSecret: SharedSecret | undefined;
  readonly directory: Directory;
  readonly demand: Demand;
  /** Normalised. */
  readonly probeUsers: ReadonlySet<string>;
}

/** By name; under undefined all of them together. */
type Directories = ReadonlyMap<string | undefined, Directory>;

export interface ClientTable {
  /** `nowMs` is monotonic. */
  find(address: string, nowMs: number): KnownClient | undefined;
  /** By its configured name. */
  named(name: string): KnownClient | undefined;
}

interface Level {
  readonly prefix: number;
  readonly clients: Map<string, KnownClient>;
}

// A NAS is one address, a large campus some thousands; about 200 bytes each.
const RESOLVED_MAX = 10_000;
const RESOLVED_LIFETIME_MS = 10 * 60_000;

/** Throws when a client names a directory that isn't there: the configuration checks it before. */
export function createClientTable(
  clients: readonly RadiusClient[],
  directories: Directories,
): ClientTable {
  const levels: Readonly<Record<4 | 16, Level[]>> = { 4: [], 16: [] };
  const byName = new Map<string, KnownClient>();
  for (const settings of clients) {
    const client = prepare(settings, directories);
    byName.set(settings.name, client);
    for (const { bytes, prefix } of settings.addresses) {
      const level = getLevel(bytes.length === 4 ? levels[4] : levels[16], prefix);
      level.clients.set(networkKey(bytes, prefix), client);
    }
  }
  // Only addresses that have a client: strangers must not push them out.
  const resolved = new ExpiringMap<string, KnownClient>({
    lifetimeMs: RESOLVED_LIFETIME_MS,
    entriesMax: RESOLVED_MAX,
  });
  return {
    named: (name) => byName.get(name),
    find(address, nowMs) {
      const known = resolved.find(address, nowMs);
      if (known !== undefined) return known;
      const bytes = addressBytes(address);
      if (bytes === undefined) return undefined;
      const client = findLongest(bytes.length === 4 ? levels[4] : levels[16], bytes);
      if (client !== undefined) resolved.set(address, client, nowMs);
      return client;
    },
  };
}

function findLongest(levels: readonly Level[], bytes: Buffer): KnownClient | undefined {
  for (const { prefix, clients } of levels) {
    const client = clients.get(networkKey(bytes, prefix));
    if (client !== undefined) return client;
  }
  return undefined;
}

/** Keeps `levels` sorted, longest prefix first. */
function getLevel(levels: Level[], prefix: number): Level {
  const found = levels.find((level) => level.prefix === prefix);
  if (found !== undefined) return found;
  const level = { prefix, clients: new Map<string, KnownClient>() };
  levels.push(level);
  levels.sort((one, other) => other.prefix - one.prefix);
  return level;
}

function prepare(settings: RadiusClient, directories: Directories): KnownClient {
  const directory = directories.get(settings.directory);
  if (directory === undefined) {
    throw new Error(
      `client ${settings.name} names no known directory: ${settings.directory ?? "-"}`,
    );
  }
  const { previousSecret, mfa, code, separator, allowGroups } = settings;
  return {
    settings,
    secret: new SharedSecret(settings.secret),
    previousSecret: previousSecret === undefined ? undefined : new SharedSecret(previousSecret),
    directory,
    demand: {
      mfa,
      code,
      separator,
      canChallenge: true,
      allowGroups,
      replyGroups: [...new Set(settings.reply.map((rule) => rule.group))],
    },
    probeUsers: new Set(settings.probeUsers.map(normaliseUsername)),
  };
}
