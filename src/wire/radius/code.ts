// The kinds of packet, by number and name.
// Invariant: a number without a name here is still a code; the door decides what its port serves.

/** Packet codes (IANA, "RADIUS Packet Type Codes"). */
export const CODE = {
  accessRequest: 1,
  accessAccept: 2,
  accessReject: 3,
  accountingRequest: 4,
  accountingResponse: 5,
  accessChallenge: 11,
  statusServer: 12,
  statusClient: 13,
  disconnectRequest: 40,
  coaRequest: 43,
  protocolError: 52,
} as const;

const CODE_NAMES: ReadonlyMap<number, string> = new Map([
  [CODE.accessRequest, "Access-Request"],
  [CODE.accessAccept, "Access-Accept"],
  [CODE.accessReject, "Access-Reject"],
  [CODE.accountingRequest, "Accounting-Request"],
  [CODE.accountingResponse, "Accounting-Response"],
  [CODE.accessChallenge, "Access-Challenge"],
  [CODE.statusServer, "Status-Server"],
  [CODE.statusClient, "Status-Client"],
  [CODE.disconnectRequest, "Disconnect-Request"],
  [CODE.coaRequest, "CoA-Request"],
  [CODE.protocolError, "Protocol-Error"],
]);

export type RequestCode = typeof CODE.accessRequest | typeof CODE.statusServer;

export type ReplyCode =
  | typeof CODE.accessAccept
  | typeof CODE.accessReject
  | typeof CODE.accessChallenge
  | typeof CODE.accountingResponse
  | typeof CODE.protocolError;

/** "Access-Request"; "code 250" for what has no name here. */
export function codeName(code: number): string {
  return CODE_NAMES.get(code) ?? `code ${code}`;
}
