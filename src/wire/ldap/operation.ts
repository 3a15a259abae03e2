// The operations of LDAP by their tags (RFC 4511 §4.2 to §4.14) and the extended ones by their OIDs.
// Invariant: every request that is answered has exactly one tag of a final response here.

/** [APPLICATION n] as it stands on the wire. */
export const OPERATION = {
  bindRequest: 0x60,
  bindResponse: 0x61,
  unbindRequest: 0x42,
  searchRequest: 0x63,
  searchResultEntry: 0x64,
  searchResultDone: 0x65,
  modifyRequest: 0x66,
  modifyResponse: 0x67,
  addRequest: 0x68,
  addResponse: 0x69,
  deleteRequest: 0x4a,
  deleteResponse: 0x6b,
  modifyDnRequest: 0x6c,
  modifyDnResponse: 0x6d,
  compareRequest: 0x6e,
  compareResponse: 0x6f,
  abandonRequest: 0x50,
  searchResultReference: 0x73,
  extendedRequest: 0x77,
  extendedResponse: 0x78,
  intermediateResponse: 0x79,
} as const;

/** Behind the operation: RFC 4511 §4.1.11. */
export const CONTROLS = 0xa0;

// The others have none: Abandon and Unbind.
const RESPONSES: ReadonlyMap<number, number> = new Map([
  [OPERATION.bindRequest, OPERATION.bindResponse],
  [OPERATION.searchRequest, OPERATION.searchResultDone],
  [OPERATION.modifyRequest, OPERATION.modifyResponse],
  [OPERATION.addRequest, OPERATION.addResponse],
  [OPERATION.deleteRequest, OPERATION.deleteResponse],
  [OPERATION.modifyDnRequest, OPERATION.modifyDnResponse],
  [OPERATION.compareRequest, OPERATION.compareResponse],
  [OPERATION.extendedRequest, OPERATION.extendedResponse],
]);

/** The tag of the final response to a request; undefined if `tag` isn't one that is answered. */
export function responseTo(tag: number): number | undefined {
  return RESPONSES.get(tag);
}

/** Extended operations and notices by OID. */
export const EXTENDED = {
  /** RFC 4511 §4.14. */
  startTls: "1.3.6.1.4.1.1466.20037",
  /** RFC 3062. */
  passwordModify: "1.3.6.1.4.1.4203.1.11.1",
  /** RFC 4532. */
  whoAmI: "1.3.6.1.4.1.4203.1.11.3",
  /** RFC 3909. */
  cancel: "1.3.6.1.1.8",
  /** RFC 4511 §4.4.1. */
  noticeOfDisconnection: "1.3.6.1.4.1.1466.20036",
} as const;

/** What a listener may allow, in the spelling of the configuration. */
export const OPERATION_NAMES = [
  "search",
  "compare",
  "whoami",
  "cancel",
  "add",
  "modify",
  "delete",
  "modrdn",
  "password_modify",
] as const;

export type OperationName = (typeof OPERATION_NAMES)[number];
