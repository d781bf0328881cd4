import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { codeOf, FLEET, need, STORE_17 } from "./fleet-fixture.test.ts";
import {
  isDnsName,
  parseSpiffeId,
  parseTrustDomain,
  pathOf,
  SPIFFE_ID_LENGTH_MAX,
  siteDomain,
  siteNameOf,
  spiffeId,
  trustDomainOf,
} from "./spiffe-id.ts";

test("an ID is its trust domain and its path", () => {
  const id = need(parseSpiffeId("spiffe://store-17.example.org/device/pos/pos-1"));
  assert.equal(trustDomainOf(id), STORE_17);
  assert.equal(pathOf(id), "/device/pos/pos-1");
});

test("an ID without a path names the trust domain", () => {
  const id = need(parseSpiffeId("spiffe://example.org"));
  assert.equal(trustDomainOf(id), FLEET);
  assert.equal(pathOf(id), "");
});

test("segments join to an ID and come back", () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,12}$/);
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
      assert.deepEqual(
        pathOf(need(spiffeId(FLEET, ...segments)))
          .split("/")
          .slice(1),
        segments,
      );
    }),
  );
});

const MALFORMED = [
  "",
  "example.org/node/1",
  "http://example.org/node/1",
  "SPIFFE://example.org/node/1",
  "spiffe:/example.org",
  "spiffe://",
  "spiffe:///node/1",
  "spiffe://Example.org/node/1",
  "spiffe://example.org:443/node/1",
  "spiffe://user@example.org/node/1",
  "spiffe://example.org/node/1?x=1",
  "spiffe://example.org/node/1#x",
  "spiffe://example.org/",
  "spiffe://example.org/node/",
  "spiffe://example.org//node",
  "spiffe://example.org/node/.",
  "spiffe://example.org/../node",
  "spiffe://example.org/no%64e",
  "spiffe://example.org/nöde",
  "spiffe://exämple.org/node",
  "spiffe://example.org/node 1",
  "spiffe://example.org/node/1\n",
  "spiffe://example.org\\node",
];

for (const text of MALFORMED) {
  test(`${JSON.stringify(text)} is no SPIFFE ID`, () => {
    assert.equal(codeOf(parseSpiffeId(text)), "SPIFFE_ID_MALFORMED");
  });
}

test("three dots are a name, one and two are not", () => {
  assert.equal(codeOf(parseSpiffeId("spiffe://example.org/...")), "accepted");
});

test("an ID may have 2,048 bytes and not one more", () => {
  const ofLength = (length: number) => "spiffe://example.org/".padEnd(length, "a");
  assert.equal(codeOf(parseSpiffeId(ofLength(SPIFFE_ID_LENGTH_MAX))), "accepted");
  assert.equal(codeOf(parseSpiffeId(ofLength(SPIFFE_ID_LENGTH_MAX + 1))), "SPIFFE_ID_TOO_LONG");
});

test("a trust domain may have 255 bytes and not one more", () => {
  assert.equal(codeOf(parseTrustDomain("a".repeat(255))), "accepted");
  assert.equal(codeOf(parseTrustDomain("a".repeat(256))), "TRUST_DOMAIN_MALFORMED");
});

test("a name cannot smuggle segments into an ID", () => {
  for (const name of ["a/b", "..", "", "a?b", "a b"])
    assert.equal(codeOf(spiffeId(FLEET, "node", name)), "SPIFFE_ID_MALFORMED", name);
});

test("a site lies directly under its fleet, and its name comes back", () => {
  assert.equal(need(siteDomain("store-17", FLEET)), "store-17.example.org");
  assert.equal(siteNameOf(STORE_17, FLEET), "store-17");
  assert.equal(siteNameOf(FLEET, FLEET), undefined);
  assert.equal(siteNameOf(need(parseTrustDomain("a.b.example.org")), FLEET), undefined);
  assert.equal(siteNameOf(need(parseTrustDomain("xexample.org")), FLEET), undefined);
});

test("a site's name is one DNS label", () => {
  for (const name of ["", "a.b", "-a", "a-", "A", "a_b", "a".repeat(64)])
    assert.equal(codeOf(siteDomain(name, FLEET)), "SITE_NAME_MALFORMED", name);
});

test("a wildcard is no DNS name", () => {
  assert.equal(isDnsName("a.example.org"), true);
  for (const name of ["*.example.org", "", "a..b", "a.", `${"a.".repeat(127)}a`])
    assert.equal(isDnsName(name), false, name);
});
