// Tokens at an operator's hand: import, enrol, recovery codes, reset, list.
// Invariant: a secret leaves only once, to the operator who enrols a person.

import type { ImportProblem, ImportRow } from "../../core/administration.ts";
import type { EventDraft } from "../../core/audit.ts";
import { newRecoveryCodes } from "../../core/recovery.ts";
import { decodeBase32, encodeBase32 } from "../../lib/base32.ts";
import { encodeKeyUri } from "../../lib/key-uri.ts";
import { randomBytes } from "../../lib/random.ts";
import { Secret } from "../../lib/secret.ts";
import { adminEvent, type ControlContext } from "./context.ts";
import type {
  tokenEnroll,
  tokenImport,
  tokenList,
  tokenRecovery,
  tokenReset,
} from "./operations.ts";
import {
  getDirectory,
  getIdentity,
  getSubject,
  identityChanged,
  isNoPerson,
  noPerson,
} from "./people.ts";
import { OperationError } from "./protocol.ts";
import { requireFactor } from "./requirements.ts";
import type { Handler } from "./bind.ts";
import type { TokenRow } from "./views.ts";

// RFC 4226 §4 R6: 128 bits at least, 160 recommended. Longer than a SHA-512 block is never useful.
const SECRET_BYTES_MIN = 16;
const SECRET_BYTES_MAX = 64;
const SECRET_BYTES = 20;
const PAGE = 500;

const PROBLEMS: Readonly<Record<ImportProblem["problem"], string>> = {
  "already-has-token": "already has a token (add --replace to replace it)",
  "duplicate-name": "the name stands in the file twice",
  "malformed-username": "not a user name",
};

export const importTokens: Handler<typeof tokenImport> = async (context, args, call) => {
  const directory = getDirectory(context, args.directory).name;
  const rows = args.rows.map(rowOf);
  if (args.dryRun) return dryRun(context, directory, rows, args.replace);
  const { administration } = context;
  const event: EventDraft = {
    ...adminEvent(context, call, "totp_import"),
    service: "directory",
    resource: { type: "directory", id: directory },
  };
  const { replace } = args;
  const done = await administration.importTokens(directory, rows, { replace }, event);
  return {
    imported: done.imported,
    problems: done.problems.map(({ line, problem }) => ({ line, problem: PROBLEMS[problem] })),
  };
};

async function dryRun(
  context: ControlContext,
  directory: string,
  rows: readonly ImportRow[],
  replace: boolean,
): Promise<{ imported: number; problems: { line: number; problem: string }[] }> {
  const problems: { line: number; problem: string }[] = [];
  for (const { username, line } of replace ? [] : rows) {
    const person = await context.administration.findPerson({ directory, username });
    if (typeof person === "string" || person.token === undefined) continue;
    problems.push({ line, problem: PROBLEMS["already-has-token"] });
  }
  return { imported: rows.length - problems.length, problems };
}

function rowOf(row: TokenRow): ImportRow {
  const secret = decodeBase32(row.secret);
  const bytes = secret?.length ?? 0;
  if (secret === undefined || bytes < SECRET_BYTES_MIN || bytes > SECRET_BYTES_MAX) {
    throw new OperationError("usage", `line ${row.line}: not a secret of 16 to 64 bytes in base32`);
  }
  return { ...row, secret: Secret.of(secret) };
}

export const enrollToken: Handler<typeof tokenEnroll> = async (context, args, call) => {
  const identity = await getIdentity(context, args);
  const { algorithm, digits, periodSeconds, replace } = args;
  const secret = Secret.of(randomBytes(SECRET_BYTES));
  const token = { secret, algorithm, digits, periodSeconds };
  const { recoveryKey } = context.administration;
  const { codes: recoveryCodes, hashes: recovery } = newRecoveryCodes(recoveryKey);
  const event = adminEvent(context, call, "totp_finish_enrollment", identity, {
    details: { algorithm, digits, period_seconds: periodSeconds, recovery_codes: recovery.length },
  });
  const options = { replace, recovery };
  const outcome = await context.administration.enroll(identity, token, options, event);
  if (outcome === "identity-changed") throw identityChanged(identity);
  if (outcome !== "enrolled") {
    throw new OperationError(
      "refused",
      `"${identity.username}" already has a token`,
      "add --replace: the codes of the old one stop working at once",
    );
  }
  const { username } = identity;
  return {
    username,
    secret: encodeBase32(secret.reveal()),
    uri: encodeKeyUri({ ...token, issuer: context.issuer, username }),
    recoveryCodes,
  };
};

export const replaceRecovery: Handler<typeof tokenRecovery> = async (context, args, call) => {
  const identity = await getIdentity(context, args);
  const { recoveryKey } = context.administration;
  const { codes: recoveryCodes, hashes: recovery } = newRecoveryCodes(recoveryKey);
  const event = adminEvent(context, call, "recovery_codes_generated", identity, {
    details: { recovery_codes: recovery.length },
  });
  const outcome = await context.administration.replaceRecovery(identity, recovery, event);
  if (outcome === "identity-changed") throw identityChanged(identity);
  if (outcome === "no-token") {
    throw new OperationError(
      "refused",
      `"${identity.username}" has no token that recovery codes could stand in for`,
      `run: gatehouse token enroll ${identity.username}`,
    );
  }
  return { username: identity.username, recoveryCodes };
};

export const resetToken: Handler<typeof tokenReset> = async (context, args, call) => {
  const { days } = args;
  // A new period gives something away: then it has to be the person whom the directory names now.
  const subject = await (days === undefined
    ? getSubject(context, args)
    : getIdentity(context, args));
  const event = adminEvent(context, call, "totp_delete_enrollment", subject);
  const outcome = await context.administration.resetToken(subject, event);
  if (isNoPerson(outcome)) throw noPerson(outcome, subject);
  const { username } = subject;
  if (days === undefined || outcome !== "reset") return { username, outcome };
  const who = { kind: "person", username: args.username } as const;
  const { directory } = subject;
  const demand = { who, directory, change: "require", days, dryRun: false } as const;
  const { until } = await requireFactor(context, demand, { ...call, item: async () => undefined });
  return { username, outcome, until };
};

export const listTokens: Handler<typeof tokenList> = async (context, args, call) => {
  // Without a name: all of them, also when there are several.
  if (args.directory !== undefined) getDirectory(context, args.directory);
  const names = args.directory === undefined ? context.directories : [{ name: args.directory }];
  let people = 0;
  for (const { name } of names) {
    for await (const page of pages(context, name, true)) {
      for (const person of page) await call.item(person);
      people += page.length;
      if (call.signal.aborted) return { people };
    }
  }
  return { people };
};

/** Everyone of one directory the store knows, by name, a page at a time. */
export async function* pages(
  context: ControlContext,
  directory: string,
  withToken?: boolean,
): AsyncGenerator<Awaited<ReturnType<ControlContext["administration"]["listPeople"]>>> {
  let afterUsername: string | undefined;
  for (;;) {
    const page = await context.administration.listPeople({
      directory,
      limit: PAGE,
      ...(withToken === undefined ? {} : { withToken }),
      ...(afterUsername === undefined ? {} : { afterUsername }),
    });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    afterUsername = page.at(-1)?.username;
  }
}
