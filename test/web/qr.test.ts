// The QR code on a page is the one the library makes, module by module.

import qrcode from "qrcode";
import t from "tap";

import { qrSvg } from "../../src/web/qr.ts";

const URI = "otpauth://totp/Tests:alice?secret=JBSWY3DPEHPK3PXP&issuer=Tests";

t.test("T19: every dark module is drawn, within four of white, and no other", async (t) => {
  const svg = qrSvg(URI, "a label").toString();
  const { modules } = qrcode.create(URI, { errorCorrectionLevel: "M" });
  const drawn = new Set([...svg.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${x} ${y}`));
  const dark: string[] = [];
  for (let y = 0; y < modules.size; y += 1) {
    for (let x = 0; x < modules.size; x += 1) {
      if (modules.get(y, x) === 1) dark.push(`${x + 4} ${y + 4}`);
    }
  }
  t.same([...drawn].sort(), dark.sort());
  t.match(svg, `viewBox="0 0 ${modules.size + 8} ${modules.size + 8}"`);
});

t.test(
  "it has a name for those who don't see it, and nothing inline that a policy forbids",
  async (t) => {
    const svg = qrSvg(URI, 'a "label"').toString();
    t.match(svg, /role="img"\s+aria-label="a &#34;label&#34;"/);
    t.notMatch(svg, /style|script/);
  },
);
