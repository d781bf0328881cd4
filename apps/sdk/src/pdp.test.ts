import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { instant, type Result, utf8 } from "@vedette/base";
import { type AccessRequest, buildPolicyBundle, type DecisionRecord, signPolicyBundle } from "@vedette/policy";
import { createNodeCrypto, generateKey, gunzip, gzip, systemClock } from "@vedette/runtime";
import type { PolicySource } from "./load.ts";
import { createPdp } from "./pdp.ts";

const host = globalThis;
const crypto = createNodeCrypto();
const key = generateKey("ES256");
const keys = [{ keyId: "policy", algorithm: key.algorithm, spki: key.spki }];

const RULES = {
  kind: "rules/v1",
  id: "shop",
  default: "deny",
  mask: ["/input/context/pin"],
  rules: [
    {
      id: "menu",
      effect: "allow",
      subject: { type: "user" },
      action: ["read"],
      resource: { type: "menu" },
      safe: true,
    },
    { id: "price", effect: "allow", subject: { type: "user" }, action: ["read"], resource: { type: "price" } },
    {
      id: "refund",
      effect: "allow",
      subject: { type: "user" },
      action: ["refund"],
      resource: { type: "sale" },
      safe: true,
      spend: { counter: "refunds", amount: "context.amount", limit: 100, window: "PT1H", per: "subject.id" },
    },
  ],
};
const MODULE = `package app

allow if input.user in data.admins

letters contains letter if some letter in ["b", "a"]

hashed := crypto.md5("x")

digest := crypto.sha256("x")
`;

const read: AccessRequest = {
  subject: { type: "user", id: "ann" },
  action: { name: "read" },
  resource: { type: "menu", id: "m" },
};
const SHOP: PolicySource = { modules: { "app.rego": MODULE }, data: { admins: ["bob"] }, rules: RULES };

function signedBundle(signer = key): Uint8Array {
  const files = new Map([
    ["vedette/rules/data.json", utf8(JSON.stringify(RULES))],
    ["app/app.rego", utf8(MODULE)],
    ["admins/data.json", utf8('["bob"]')],
  ]);
  const notAfter = instant(systemClock.now() + 60_000);
  const manifest = { revision: "r7", roots: ["vedette", "app", "admins"], sequence: 7, site: "store-17", notAfter };
  const built = need(buildPolicyBundle(files, manifest, { gzip, gunzip }));
  return need(signPolicyBundle(built, "policy", { signer, crypto, gzip: { gzip, gunzip } }));
}

test("documents are answered by their reference, as OPA's path too, and undefined is an answer", async () => {
  const pdp = need(await createPdp({ ...SHOP, host }));
  assert.equal(need(pdp.decide("data.app.allow", { user: "bob" })), true);
  assert.equal(need(pdp.decide("data.app.allow", { user: "eve" })), undefined);
  assert.deepEqual(need(pdp.decide('data["app"].letters')), ["a", "b"]);
  assert.deepEqual(need(pdp.decide("app/letters")), ["a", "b"]);
  for (const query of ["data.app[", "data.app.allow == true", 'data["\\x"]', "1 + 1", ""])
    assert.equal(codeOf(pdp.decide(query)), "query_invalid", query);
});

test("a query is answered with its variables", async () => {
  const pdp = need(await createPdp({ ...SHOP, host }));
  assert.deepEqual(need(pdp.query("data.app.letters[x]")), [{ x: "a" }, { x: "b" }]);
  assert.equal(codeOf(pdp.query("x > 1")), "query_invalid");
});

test("access is decided as on a node: rules, attestation, and a limit that nobody counts is used up", async () => {
  const pdp = need(await createPdp({ ...SHOP, host }));
  assert.deepEqual(pdp.decideAccess(read), { decision: true, context: { reason: "allowed-by-rule", rule: "menu" } });
  const price = { ...read, resource: { type: "price", id: "p" } };
  assert.equal(pdp.decideAccess(price).context["reason"], "not-fresh");
  assert.equal(pdp.decideAccess(price, { attestation: { state: "fresh" } }).decision, true);
  const refund = { ...read, action: { name: "refund" }, resource: { type: "sale", id: "1" }, context: { amount: 5 } };
  assert.equal(pdp.decideAccess(refund).context["reason"], "limit-exceeded");
  const counted = need(await createPdp({ ...SHOP, host, counters: { spent: () => 90 } }));
  assert.equal(counted.decideAccess(refund).decision, true);
});

test("what is no access request is denied, not thrown", async () => {
  const pdp = need(await createPdp({ ...SHOP, host }));
  for (const request of [null, 5, {}, { ...read, subject: { type: "user" } }])
    assert.deepEqual(pdp.decideAccess(request as never), { decision: false, context: { reason: "request-invalid" } });
});

test("a signed bundle is opened with its key alone, by the host's own WebCrypto", async () => {
  const bundle = signedBundle();
  const pdp = need(await createPdp({ bundle, keys, site: "store-17", host }));
  assert.deepEqual([pdp.sequence, pdp.revision], [7, "r7"]);
  assert.equal(need(pdp.decide("data.app.allow", { user: "bob" })), true);
  assert.equal(pdp.decideAccess(read).decision, true);
  const refusals: readonly (readonly [PolicySource, string])[] = [
    [{ bundle: signedBundle(generateKey("ES256")), keys, site: "store-17" }, "SIGNATURE_INVALID"],
    [{ bundle, keys: [], site: "store-17" }, "KEY_UNKNOWN"],
    [{ bundle, keys, site: "store-18" }, "WRONG_SITE"],
    [{ bundle, keys, site: "store-17", sequenceAtLeast: 8 }, "BUNDLE_ROLLBACK"],
    [{ bundle }, "KEY_MISSING"],
  ];
  for (const [source, code] of refusals) assert.equal(codeOf(await createPdp({ ...source, host })), code);
});

test("an Ed25519 key serves as well", async () => {
  const other = generateKey("Ed25519");
  const otherKeys = [{ keyId: "policy", algorithm: other.algorithm, spki: other.spki }];
  const loaded = await createPdp({ bundle: signedBundle(other), keys: otherKeys, site: "store-17", host });
  assert.equal(need(loaded).sequence, 7);
});

test("an unsigned bundle runs when nobody asks who made it; what is no bundle does not", async () => {
  const files = new Map([
    ["vedette/rules/data.json", utf8(JSON.stringify(RULES))],
    ["app/app.rego", utf8(MODULE)],
    ["admins/data.json", utf8('["bob"]')],
  ]);
  const manifest = {
    revision: "r1",
    roots: [""],
    sequence: 1,
    site: "*",
    notAfter: instant(systemClock.now() + 60_000),
  };
  const built = buildPolicyBundle(files, manifest, { gzip, gunzip });
  const bundle = need(built);
  const pdp = need(await createPdp({ bundle, host }));
  assert.equal(need(pdp.decide("data.app.allow", { user: "bob" })), true);
  assert.equal(pdp.decideAccess(read).decision, true);
  assert.equal(codeOf(await createPdp({ bundle: utf8("no gzip"), host })), "BUNDLE_MALFORMED");
  assert.equal(codeOf(await createPdp({ bundle: bundle.subarray(0, 60), host })), "BUNDLE_MALFORMED");
  const bomb = gzipSync(new Uint8Array(200_000_000));
  assert.equal(codeOf(await createPdp({ bundle: bomb, host })), "BUNDLE_MALFORMED");
});

test("a module that is wrong is refused with its place", async () => {
  const refused = await createPdp({ modules: { "app.rego": "package app\n\nallow if x" }, host });
  assert.ok(!refused.ok && refused.error.code === "POLICY_REFUSED");
  const [finding] = refused.error.findings;
  assert.deepEqual([finding?.file, finding?.line], ["app.rego", 3]);
});

test("cryptography that was not given is said to be missing, and never makes an allowance", async () => {
  const bare = need(await createPdp({ ...SHOP, host }));
  assert.equal(codeOf(bare.decide("data.app.hashed")), "CRYPTO_MISSING");
  assert.match(JSON.stringify(need(bare.decide("data.app.digest"))).slice(1), /^2d711642/);
  const given = need(await createPdp({ ...SHOP, host, crypto }));
  assert.equal(need(given.decide("data.app.hashed")), "9dd4e461268c8034f5c8564e155c67a6");
  const modules = { "a.rego": 'package vedette.access\n\nallow := {"safe": true} if crypto.md5("x") != ""' };
  assert.equal(need(await createPdp({ modules, host })).decideAccess(read).decision, false);
  assert.equal(need(await createPdp({ modules, host, crypto })).decideAccess(read).decision, true);
});

test("records are masked as the policy says, and a PDP in a log shows no rules, data or inputs", async () => {
  const records: DecisionRecord[] = [];
  const pdp = need(await createPdp({ ...SHOP, host, name: "till", onRecord: (record) => records.push(record) }));
  pdp.decideAccess({ ...read, context: { pin: "1234", lane: 4 } });
  const [record] = records;
  assert.deepEqual([record?.requested_by, record?.erased], ["till", ["/input/context/pin"]]);
  assert.doesNotMatch(JSON.stringify(records), /1234/);
  assert.equal(JSON.stringify(pdp), '{"policy":"shop","revision":"","sequence":0}');
});

function need<T>(result: Result<T, unknown>): T {
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

function codeOf(result: Result<unknown, { readonly code: string }>): string {
  return result.ok ? "" : result.error.code;
}
