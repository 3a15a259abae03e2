// A real Chromium at a gateway's portal: one browser for a test file, a context for each person.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Test } from "tap";

import { generateCertificates } from "../../certs/certificates.ts";
import { decodeBase32 } from "../../src/lib/base32.ts";
import { type GatewayOptions, startGateway, type TestGateway } from "./gateway.ts";
import { freePort } from "./ports.ts";

export interface PortalGateway extends TestGateway {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

/** A gateway with a portal over HTTPS; its certificate is made for the test. */
export async function startPortalGateway(
  t: Test,
  options: GatewayOptions,
  more = "",
): Promise<PortalGateway> {
  const folder = t.testdir();
  await generateCertificates(folder);
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const admin = `admin:
  listen: "127.0.0.1:${port}"
  certificate: ${folder}/server.pem
  key: ${folder}/server.key
  public_url: ${url}
${more}`;
  const gateway = await startGateway({ ...options, more: admin });
  t.teardown(() => gateway.end());
  // Not spread: what it says of itself changes with each start.
  return Object.create(gateway, {
    url: { value: url },
    ca: { value: readFileSync(join(folder, "ca.pem"), "utf8") },
  });
}

export async function startBrowser(t: Test): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Chromium's sandbox has no use for root.
    args: isRoot ? ["--no-sandbox"] : [],
  });
  t.teardown(() => browser.close());
  return browser;
}

/** A person's own browser, the size of a small phone. */
export async function openPage(
  t: Test,
  browser: Browser,
  more: { readonly javaScriptEnabled?: boolean; readonly colorScheme?: "dark" | "light" } = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 360, height: 740 },
    ignoreHTTPSErrors: true,
    ...more,
  });
  t.teardown(() => context.close());
  const page = await context.newPage();
  // What a policy forbids, and every fault of a script.
  page.on("console", (message) => {
    const { url } = message.location();
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) t.fail(`${url}: ${message.text()}`);
  });
  page.on("pageerror", (error) => t.fail(error.message));
  return page;
}

// Run in the page, by the debugging protocol: the page's own policy would let no script in.
const WIDTH = "document.documentElement.scrollWidth";
const FAULTS = `axe
  .run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`;
const LOW_TARGETS = `[...document.querySelectorAll("button, a.button, input:not([type=hidden])")]
  .map((element) => element.getBoundingClientRect())
  .filter(({ width, height }) => width > 0 && height < 44).length`;

/** That nobody is kept out by how the page is made: WCAG 2.2 A and AA, 360 px, targets for thumbs. */
export async function expectUsable(t: Test, page: Page): Promise<void> {
  const title = await page.title();
  const width = await page.evaluate<number>(WIDTH);
  t.ok(width <= 360, `${title}: ${width} px wide`);
  await page.evaluate(axe.source);
  t.same(await page.evaluate(FAULTS), [], `${title}: accessibility`);
  t.equal(await page.evaluate(LOW_TARGETS), 0, `${title}: targets are 44 px high`);
}

/** What a camera reads from the QR code on the page. */
export async function readQr(page: Page): Promise<string> {
  const input = await page.locator("svg.qr").screenshot();
  const { stdout, stderr } = spawnSync("zbarimg", ["--quiet", "--raw", "-"], { input });
  const text = stdout.toString().trim();
  if (text === "") throw new Error(`no QR code: ${stderr.toString()}`);
  return text;
}

/** The key as it stands there to be typed. */
export async function readKey(page: Page): Promise<Buffer> {
  const text = await page.locator("#key").innerText();
  return decodeBase32(text.replaceAll(" ", "")) ?? Buffer.alloc(0);
}

export async function signIn(
  page: Page,
  { url }: Pick<PortalGateway, "url">,
  username: string,
  password: string,
  code = "",
): Promise<void> {
  await page.goto(url);
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
}
