import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import { parseConfig } from "./config-file.ts";
import { opaPeers } from "./opa-config.ts";

function parse(value: object) {
  return parseConfig(opaPeers, utf8(JSON.stringify(value)), "edge.json");
}

const services = { central: { socketPath: "/run/central.sock" } };

test("what is left out is as OPA has it", () => {
  const parsed = parse({
    services,
    bundles: { authz: { service: "central", signing: {} } },
    decisionLogs: { service: "central" },
  });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(parsed.value.bundles["authz"]?.polling, { min: 60_000, max: 120_000 });
  assert.equal(parsed.value.bundles["authz"]?.persist, true);
  const { resource, reporting, chunkMax } = parsed.value.decisionLogs ?? {};
  assert.deepEqual([resource, reporting, chunkMax], ["logs", { min: 300_000, max: 600_000 }, 32_768]);
});

test("whether bundles are signed is never left open", () => {
  assert.equal(parse({ services, bundles: { authz: { service: "central" } } }).ok, false);
  assert.equal(parse({ services, bundles: { authz: { service: "central", signing: "unsigned" } } }).ok, true);
  assert.equal(parse({ services, bundles: { authz: { service: "central", signing: "maybe" } } }).ok, false);
});

test("a service that is used is one that is configured", () => {
  for (const use of [
    { bundles: { authz: { service: "other", signing: {} } } },
    { decisionLogs: { service: "other" } },
    { status: { service: "constructor" } },
  ])
    assert.equal(parse({ services, ...use }).ok, false);
});

test("a server is reached over TLS under stated authorities, or on a socket", () => {
  assert.equal(parse({ services: { a: { url: "https://opa.example.org:8443", roots: "PEM" } } }).ok, true);
  for (const service of [{ url: "http://opa.example.org", roots: "PEM" }, { url: "https://opa.example.org" }, {}])
    assert.equal(parse({ services: { a: service } }).ok, false);
});

test("delays are in order and end within an hour, and paths lead nowhere else", () => {
  const bundle = (more: object) => parse({ services, bundles: { a: { service: "central", signing: {}, ...more } } }).ok;
  assert.equal(bundle({ polling: { min: "PT10S", max: "PT10S", longPoll: "PT30S" } }), true);
  assert.equal(bundle({ polling: { min: "PT20S", max: "PT10S" } }), false);
  assert.equal(bundle({ polling: { max: "PT2H" } }), false);
  for (const resource of ["/bundles/a", "a//b", "a?b", "a b", ""]) assert.equal(bundle({ resource }), false, resource);
  assert.equal(bundle({ resource: "v1/bundles/a.tar.gz" }), true);
});
