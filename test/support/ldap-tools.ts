// ldapsearch, ldapwhoami and their like, as administrators and scripts use them.

import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Ran {
  /** An LDAP result code, as all of them end with. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  /** File of the authority that signed the server's certificate. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly input?: string;
}

export async function ldapTool(
  program: string,
  args: readonly string[],
  { caFile, certFile, keyFile, input = "" }: ToolOptions = {},
): Promise<Ran> {
  const env = {
    ...process.env,
    ...(caFile === undefined ? { LDAPTLS_REQCERT: "never" } : { LDAPTLS_CACERT: caFile }),
    ...(certFile === undefined ? {} : { LDAPTLS_CERT: certFile, LDAPTLS_KEY: keyFile }),
  };
  const child = spawn(program, args, { env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(input);
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}
