// Looks bob up over LDAPS in a process of its own, so that what the host trusts can be another: the
// port.

import { createDirectory } from "../../src/backends/directory/directory.ts";
import { directoryOptions } from "./directory.ts";

const port = Number(process.argv[2]);
const url = { url: `ldaps://localhost:${port}`, host: "localhost", port, tls: "implicit" } as const;
const directory = createDirectory(directoryOptions([url], { ca: undefined }).options);
const found = await directory.find("bob").catch((error: Error) => ({ kind: error.name }));
process.stdout.write(`${found.kind}\n`);
directory.close();
