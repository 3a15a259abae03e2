// Mails of a running gateway: the queue of its store, the addresses of its directories, the mail server
// of its configuration, as all of them are now. The client of mail servers is loaded only where there
// is one.

import type { AddressAnswer, Courier, CourierSettings } from "../backends/mail/courier.ts";
import type { MailPerson } from "../core/mail.ts";
import type { GatewayOptions, Running } from "./running.ts";

const EVERY_MS = 5_000;

/** Sends what is due until the function returned is called, which resolves when nothing is under way. */
export function startMail(
  { store, clock, log }: Pick<GatewayOptions, "store" | "clock" | "log">,
  running: Running,
): () => Promise<void> {
  let courier: Promise<Courier> | undefined;

  async function load(): Promise<Courier> {
    const { createCourier } = await import("../backends/mail/courier.ts");
    const settings = (): CourierSettings | undefined => courierSettings(running);
    const addressOf = (person: MailPerson): Promise<AddressAnswer> => findAddress(running, person);
    return createCourier({ outbox: store, settings, addressOf, clock, log });
  }

  async function look(): Promise<void> {
    if (running.config.mail === undefined) return;
    courier ??= load();
    await (await courier).look();
  }

  const lookAgain = (): void =>
    void look().catch((error: unknown) => log.error({ err: error }, "no mail can be sent"));
  const timer = setInterval(lookAgain, EVERY_MS).unref();
  lookAgain();
  return async () => {
    clearInterval(timer);
    await courier?.then((started) => started.stop()).catch(() => undefined);
  };
}

async function findAddress(
  { directories }: Running,
  { directory: name, id, username }: MailPerson,
): Promise<AddressAnswer> {
  const directory = directories.get(name);
  const found = await directory?.find(username);
  // Somebody else of the same name is not told.
  if (directory === undefined || found?.kind !== "found" || found.identity.id !== id) {
    return { kind: "person-not-found" };
  }
  const address = await directory.findMail(found.identity);
  return address === undefined ? { kind: "no-address" } : { kind: "found", address };
}

function courierSettings({ config }: Running): CourierSettings | undefined {
  const { mail, totp, admin } = config;
  return mail && { ...mail, issuer: totp.issuer, portal: admin?.publicUrl };
}
