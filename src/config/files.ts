// What the configuration refers to: secret files, environment variables, certificates.
// Invariant: a file that holds a secret is read only if its owner alone can read it, and nothing
// that was read appears in a message.

import { isUtf8 } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";

import { splitPem } from "../lib/certificate.ts";
import { Secret } from "../lib/secret.ts";
import type { SecretLocation } from "./leaf.ts";
import type { Path, Report } from "./problem.ts";

/** Any key or bundle of certificates fits; a device or a log file named by mistake doesn't. */
const READ_BYTES_MAX = 1024 * 1024;
const OTHERS_MAY_READ_OR_WRITE = 0o066;
const MASTER_KEY_BYTES = 32;
const PEM_LIST = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;

export interface Surroundings {
  /** Relative paths are seen from here: the configuration file's folder. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly report: Report;
  /** Told every file that was asked for, there or not, and all content that was read. */
  readonly seen: (content: { readonly file?: string; readonly bytes?: Uint8Array }) => void;
}

/** The secret, or undefined after a problem was reported. Never empty. */
export function readSecret(
  location: SecretLocation,
  at: Path,
  around: Surroundings,
): Secret | undefined {
  const bytes = readLocation(location, at, around);
  if (bytes === undefined) return undefined;
  if (bytes.length > 0) return Secret.of(bytes);
  around.report.problem(at, "is empty; put the secret there");
  return undefined;
}

/** Base64 (RFC 4648 §4) of exactly 32 bytes. */
export function readMasterKey(location: SecretLocation, around: Surroundings): Secret | undefined {
  const written = readSecret(location, ["master_key"], around);
  if (written === undefined) return undefined;
  const text = written.reveal().toString("latin1");
  const key = Buffer.from(text, "base64");
  if (key.length === MASTER_KEY_BYTES && key.toString("base64") === text) return Secret.of(key);
  const remedy = "make one with: openssl rand -base64 32";
  around.report.problem(["master_key"], `is not base64 of exactly 32 bytes; ${remedy}`);
  return undefined;
}

/** The content of a file that only its owner can read; undefined after a problem was reported. */
export function readPrivateFile(file: string, at: Path, around: Surroundings): Secret | undefined {
  const bytes = readNamed(file, at, around, "secret");
  return bytes && Secret.of(bytes);
}

/** A text in UTF-8 that everyone may read; undefined after a problem was reported. */
export function readText(file: string, at: Path, around: Surroundings): string | undefined {
  const bytes = readNamed(file, at, around, "public");
  if (bytes === undefined) return undefined;
  if (isUtf8(bytes)) return bytes.toString("utf8");
  around.report.problem(at, `${file} is not text in UTF-8`);
  return undefined;
}

/** A PEM file of at least one certificate, as text. It may be readable by everyone. */
export function readCertificates(file: string, at: Path, around: Surroundings): string | undefined {
  const bytes = readNamed(file, at, around, "public");
  if (bytes === undefined) return undefined;
  const blocks = splitPem(bytes.toString("latin1"));
  if (blocks.length > 0 && blocks.every(isCertificate)) return blocks.join("\n");
  around.report.problem(at, `${file} is not a PEM file of certificates`);
  return undefined;
}

/** A PEM file of at least one certificate revocation list (RFC 5280 §5), as text. */
export function readRevocations(file: string, at: Path, around: Surroundings): string | undefined {
  const bytes = readNamed(file, at, around, "public");
  if (bytes === undefined) return undefined;
  const blocks = bytes.toString("latin1").match(PEM_LIST) ?? [];
  if (blocks.length > 0 && blocks.every(isRevocationList)) return blocks.join("\n");
  around.report.problem(at, `${file} is not a PEM file of certificate revocation lists`);
  return undefined;
}

function isRevocationList(crl: string): boolean {
  try {
    createSecureContext({ crl });
    return true;
  } catch {
    return false;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function readLocation(
  location: SecretLocation,
  at: Path,
  around: Surroundings,
): Buffer | undefined {
  if (location.value !== undefined) return Buffer.from(location.value, "utf8");
  if (location.file !== undefined) {
    const bytes = readNamed(location.file, [...at, "file"], around, "secret");
    return bytes && withoutNewline(bytes);
  }
  const name = location.env ?? "";
  const value = Object.hasOwn(around.env, name) ? around.env[name] : undefined;
  if (value !== undefined) {
    around.seen({ bytes: Buffer.from(value, "utf8") });
    return Buffer.from(value, "utf8");
  }
  const problem = `the environment variable ${name} is not set; set it before starting`;
  around.report.problem([...at, "env"], problem);
  return undefined;
}

/** Editors end a file with one newline that isn't part of the secret; another one is. */
function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

function readNamed(
  file: string,
  at: Path,
  around: Surroundings,
  kind: "secret" | "public",
): Buffer | undefined {
  const path = resolve(around.folder, file);
  around.seen({ file: path });
  const result = readBounded(path);
  if (typeof result === "string") {
    around.report.problem(at, `${path} ${result}`);
    return undefined;
  }
  if (kind === "secret" && (result.mode & OTHERS_MAY_READ_OR_WRITE) !== 0) {
    around.report.problem(at, `${path} is open to other users; run: chmod 600 ${shellWord(path)}`);
    return undefined;
  }
  around.seen({ bytes: result.bytes });
  return result.bytes;
}

/** The content and mode of a regular file, or what is wrong with it. */
export function readBounded(path: string): { bytes: Buffer; mode: number } | string {
  try {
    // Opening a pipe would wait for its other end.
    if (!statSync(path).isFile()) return "is not a file; name a regular file";
    const descriptor = openSync(path, "r");
    try {
      const { mode, size } = fstatSync(descriptor);
      if (size > READ_BYTES_MAX)
        return `is larger than ${READ_BYTES_MAX} bytes; is it the right file?`;
      return { bytes: readFileSync(descriptor), mode };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR")
    return "does not exist; create it or correct the path";
  if (code === "EACCES") return "can't be read by this user; change its owner";
  return `can't be read (${typeof code === "string" ? code : "unknown error"})`;
}

function shellWord(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
