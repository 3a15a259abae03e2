// What a Bind asks for: a name and a password to be judged, nobody, or nothing that can be had.
// Invariant: only a name together with a password, over a connection that may carry one, is ever
// asked about; everything else is answered without anybody looking at a directory.

import { isUtf8 } from "node:buffer";

import type { Secret } from "../../lib/secret.ts";
import { WireError } from "../../wire/error.ts";
import type { Control } from "../../wire/ldap/control.ts";
import { canonicalRdns } from "../../wire/ldap/dn.ts";
import type { Envelope } from "../../wire/ldap/envelope.ts";
import { decodeBind } from "../../wire/ldap/request.ts";
import { judgeControls } from "./controls.ts";
import type { Situation } from "./policy.ts";
import type { Refusal } from "./rules.ts";

export type BindJudgement =
  | {
      readonly kind: "ask";
      readonly name: string;
      readonly credentials: Secret;
      /** Those that go on. */
      readonly controls: readonly Control[];
    }
  | { readonly kind: "anonymous" }
  | { readonly kind: "refuse"; readonly refusal: Refusal; readonly name?: string };

const VERSION = 3;

/** Throws WireError: the session has to end. */
export function judgeBind(
  message: Buffer,
  envelope: Envelope,
  { rules, isTls }: Omit<Situation, "isBound">,
): BindJudgement {
  const { version, name: octets, authentication } = decodeBind(message, envelope);
  if (version !== VERSION) return { kind: "refuse", refusal: "unsupported-version" };
  if (authentication.kind !== "simple") {
    return { kind: "refuse", refusal: "unsupported-auth-method" };
  }
  const controls = judgeControls(message, envelope);
  if (controls.kind === "refuse") return controls;
  const { password: credentials } = authentication;
  if (octets.length === 0) {
    // RFC 4513 §5.1.1; a password without a name proves nothing.
    if (credentials.byteLength === 0) return { kind: "anonymous" };
    return { kind: "refuse", refusal: "empty-name" };
  }
  const name = readName(octets);
  if (name === undefined) return { kind: "refuse", refusal: "malformed-name" };
  if (credentials.byteLength === 0) return { kind: "refuse", refusal: "empty-password", name };
  if (rules.tls !== "none" && !isTls) {
    return { kind: "refuse", refusal: "confidentiality-required", name };
  }
  return { kind: "ask", name, credentials, controls: controls.controls };
}

/** No DN that a directory has is longer. */
const NAME_BYTES_MAX = 8192;
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
/** `name@domain` and `DOMAIN\name`. */
const DOMAIN_NAME = /[@\\]/;

/** A DN or a name with its domain; undefined: neither. */
function readName(octets: Buffer): string | undefined {
  if (octets.length > NAME_BYTES_MAX || !isUtf8(octets)) return undefined;
  const name = octets.toString("utf8");
  if (CONTROL_CHARACTER.test(name)) return undefined;
  return DOMAIN_NAME.test(name) || isDn(name) ? name : undefined;
}

function isDn(name: string): boolean {
  try {
    return canonicalRdns(name).length > 0;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
