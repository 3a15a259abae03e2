// Addresses to listen on, and what is wrong when that fails.
// Invariant: an error names the address, the cause and what to do about it.

export interface ListenAddress {
  readonly family: 4 | 6;
  /** "0.0.0.0" and "::" stand for every address of this host. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export function addressText({ family, host, port }: ListenAddress): string {
  return family === 4 ? `${host}:${port}` : `[${host}]:${port}`;
}

export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What a failed bind means to the person who reads it. `key`: of the configuration. */
export function listenProblem(
  key: string,
  transport: "tcp" | "udp",
  address: ListenAddress,
  error: unknown,
): string {
  const place = `${key} ${addressText(address)}`;
  switch (systemCode(error)) {
    case "EADDRINUSE": {
      const who = `ss -ln${transport === "udp" ? "u" : "t"}p 'sport = :${address.port}'`;
      return `${place}: the port is in use; stop the program that has it (${who})`;
    }
    case "EACCES":
    case "EPERM":
      return `${place}: not permitted; ports below 1024 need the capability CAP_NET_BIND_SERVICE`;
    case "EADDRNOTAVAIL":
      return `${place}: not an address of this host; see "ip address", or listen on a wildcard`;
    default:
      return `${place}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
