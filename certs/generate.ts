// Command line for certificates.ts: node certs/generate.ts FOLDER [NAME …]
// A script of its own: nothing of the program imports it.

import { generateCertificates } from "./certificates.ts";

const [folder, ...names] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: node certs/generate.ts FOLDER [NAME-OR-ADDRESS …]\n");
  process.exitCode = 2;
} else {
  const written = await generateCertificates(folder, names.length > 0 ? { names } : {});
  process.stdout.write(`${written.join("\n")}\n`);
}
