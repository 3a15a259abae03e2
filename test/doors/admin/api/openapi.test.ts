// The OpenAPI document: made from the routes, complete, and without a field for a secret where one is
// only read.

import t from "tap";

import { ROUTES } from "../../../../src/doors/admin/api/table.ts";
import { openApi, type Parsed } from "../../../support/api.ts";

t.test("the document has every route with its permission, its shapes and its errors", async (t) => {
  const door = await openApi(t);
  const { status, body } = await door.ask("GET", "/api/openapi.json");
  t.equal(status, 200);
  t.match(body, { openapi: "3.1.0", info: { title: "Gatehouse", version: "1" } });
  for (const { method, path, access } of ROUTES) {
    const operation = body.paths[path.replace(":id", "{id}")]?.[method.toLowerCase()];
    t.equal(operation?.["x-permission"], access, `${method} ${path}`);
    t.match(Object.keys(operation.responses), ["400", "401", "403", "429", "503", "2XX"]);
  }
  const { requestBody } = body.paths["/api/sessions"].post;
  t.match(requestBody.content["application/json"].schema, {
    type: "object",
    required: ["username", "password", "code"],
    additionalProperties: false,
  });
  const names = body.paths["/api/systemusers"].get.parameters.map(
    ({ name }: { name: string }) => name,
  );
  t.same(names, ["limit", "skip", "sort", "search", "filter", "fields"]);
});

t.test("H09, A12: what is read has no field for a secret", async (t) => {
  const door = await openApi(t);
  const { body } = await door.ask("GET", "/api/openapi.json");
  const fields = new Set<string>();
  const collect = (schema: Parsed): void => {
    for (const [name, inner] of Object.entries(schema.properties ?? {})) {
      fields.add(name);
      collect(inner);
    }
    if (schema.items !== undefined) collect(schema.items);
  };
  for (const operations of Object.values<Parsed>(body.paths)) {
    const { get } = operations;
    if (get !== undefined) collect(get.responses["2XX"].content["application/json"].schema);
  }
  t.ok(fields.size > 30);
  const secret = [...fields].filter((name) => /secret|hash|^key$|uri|password$|seed/i.test(name));
  t.same(secret, []);
});
