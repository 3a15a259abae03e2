// Writes the JSON Schema for editors: node src/config/json-schema.ts config/gatehouse.schema.json
// A script of its own: nothing of the program imports it. test/config/keys.test.ts checks that the
// file in the tree is current.

import { writeFileSync } from "node:fs";

import { jsonSchemaText } from "./keys.ts";

const [target = "config/gatehouse.schema.json"] = process.argv.slice(2);
writeFileSync(target, jsonSchemaText());
