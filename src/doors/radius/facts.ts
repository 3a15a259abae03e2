// What only this door can tell the audit about a login: the NAS, the person's device, the request.
// Invariant: one line of printable text each, whatever the packet says; never a secret.

import type { DoorFacts } from "../../core/attempt.ts";
import { auditText } from "../../core/audit.ts";
import { addressBytes } from "../../lib/address.ts";
import { ATTRIBUTE, type Attribute, find, readInteger } from "../../wire/radius/attributes.ts";
import { findAsText } from "../../wire/radius/dictionary.ts";
import type { KnownClient } from "./clients.ts";

export function doorFacts(
  attributes: readonly Attribute[],
  client: KnownClient,
  about: { readonly address: string; readonly authType: string; readonly requestId: string },
): DoorFacts {
  const { settings } = client;
  const endUser = endUserOf(attributes, settings.endUser, about.address);
  return {
    service: "radius",
    attemptEvent: "radius_auth_attempt",
    challengeEvent: "radius_auth_challenge",
    authType: about.authType,
    requestId: about.requestId,
    client: settings.name,
    nas: nasFacts(attributes, settings.name, about.address),
    ...(endUser === undefined ? {} : { endUser }),
  };
}

/**
 * The person's own address or device. A NAS that knows none and puts its own address there must not
 * be taken for somebody who guesses when twenty people mistype.
 */
function endUserOf(
  attributes: readonly Attribute[],
  definition: KnownClient["settings"]["endUser"],
  nasAddress: string,
): string | undefined {
  if (definition === undefined) return undefined;
  const text = cleanText(findAsText(attributes, definition) ?? "");
  const bytes = text === undefined ? undefined : addressBytes(text);
  if (bytes === undefined) return text;
  const own = [
    addressBytes(nasAddress),
    find(attributes, ATTRIBUTE.nasIpAddress)?.value,
    find(attributes, ATTRIBUTE.nasIpv6Address)?.value,
  ];
  return own.some((address) => address?.equals(bytes)) ? undefined : text;
}

function nasFacts(
  attributes: readonly Attribute[],
  name: string,
  ip: string,
): NonNullable<DoorFacts["nas"]> {
  const identifier = textOf(attributes, ATTRIBUTE.nasIdentifier);
  const port = portOf(attributes);
  const calling = textOf(attributes, ATTRIBUTE.callingStationId);
  const called = textOf(attributes, ATTRIBUTE.calledStationId);
  return {
    name,
    ip,
    ...(identifier === undefined ? {} : { identifier }),
    ...(port === undefined ? {} : { port }),
    ...(calling === undefined ? {} : { calling_station_id: calling }),
    ...(called === undefined ? {} : { called_station_id: called }),
  };
}

function portOf(attributes: readonly Attribute[]): string | undefined {
  const port = find(attributes, ATTRIBUTE.nasPort);
  const number = port === undefined ? undefined : readInteger(port.value);
  return number?.toString() ?? textOf(attributes, ATTRIBUTE.nasPortId);
}

function textOf(attributes: readonly Attribute[], type: number): string | undefined {
  const value = find(attributes, type)?.value;
  return value === undefined || value.length === 0 ? undefined : auditText(value.toString("utf8"));
}

/** The source that throttles and allowances go by: what can't be seen must not tell two apart. */
function cleanText(text: string): string | undefined {
  const clean = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim();
  return clean === "" ? undefined : clean;
}
