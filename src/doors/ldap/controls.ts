// Which controls go on to the directory, with which operation.
// Invariants: one that isn't listed never leaves, and if it is critical nothing is done (RFC 4511
// §4.1.11); one that looks at a password attribute, or at attributes it doesn't name, is refused.

import { WireError } from "../../wire/error.ts";
import {
  CONTROL,
  type Control,
  decodeControls,
  visitControl,
  withControls,
} from "../../wire/ldap/control.ts";
import type { Envelope } from "../../wire/ldap/envelope.ts";
import { OPERATION } from "../../wire/ldap/operation.ts";
import {
  isAttributeDescription,
  isPasswordAttribute,
} from "../../wire/ldap/password-attributes.ts";
import type { Refusal } from "./rules.ts";

const SEARCH = [OPERATION.searchRequest];
const UPDATES = [
  OPERATION.addRequest,
  OPERATION.modifyRequest,
  OPERATION.deleteRequest,
  OPERATION.modifyDnRequest,
];
const READS = [OPERATION.searchRequest, OPERATION.compareRequest];
const ALL = [OPERATION.bindRequest, OPERATION.extendedRequest, ...READS, ...UPDATES];

// Not here, and why: dereference (shows attributes of other entries in a control's value), syncrepl
// and persistent search (never end), DirSync and effective rights (show what a search doesn't),
// transactions (what is refused in the middle would be half done).
const USES: ReadonlyMap<string, ReadonlySet<number>> = new Map(
  (
    [
      [CONTROL.pagedResults, SEARCH],
      [CONTROL.sort, SEARCH],
      [CONTROL.virtualListView, SEARCH],
      [CONTROL.matchedValues, SEARCH],
      [CONTROL.subentries, SEARCH],
      [CONTROL.showDeleted, SEARCH],
      [CONTROL.showRecycled, SEARCH],
      [CONTROL.extendedDn, SEARCH],
      [CONTROL.searchOptions, SEARCH],
      [CONTROL.attributeScopedQuery, SEARCH],
      [CONTROL.dontUseCopy, READS],
      [CONTROL.manageDsaIt, [...READS, ...UPDATES]],
      [CONTROL.assertion, [...READS, ...UPDATES]],
      [CONTROL.domainScope, [...SEARCH, ...UPDATES]],
      [
        CONTROL.securityDescriptorFlags,
        [OPERATION.searchRequest, OPERATION.addRequest, OPERATION.modifyRequest],
      ],
      [
        CONTROL.preRead,
        [OPERATION.modifyRequest, OPERATION.deleteRequest, OPERATION.modifyDnRequest],
      ],
      [
        CONTROL.postRead,
        [OPERATION.addRequest, OPERATION.modifyRequest, OPERATION.modifyDnRequest],
      ],
      [CONTROL.permissiveModify, [OPERATION.modifyRequest]],
      [CONTROL.treeDelete, [OPERATION.deleteRequest]],
      [CONTROL.authorizationIdentity, [OPERATION.bindRequest]],
      [CONTROL.passwordPolicy, ALL],
      [CONTROL.sessionTracking, ALL],
    ] as const
  ).map(([oid, operations]) => [oid, new Set<number>(operations)]),
);

/** What a root DSE may list as supportedControl. */
export const ALLOWED_CONTROLS: ReadonlySet<string> = new Set(USES.keys());

export type ControlsJudgement =
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  /** `areAll`: the message can stay as it is. */
  | { readonly kind: "keep"; readonly controls: readonly Control[]; readonly areAll: boolean };

const NONE: ControlsJudgement = { kind: "keep", controls: [], areAll: true };

/** Throws WireError when the list itself can't be read. */
export function judgeControls(message: Buffer, envelope: Envelope): ControlsJudgement {
  if (!envelope.hasControls) return NONE;
  const all = decodeControls(message, envelope);
  const kept: Control[] = [];
  for (const control of all) {
    const judgement = judgeControl(control, envelope.tag);
    if (judgement === "keep" && kept.some(({ oid }) => oid === control.oid)) {
      // What the second of two means nobody has said.
      return { kind: "refuse", refusal: "malformed-request" };
    }
    if (judgement === "keep") kept.push(control);
    else if (judgement !== "drop") return { kind: "refuse", refusal: judgement };
  }
  return { kind: "keep", controls: kept, areAll: kept.length === all.length };
}

/** RFC 2696 §3, and the view of a list: what they leave behind is their connection's, not ours. */
const STATEFUL: ReadonlySet<string> = new Set([CONTROL.pagedResults, CONTROL.virtualListView]);

/** A directory remembers something of the request, on the connection that it came over. */
export function leavesState(controls: readonly Control[]): boolean {
  return controls.some(({ oid }) => STATEFUL.has(oid));
}

/** The message as it may go on. */
export function keepControls(
  message: Buffer,
  envelope: Envelope,
  { controls, areAll }: Extract<ControlsJudgement, { kind: "keep" }>,
): Buffer {
  return areAll ? message : withControls(message, envelope, controls);
}

function judgeControl(control: Control, tag: number): Refusal | "keep" | "drop" {
  const { oid, isCritical } = control;
  if (oid === CONTROL.proxiedAuthorization || oid === CONTROL.proxiedAuthorizationDraft) {
    // RFC 4370 §3: it must be critical, so that nobody acts as themselves by mistake.
    return isCritical ? "proxied-authorisation" : "malformed-request";
  }
  if (USES.get(oid)?.has(tag) !== true) return isCritical ? "unknown-critical-control" : "drop";
  try {
    let refusal: Refusal | undefined;
    visitControl(control, (bytes, from, to) => {
      if (from === to || isPasswordAttribute(bytes, from, to)) refusal = "password-attribute";
      else if (!isAttributeDescription(bytes, from, to)) refusal ??= "malformed-request";
    });
    return refusal ?? "keep";
  } catch (error) {
    if (error instanceof WireError) return "malformed-request";
    throw error;
  }
}
