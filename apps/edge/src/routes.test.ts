import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@vedette/base";
import type { Route } from "@vedette/protocol";
import { findRoute, readAttributes } from "./routes.ts";

const pricing: Route = {
  name: "pricing",
  path: "/pricing/",
  methods: ["GET"],
  resourceType: "api",
  query: "refuse",
  upstream: { host: "127.0.0.1", port: 1 },
  attributes: {},
};
const special: Route = { ...pricing, name: "special", path: "/pricing/special/" };
const withdrawals: Route = {
  ...pricing,
  name: "withdrawals",
  path: "/cash/withdrawals",
  methods: ["POST"],
  attributes: { amount: "/amount", currency: "/money/currency" },
};
const routes = [pricing, special, withdrawals];

test("the longest listed path wins", () => {
  const found = findRoute(routes, "GET", "/pricing/special/1");
  assert.equal(found.ok && found.value.name, "special");
});

test("a path that no route lists reaches no upstream", () => {
  assert.deepEqual(findRoute(routes, "GET", "/admin"), { ok: false, error: { code: "ROUTE_UNKNOWN" } });
  assert.equal(findRoute(routes, "GET", "/cash/withdrawals/1").ok, false);
});

test("a listed path with an unlisted method is refused and says which methods are listed", () => {
  assert.deepEqual(findRoute(routes, "DELETE", "/cash/withdrawals"), {
    ok: false,
    error: { code: "METHOD_NOT_LISTED", methods: ["POST"] },
  });
});

test("a path that an upstream could read differently from the policy is refused", () => {
  for (const path of [
    "/pricing/../admin",
    "/pricing//x",
    "/pricing/%2e%2e/admin",
    "/pricing/./x",
    "/pricing\\x",
    "pricing/x",
    "/pricing/..;/cash",
  ])
    assert.deepEqual(findRoute(routes, "GET", path), { ok: false, error: { code: "PATH_INVALID" } }, path);
});

test("a query reaches an upstream only where the route says so: the policy does not see it", () => {
  const search: Route = { ...special, query: "forward" };
  assert.deepEqual(findRoute(routes, "GET", "/pricing/x", true), { ok: false, error: { code: "QUERY_NOT_LISTED" } });
  assert.ok(findRoute([search], "GET", "/pricing/special/x", true).ok);
});

test("attributes come out of the body at their pointers", () => {
  const read = readAttributes(withdrawals, utf8('{"amount":120,"money":{"currency":"EUR"}}'));
  assert.deepEqual(read, { ok: true, value: { amount: 120, currency: "EUR" } });
});

test("a missing, structured or inherited attribute is refused, never guessed", () => {
  for (const body of ['{"amount":1}', '{"amount":{},"money":{"currency":"EUR"}}', '{"amount":1,"money":[]}', "[]"]) {
    const read = readAttributes(withdrawals, utf8(body));
    assert.equal(!read.ok && read.error.code, "ATTRIBUTE_INVALID", body);
  }
  const inherited = readAttributes({ ...withdrawals, attributes: { amount: "/constructor" } }, utf8("{}"));
  assert.equal(inherited.ok, false);
});

test("a body that names an attribute twice is refused: the upstream might act on the other one", () => {
  const read = readAttributes(withdrawals, utf8('{"amount":1,"amount":1000,"money":{"currency":"EUR"}}'));
  assert.deepEqual(read, { ok: false, error: { code: "BODY_NOT_JSON" } });
});

test("a body that is not JSON is refused where attributes are wanted", () => {
  assert.deepEqual(readAttributes(withdrawals, utf8("amount=1")), { ok: false, error: { code: "BODY_NOT_JSON" } });
  assert.deepEqual(readAttributes(withdrawals, new Uint8Array([0xff])), {
    ok: false,
    error: { code: "BODY_NOT_JSON" },
  });
});
