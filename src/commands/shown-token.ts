// A new token on the screen, once: as QR code and as text.

import type { Output } from "./context.ts";

/** `said`: a line between the two. */
export async function showToken(
  stdout: Output,
  token: { readonly secret: string; readonly uri: string },
  said: string,
  hasQr: boolean,
): Promise<void> {
  if (hasQr) stdout.write(`${await drawQr(token.uri)}\n`);
  const key = token.secret.replaceAll(/.{4}(?=.)/g, "$& ");
  stdout.write(`${said}\nkey  ${key}\nuri  ${token.uri}\n`);
}

// Loaded only here: few commands draw.
async function drawQr(text: string): Promise<string> {
  const { default: qrcode } = await import("qrcode");
  return qrcode.toString(text, { type: "utf8", errorCorrectionLevel: "M" });
}
