// A gateway whose clock a test sets, by libfaketime and for that process alone.

import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startGateway, type GatewayOptions, type TestGateway } from "./gateway.ts";

const [faketime = ""] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");

/** Its clock is `offset` from the host's ("+0", "-300", "+2d"), until `setClock` says otherwise. */
export async function startWithClock(
  folder: string,
  options: GatewayOptions,
  offset: string,
): Promise<{ gateway: TestGateway; setClock: (offset: string) => void }> {
  const file = join(folder, "offset");
  const setClock = (text: string): void => writeFileSync(file, `${text}\n`);
  setClock(offset);
  const variables = [
    `LD_PRELOAD=${faketime}`,
    `FAKETIME_TIMESTAMP_FILE=${file}`,
    "FAKETIME_NO_CACHE=1",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
  ];
  const under = ["/usr/bin/env", ...variables];
  return { gateway: await startGateway({ ...options, under }), setClock };
}
