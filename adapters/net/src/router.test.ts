import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyResponse, type HttpRequest, jsonResponse } from "./http.ts";
import { createRouter, route } from "./router.ts";

const answer = createRouter([
  route("GET", "/v1/nodes/:id", async (_, parameters) => jsonResponse(200, { ...parameters })),
  route("PUT", "/v1/nodes/:id", async () => emptyResponse(201)),
  route("GET", "/v1/nodes", async () => emptyResponse(204)),
]);
// The router reads the method and the path of a request, nothing else.
const ask = (method: string, path: string) => answer({ method, path } as HttpRequest);

test("a parameter is one segment, decoded", async () => {
  const { body } = await ask("GET", "/v1/nodes/store%20%C3%A9");
  assert.equal(new TextDecoder().decode(body as Uint8Array), '{"id":"store é"}');
});

test("the method chooses among routes of one path, and another method is told which there are", async () => {
  assert.equal((await ask("PUT", "/v1/nodes/a")).status, 201);
  const refused = await ask("DELETE", "/v1/nodes/a");
  assert.deepEqual([refused.status, refused.headers["allow"]], [405, "GET, PUT"]);
});

test("a path that is longer, shorter, empty at a parameter or no UTF-8 there is not found", async () => {
  for (const path of ["/v1/nodes/a/b", "/v1", "/v1/nodes/", "/v1/nodes/%FF", "/V1/nodes"])
    assert.equal((await ask("GET", path)).status, 404, path);
});
