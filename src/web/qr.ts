// A QR code as SVG (ISO/IEC 18004 by the library, the drawing here): one path, no style, nothing that
// a strict content security policy would have to allow.

import qrcode from "qrcode";

import { html, type Html } from "./html.ts";

/** Modules of white around it: scanners need four (ISO/IEC 18004 §6.3.8). */
const QUIET = 4;

/** `label`: what it is, for those who don't see it. */
export function qrSvg(text: string, label: string): Html {
  const { modules } = qrcode.create(text, { errorCorrectionLevel: "M" });
  const { size, data } = modules;
  let path = "";
  for (const [at, isDark] of data.entries()) {
    if (isDark !== 0) path += `M${(at % size) + QUIET} ${Math.floor(at / size) + QUIET}h1v1h-1z`;
  }
  const side = size + 2 * QUIET;
  return html`<svg
    class="qr"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${side} ${side}"
    shape-rendering="crispEdges"
  >
    <rect width="${side}" height="${side}" fill="#fff" />
    <path fill="#000" d="${path}" />
  </svg>`;
}
