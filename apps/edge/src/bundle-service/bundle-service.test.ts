import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hex, utf8 } from "@vedette/base";
import { connectUnix, emptyResponse } from "@vedette/net";
import { createNodeCrypto } from "@vedette/runtime";
import { testDirectory, testService } from "../opa-peers/opa-fixture.test.ts";
import { BundleService } from "./bundle-service.ts";

const crypto = createNodeCrypto();
const SITE = "store-17";
const BUNDLE = utf8("a signed policy bundle");

async function setupBundles(t: TestContext) {
  const file = join(testDirectory(t), "policy.tar.gz");
  const node: { active: string | undefined } = { active: hex(crypto.hash("sha256", BUNDLE)) };
  const service = new BundleService({ site: SITE, file, activeDigest: () => node.active, crypto });
  const socket = await testService(t, async (request) => (await service.serve(request)) ?? emptyResponse(418));
  const client = connectUnix({ path: socket });
  t.after(() => {
    service[Symbol.dispose]();
    client.close();
  });
  writeFileSync(file, BUNDLE);
  return { file, node, service, get: (path: string, headers = {}) => client.request("GET", path, { headers }) };
}

test("the active policy bundle is served under the site's name, byte for byte", async (t) => {
  const { get, node } = await setupBundles(t);
  const { status, headers, body } = await get(`/bundles/${SITE}`);
  assert.deepEqual([status, headers["etag"], headers["content-type"]], [200, `"${node.active}"`, "application/gzip"]);
  assert.deepEqual(Buffer.from(body), Buffer.from(BUNDLE));
  assert.equal((await get(`/bundles/${SITE}`, { "if-none-match": `"${node.active}"` })).status, 304);
});

test("nothing is served that is not what was activated", async (t) => {
  const { get, node, file } = await setupBundles(t);
  writeFileSync(file, "another");
  assert.equal((await get(`/bundles/${SITE}`)).status, 404);
  node.active = undefined;
  assert.equal((await get(`/bundles/${SITE}`)).status, 404);
});

test("other names are unknown, and other paths are for somebody else", async (t) => {
  const { get } = await setupBundles(t);
  assert.equal((await get("/bundles/store-18")).status, 404);
  assert.equal((await get("/v1/data")).status, 418);
});
