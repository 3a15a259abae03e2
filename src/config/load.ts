// From a file name to a Config: reads the file and all it refers to, and tells every mistake at
// once. The only reader of the environment.
// Invariant: a Config comes out only if there was no problem at all; nothing here throws for
// anything a file can contain.

import { createHmac } from "node:crypto";
import { dirname, resolve } from "node:path";

import type { z } from "zod";

import { type Clock, systemClock } from "../lib/clock.ts";
import { deriveKey } from "../lib/derive.ts";
import { buildAdmin, checkEnrolment } from "./admin.ts";
import { buildClients } from "./clients.ts";
import { type Config, freeze } from "./config.ts";
import { buildDirectories } from "./directories.ts";
import { atStart, FILE_BYTES_MAX, parseSource, readPartly, type Source } from "./document.ts";
import { readBounded, readMasterKey, type Surroundings } from "./files.ts";
import { toProblems, wording } from "./issues.ts";
import { secret } from "./leaf.ts";
import { buildListeners } from "./listeners.ts";
import { buildMail } from "./mail.ts";
import { mailSchema } from "./mail-schema.ts";
import type { Path, Problem } from "./problem.ts";
import {
  adminSchema,
  clientSchema,
  directorySchema,
  enrolmentSchema,
  listenerSchema,
  schema,
  STORE_FILE,
} from "./schema.ts";

export interface Loaded {
  readonly config: Config;
  readonly warnings: readonly Problem[];
  /** Every file that was read: a change of one of them changes the configuration. */
  readonly watch: readonly string[];
  /** Hex; differs when any content differs, and tells nothing about it. */
  readonly hash: string;
}

export interface NotLoaded {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly watch: readonly string[];
}

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** Reads the configuration at `path` (product contract: one YAML file, all mistakes at once). */
export function loadConfig(path: string, options: LoadOptions = {}): Loaded | NotLoaded {
  const fail = (problems: readonly Problem[]): NotLoaded => ({
    problems,
    warnings: [],
    watch: [resolve(path)],
  });
  const read = readBounded(path);
  if (typeof read === "string") return fail([atStart(path, read)]);
  if (read.bytes.length > FILE_BYTES_MAX) return fail([atStart(path, "is larger than 1 MB")]);
  const parsed = parseSource(path, read.bytes);
  if ("problems" in parsed) return fail(parsed.problems);
  return build(path, { ...read, source: parsed.source }, options);
}

/**
 * Where the store is, by a file that may be wrong elsewhere, or everywhere: to find a gateway that
 * runs on what the file said before.
 */
export function findStorePath(path: string): string {
  const read = readBounded(path);
  const value = typeof read === "string" ? undefined : readPartly(read.bytes);
  const named = textOf(get(get(value, "store"), "sqlite"))[0] || STORE_FILE;
  return resolve(dirname(resolve(path)), named);
}

interface Read {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly source: Source;
}

function build(path: string, { bytes, mode, source }: Read, options: LoadOptions) {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const watch = new Set([resolve(path)]);
  const contents: Uint8Array[] = [bytes];
  const around: Surroundings = {
    folder: dirname(resolve(path)),
    env: options.env ?? process.env,
    report: {
      problem: (at, message) => problems.push(source.place(at, message)),
      warning: (at, message) => warnings.push(source.place(at, message)),
    },
    seen: (content) => {
      if (content.file !== undefined) watch.add(content.file);
      if (content.bytes !== undefined) contents.push(content.bytes);
    },
  };
  const whole = schema.safeParse(source.value, { error: wording });
  if (!whole.success) problems.push(...toProblems(whole.error.issues, source));
  if (get(source.value, "radius") === undefined && get(source.value, "ldap") === undefined) {
    around.report.problem([], 'has no door; add "radius: …" or "ldap: …"');
  }
  const parts = buildParts(source.value, around, options.clock ?? systemClock);
  if ((mode & 0o002) !== 0) {
    around.report.warning([], "can be changed by every user of this host; run chmod o-w on it");
  }
  if ((mode & 0o044) !== 0 && holdsSecret(source.value)) {
    around.report.warning([], "holds a secret and other users can read it; run chmod 600 on it");
  }
  if (!whole.success || problems.length > 0 || parts.masterKey === undefined) {
    return { problems: inOrder(problems), warnings: inOrder(warnings), watch: [...watch] };
  }
  const config = assemble(whole.data, parts.masterKey, parts, around.folder);
  const hash = contentHash(parts.masterKey, contents);
  return { config, warnings: inOrder(warnings), watch: [...watch], hash };
}

/** Whatever is valid by itself is checked further, though something else in the file is wrong. */
function buildParts(value: unknown, around: Surroundings, clock: Clock) {
  const location = secret.safeParse(get(value, "master_key"));
  const directories = get(value, "directories");
  const neighbours = {
    directories: listOf(directories).flatMap((entry) => {
      const hasDomains = listOf(get(entry, "domains")).length > 0;
      return textOf(get(entry, "name")).map((name) => ({ name, hasDomains }));
    }),
    today: new Date(clock.now()).toISOString().slice(0, 10),
  };
  const clients = get(get(value, "radius"), "clients");
  const admin = adminSchema.safeParse(get(value, "admin"));
  const enrolment = enrolmentSchema.safeParse(get(value, "enrolment") ?? {});
  if (admin.success && enrolment.success) checkEnrolment(enrolment.data, admin.data, around);
  const mail = mailSchema.safeParse(get(value, "mail"));
  const listeners = get(get(value, "ldap"), "listeners");
  return {
    masterKey: location.success ? readMasterKey(location.data, around) : undefined,
    directories: buildDirectories(salvage(directorySchema, directories), around),
    clients: buildClients(salvage(clientSchema, clients), neighbours, around),
    listeners: buildListeners(salvage(listenerSchema, listeners), neighbours, around),
    admin: admin.success ? buildAdmin(admin.data, neighbours.today, around) : undefined,
    mail: mail.success ? buildMail(mail.data, around) : undefined,
  };
}

type Parts = Omit<ReturnType<typeof buildParts>, "masterKey">;
type Raw = z.infer<typeof schema>;

function assemble(raw: Raw, masterKey: Config["masterKey"], parts: Parts, folder: string): Config {
  const { store, radius, totp, lockout, enrolment, log } = raw;
  return freeze({
    store: {
      sqlite: resolve(folder, store.sqlite),
      durability: store.durability,
      retentionMs: store.retention,
    },
    masterKey,
    directories: parts.directories,
    radius: { listen: radius?.listen ?? [], clients: parts.clients },
    ldap: { listeners: parts.listeners },
    totp: { issuer: totp.issuer, pastSteps: totp.past_steps, futureSteps: totp.future_steps },
    lockout: {
      attempts: lockout.attempts,
      windowMs: lockout.window,
      durationMs: lockout.duration,
      countPasswordFailures: lockout.count_password_failures,
      countCodeFailures: lockout.count_code_failures,
    },
    enrolment: {
      periodMs: enrolment.period,
      allowFrom: enrolment.allow_from,
      help: enrolment.help,
    },
    admin: parts.admin,
    mail: parts.mail,
    log,
  });
}

/** The entries that are valid, if need be without the keys that aren't (they were reported). */
function salvage<T extends z.ZodType>(kind: T, list: unknown): Map<number, z.infer<T>> {
  const entries = new Map<number, z.infer<T>>();
  for (const [index, entry] of listOf(list).entries()) {
    const first = kind.safeParse(entry);
    const result = first.success ? first : kind.safeParse(without(entry, first.error.issues));
    if (result.success) entries.set(index, result.data);
  }
  return entries;
}

function without(entry: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  if (typeof entry !== "object" || entry === null) return entry;
  const wrong = new Set<PropertyKey>();
  for (const issue of issues) {
    const [key] = issue.path;
    if (key !== undefined) wrong.add(key);
    else if (issue.code === "unrecognized_keys") for (const name of issue.keys) wrong.add(name);
  }
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !wrong.has(key)));
}

/** Keyed, so that the hash may be logged: nobody can try out secrets against it. */
function contentHash(masterKey: Config["masterKey"], contents: readonly Uint8Array[]): string {
  const key = deriveKey(masterKey, "configuration hash");
  const hmac = createHmac("sha256", key.reveal());
  for (const content of contents) hmac.update(`${content.length}:`).update(content);
  return hmac.digest("hex");
}

/** Whether a secret stands in the file itself. */
function holdsSecret(value: unknown): boolean {
  const places = [get(value, "master_key"), get(get(value, "mail"), "password")];
  for (const entry of listOf(get(value, "directories"))) places.push(get(entry, "bind_password"));
  for (const entry of listOf(get(get(value, "radius"), "clients"))) {
    places.push(get(entry, "secret"), get(entry, "previous_secret"));
  }
  return places.some((place) => get(place, "value") !== undefined);
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function get(value: unknown, key: Path[number]): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string[] {
  return typeof value === "string" ? [value] : [];
}
