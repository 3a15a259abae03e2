// A configured listener with its directory behind it: what is demanded of a bind there, and who is
// exempt. Invariant: an account is recognised by the entry it leads to, never by what was typed.

import type { Demand, RebindRules, ServiceFact } from "../../core/attempt.ts";
import type { Directory, Identity } from "../../core/ports.ts";
import type { MfaMode } from "../../core/verdict.ts";
import { addressBytes, endUserSource, isInNetwork } from "../../lib/address.ts";
import type { ListenAddress } from "../../lib/listen.ts";
import type { Secret } from "../../lib/secret.ts";
import { WireError } from "../../wire/error.ts";
import { canonicalDn } from "../../wire/ldap/dn.ts";
import type { OperationName } from "../../wire/ldap/operation.ts";
import type { ListenerRules } from "./rules.ts";
import type { UpstreamDirectory } from "./upstream.ts";

interface Network {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

export interface ListenerTls {
  readonly begins: "implicit" | "start_tls";
  /** PEM, the listener's own certificate first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: Secret;
  /** PEM; undefined: clients need no certificate. */
  readonly clientCa: string | undefined;
}

/** As the configuration has it. */
export interface ListenerSettings {
  readonly name: string;
  readonly listen: ListenAddress;
  /** Undefined: plain, on loopback only. */
  readonly tls: ListenerTls | undefined;
  readonly directory: string;
  readonly allowGroups: readonly string[];
  readonly mfa: MfaMode;
  readonly separator: string;
  readonly rebindWindowMs: number;
  readonly proxyProtocol: readonly Network[];
  readonly endUser: "none" | "address";
  readonly operations: readonly OperationName[];
  readonly referrals: "drop" | "pass";
  readonly exempt: readonly { readonly dn: string; readonly addresses: readonly Network[] }[];
}

export interface Listener {
  readonly settings: ListenerSettings;
  readonly directory: UpstreamDirectory;
  /** The same directory, which finds exempt accounts too. */
  readonly people: Directory;
  readonly demand: Demand;
  readonly rules: ListenerRules;
  serviceOf(identity: Identity, address: string): ServiceFact;
  rebind(address: string): RebindRules;
  /** The person's own source, if a client at that address is a person's machine. */
  endUser(address: string): string | undefined;
  /** It must send the PROXY protocol, version 2. */
  isBalancer(address: string): boolean;
}

/** Where clients come in; a reload changes what holds there, for those who are connected too. */
export interface ListenerPlace {
  current: Listener;
  readonly rules: ListenerRules;
}

export function createPlace(listener: Listener): ListenerPlace {
  const place: ListenerPlace = {
    current: listener,
    rules: {
      get tls() {
        return place.current.rules.tls;
      },
      get operations() {
        return place.current.rules.operations;
      },
      get referrals() {
        return place.current.rules.referrals;
      },
    },
  };
  return place;
}

export function createListener(settings: ListenerSettings, directory: UpstreamDirectory): Listener {
  const { name, mfa, separator, allowGroups, operations, referrals, rebindWindowMs } = settings;
  const exempt = new Map(settings.exempt.map((one) => [canonicalDn(one.dn), one.addresses]));
  const shared = [...settings.proxyProtocol, ...settings.exempt.flatMap((one) => one.addresses)];
  const people: Directory = {
    name: directory.name,
    find(username) {
      const dn = exempt.size === 0 ? undefined : findDn(username);
      return dn !== undefined && exempt.has(dn)
        ? directory.findEntry(dn)
        : directory.find(username);
    },
    bind: (identity, password) => directory.bind(identity, password),
    memberOf: (identity, groupDns) => directory.memberOf(identity, groupDns),
  };
  return {
    settings,
    directory,
    people,
    demand: {
      mfa,
      code: "append",
      separator,
      canChallenge: false,
      allowGroups,
      replyGroups: [],
    },
    rules: { tls: settings.tls?.begins ?? "none", operations: new Set(operations), referrals },
    serviceOf(identity, address) {
      const dn = exempt.size === 0 ? undefined : findDn(identity.dn);
      const addresses = dn === undefined ? undefined : exempt.get(dn);
      if (addresses === undefined) return "person";
      return isAmong(address, addresses) ? "exempt" : "elsewhere";
    },
    rebind: (address) => ({
      windowMs: rebindWindowMs,
      address,
      setting: `ldap.listeners[${name}].rebind_window`,
    }),
    // The addresses of applications and of balancers are everybody's: to block one, or to let one go
    // on where others are locked out, would be a weapon in the hands of anybody behind it.
    endUser(address) {
      if (settings.endUser === "none" || isAmong(address, shared)) return undefined;
      return endUserSource(address);
    },
    isBalancer: (address) => isAmong(address, settings.proxyProtocol),
  };
}

function isAmong(address: string, networks: readonly Network[]): boolean {
  if (networks.length === 0) return false;
  const bytes = addressBytes(address);
  return bytes !== undefined && networks.some((network) => isInNetwork(bytes, network));
}

/** Canonical; undefined for what is no DN. */
function findDn(text: string): string | undefined {
  if (!text.includes("=")) return undefined;
  try {
    return canonicalDn(text);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
