// What travels over the control socket: one JSON object per line, requests one way, frames back.
// Invariant: a line has a bounded length and a known shape, or it ends the connection.

import { z } from "zod";

/** Both sides say it, so that a command of another version is told and not misunderstood. */
export const PROTOCOL_VERSION = 1;
/** A thousand rows of the longest names and keys an import may have are 950 KB. */
export const LINE_BYTES_MAX = 1_048_576;
/** The error of a connection, not of one of its requests. */
export const CONNECTION_ID = 0;

const ERROR_CODES = [
  "usage",
  "configuration",
  "refused",
  "unavailable",
  "protocol",
  "internal",
] as const;

/** Why an operation was not done. Only "usage" is the caller's own mistake in calling. */
export type OperationErrorCode = (typeof ERROR_CODES)[number];

/** What happened, and the next step for the person who reads it. */
export class OperationError extends Error {
  override readonly name = "OperationError";
  readonly code: OperationErrorCode;
  readonly hint: string | undefined;

  constructor(code: OperationErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const Request = z.strictObject({
  version: z.int(),
  id: z.int().min(1),
  operation: z.string().max(64),
  /** The operating system's user, as the caller says: the socket can't prove it. */
  operator: z.string().max(256),
  arguments: z.unknown(),
});

const Frame = z.union([
  z.strictObject({ id: z.int(), result: z.unknown() }),
  z.strictObject({ id: z.int(), item: z.unknown() }),
  z.strictObject({
    id: z.int(),
    progress: z.strictObject({ done: z.number(), total: z.number() }),
  }),
  z.strictObject({
    id: z.int(),
    error: z.strictObject({
      code: z.enum(ERROR_CODES),
      message: z.string(),
      hint: z.string().optional(),
    }),
  }),
]);

export type Request = z.infer<typeof Request>;
export type Frame = z.infer<typeof Frame>;

/** One line. Throws OperationError for a value that is longer than a line may be. */
export function encodeLine(value: Request | Frame): Buffer {
  const line = Buffer.from(`${JSON.stringify(value)}\n`);
  if (line.length <= LINE_BYTES_MAX) return line;
  throw new OperationError("protocol", `a message of ${line.length} bytes is too long to send`);
}

/** Throws OperationError. */
export function decodeRequest(line: string): Request {
  const request = decode(line, Request);
  if (request.version === PROTOCOL_VERSION) return request;
  throw new OperationError(
    "protocol",
    `the command speaks version ${request.version}, the gateway version ${PROTOCOL_VERSION}`,
    "use the gatehouse command that belongs to the running gateway, or restart the gateway",
  );
}

/** Throws OperationError. */
export function decodeFrame(line: string): Frame {
  return decode(line, Frame);
}

export function errorFrame(id: number, error: OperationError): Frame {
  const { code, message, hint } = error;
  return { id, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

// The line itself is never repeated in the error: it may hold a secret.
function decode<Shape extends z.ZodType>(line: string, shape: Shape): z.output<Shape> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new OperationError("protocol", "a line is not JSON");
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new OperationError("protocol", "a message has not the shape it should have");
}
