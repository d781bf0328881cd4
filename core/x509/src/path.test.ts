import assert from "node:assert/strict";
import { test } from "node:test";
import { addDuration, days, type Instant, instant } from "@vedette/base";
import { generateKey } from "@vedette/runtime";
import {
  codeOf,
  crypto,
  NOW,
  need,
  type TestAuthority,
  testCreateAuthority,
  testCreateLeaf,
  testCreateRoot,
} from "./authority-fixture.test.ts";
import {
  type Certificate,
  distinguishedName,
  INTERMEDIATES_MAX,
  type PathRequest,
  PURPOSE,
  verifyPath,
} from "./index.ts";

type Options = Partial<Pick<PathRequest, "now" | "purpose" | "handledExtensions">>;

function verify(leaf: Certificate, authorities: readonly TestAuthority[], options: Options = {}) {
  const [root, ...others] = authorities;
  return verifyPath({
    leaf,
    intermediates: others.map(({ certificate }) => certificate),
    anchors: root ? [root.certificate] : [],
    now: NOW,
    crypto,
    ...options,
  });
}

/** Root, one authority below it, a leaf below that. */
function setupChain() {
  const root = testCreateRoot();
  const authority = testCreateAuthority(root);
  return { root, authority, leaf: testCreateLeaf(authority) };
}

test("a path is found from the leaf to the anchor, whatever order the peer sent", () => {
  const { root, authority, leaf } = setupChain();
  const stranger = testCreateAuthority(testCreateRoot());
  const path = need(verify(leaf, [root, stranger, authority]));
  assert.deepEqual(path, [leaf, authority.certificate, root.certificate]);
});

test("an anchor need not be self-signed", () => {
  const { authority, leaf } = setupChain();
  assert.equal(codeOf(verify(leaf, [authority])), "accepted");
});

test("a leaf signed with Ed25519 is verified too", () => {
  const root = testCreateRoot();
  const key = generateKey("Ed25519");
  const authority = { ...testCreateAuthority(root, { spki: key.spki }), key };
  assert.equal(codeOf(verify(testCreateLeaf(authority), [root, authority])), "accepted");
});

test("without the intermediate the issuer is unknown", () => {
  const { root, leaf } = setupChain();
  assert.equal(codeOf(verify(leaf, [root])), "ISSUER_UNKNOWN");
});

test("an authority with the right name and the wrong key is no issuer", () => {
  const { root, authority, leaf } = setupChain();
  const { subject, subjectKeyId } = authority.certificate;
  assert.ok(subjectKeyId);
  const impostor = testCreateAuthority(root, { subject, subjectKeyId });
  assert.equal(codeOf(verify(leaf, [root, impostor])), "SIGNATURE_INVALID");
  assert.equal(codeOf(verify(leaf, [root, impostor, authority])), "accepted");
});

test("a certificate is good in its first and its last second, and not beside them", () => {
  const { root, authority, leaf } = setupChain();
  const at = (now: Instant) => codeOf(verify(leaf, [root, authority], { now }));
  assert.equal(at(instant(leaf.notBefore - 1)), "CERTIFICATE_NOT_YET_VALID");
  assert.equal(at(leaf.notBefore), "accepted");
  assert.equal(at(leaf.notAfter), "accepted");
  assert.equal(at(instant(leaf.notAfter + 1)), "CERTIFICATE_EXPIRED");
});

test("an expired authority takes its leaves with it, and so does an expired anchor", () => {
  const past = { notAfter: addDuration(NOW, days(-0.5)) };
  const root = testCreateRoot();
  const lapsed = testCreateAuthority(root, past);
  assert.equal(codeOf(verify(testCreateLeaf(lapsed), [root, lapsed])), "CERTIFICATE_EXPIRED");
  const lapsedRoot = testCreateRoot(past);
  assert.equal(codeOf(verify(testCreateLeaf(lapsedRoot), [lapsedRoot])), "CERTIFICATE_EXPIRED");
});

test("after an authority was renewed under its old key, the current certificate is taken", () => {
  const root = testCreateRoot();
  const subject = distinguishedName("test", "renewed");
  const old = testCreateAuthority(root, { subject, notAfter: addDuration(NOW, days(-0.5)) });
  const renewed = testCreateAuthority(root, { subject, spki: old.certificate.spki });
  const leaf = testCreateLeaf({ certificate: renewed.certificate, key: old.key });
  const path = need(verify(leaf, [root, old, renewed]));
  assert.equal(path[1]?.serial, renewed.certificate.serial);
});

test("a leaf is no authority", () => {
  const root = testCreateRoot();
  const middle = testCreateAuthority(root, { basicConstraints: { isCa: false } });
  assert.equal(codeOf(verify(testCreateLeaf(middle), [root, middle])), "NOT_A_CA");
});

test("an authority whose key may not sign certificates is none", () => {
  const root = testCreateRoot();
  const middle = testCreateAuthority(root, { keyUsage: ["digitalSignature"] });
  assert.equal(codeOf(verify(testCreateLeaf(middle), [root, middle])), "NOT_A_CA");
});

test("a path length of zero allows leaves and no further authority", () => {
  const root = testCreateRoot();
  const last = testCreateAuthority(root, { basicConstraints: { isCa: true, pathLength: 0 } });
  assert.equal(codeOf(verify(testCreateLeaf(last), [root, last])), "accepted");
  const beyond = testCreateAuthority(last);
  assert.equal(codeOf(verify(testCreateLeaf(beyond), [root, last, beyond])), "PATH_LENGTH_EXCEEDED");
});

test("the anchor's path length counts as well", () => {
  const root = testCreateRoot({ basicConstraints: { isCa: true, pathLength: 0 } });
  const below = testCreateAuthority(root);
  assert.equal(codeOf(verify(testCreateLeaf(below), [root, below])), "PATH_LENGTH_EXCEEDED");
});

test("a purpose that is asked for must be in the leaf and not be ruled out above", () => {
  const root = testCreateRoot();
  const { serverAuth, clientAuth, any } = PURPOSE;
  const server = { extendedKeyUsage: [serverAuth] };
  const judge = (authority: TestAuthority, leaf: Certificate) =>
    codeOf(verify(leaf, [root, authority], { purpose: serverAuth }));
  const open = testCreateAuthority(root);
  assert.equal(judge(open, testCreateLeaf(open, server)), "accepted");
  assert.equal(judge(open, testCreateLeaf(open, { extendedKeyUsage: [clientAuth] })), "PURPOSE_REFUSED");
  assert.equal(judge(open, testCreateLeaf(open, { extendedKeyUsage: [any] })), "PURPOSE_REFUSED");
  assert.equal(judge(open, testCreateLeaf(open)), "PURPOSE_REFUSED");
  const confined = testCreateAuthority(root, { extendedKeyUsage: [clientAuth] });
  assert.equal(judge(confined, testCreateLeaf(confined, server)), "PURPOSE_REFUSED");
  const anything = testCreateAuthority(root, { extendedKeyUsage: [any] });
  assert.equal(judge(anything, testCreateLeaf(anything, server)), "accepted");
});

test("a critical extension that nobody understands is refused, unless the caller handles it", () => {
  const { root, authority, leaf } = setupChain();
  const odd = { ...leaf, unknownCriticalExtensions: ["1.2.3.4"] };
  assert.equal(codeOf(verify(odd, [root, authority])), "EXTENSION_UNSUPPORTED");
  assert.equal(codeOf(verify(odd, [root, authority], { handledExtensions: ["1.2.3.4"] })), "accepted");
  assert.equal(codeOf(verify(odd, [root, authority], { handledExtensions: ["1.2.3.5"] })), "EXTENSION_UNSUPPORTED");
  const oddAuthority = { ...authority.certificate, unknownCriticalExtensions: ["1.2.3.4"] };
  assert.equal(codeOf(verify(leaf, [root, { ...authority, certificate: oddAuthority }])), "EXTENSION_UNSUPPORTED");
});

test("a chain longer than anybody needs is refused before its signatures are checked", () => {
  const { root, authority, leaf } = setupChain();
  const padding = new Array<TestAuthority>(INTERMEDIATES_MAX).fill(authority);
  assert.equal(codeOf(verify(leaf, [root, ...padding])), "accepted");
  assert.equal(codeOf(verify(leaf, [root, ...padding, authority])), "CHAIN_TOO_LONG");
});

test("a path that goes on for too long is given up", () => {
  const root = testCreateRoot();
  const chain = [root];
  for (let i = 0; i < 5; i++) chain.push(testCreateAuthority(chain.at(-1) ?? root));
  assert.equal(codeOf(verify(testCreateLeaf(chain.at(-1) ?? root), chain)), "CHAIN_TOO_LONG");
  assert.equal(codeOf(verify(testCreateLeaf(chain.at(-2) ?? root), chain.slice(0, -1))), "accepted");
});

test("two authorities that sign each other lead nowhere", () => {
  const { root } = setupChain();
  const names = [distinguishedName("test", "one"), distinguishedName("test", "two")] as const;
  const first = testCreateAuthority(root, { subject: names[0] });
  const second = testCreateAuthority(first, { subject: names[1] });
  const circle = testCreateAuthority(second, { subject: names[0], spki: first.certificate.spki });
  const leaf = testCreateLeaf(first);
  assert.equal(codeOf(verify(leaf, [testCreateRoot(), circle, second])), "ISSUER_UNKNOWN");
});

test("one changed bit in any signed certificate breaks the path", () => {
  const { root, authority, leaf } = setupChain();
  const signature = new Uint8Array(leaf.signature);
  signature[10]! ^= 1;
  assert.equal(codeOf(verify({ ...leaf, signature }, [root, authority])), "SIGNATURE_INVALID");
  const tbs = new Uint8Array(authority.certificate.tbs);
  tbs[tbs.length - 1]! ^= 1;
  const altered = { ...authority, certificate: { ...authority.certificate, tbs } };
  assert.equal(codeOf(verify(leaf, [root, altered])), "SIGNATURE_INVALID");
});

test("the names of every certificate below a constrained authority are held to it", () => {
  const site = { permitted: [{ kind: "uri", value: "store-17.example.org" }], excluded: [] } as const;
  const root = testCreateRoot();
  const confined = testCreateAuthority(root, { nameConstraints: site });
  const named = (value: string) => ({ subjectAltNames: [{ kind: "uri", value }] as const });
  const judge = (value: string) => codeOf(verify(testCreateLeaf(confined, named(value)), [root, confined]));
  assert.equal(judge("spiffe://store-17.example.org/gateway"), "accepted");
  assert.equal(judge("spiffe://store-18.example.org/gateway"), "NAME_NOT_PERMITTED");
  assert.equal(judge("spiffe://example.org/node/1"), "NAME_NOT_PERMITTED");
  const between = testCreateAuthority(confined, named("spiffe://store-18.example.org"));
  const leaf = testCreateLeaf(between, named("spiffe://store-17.example.org/gateway"));
  assert.equal(codeOf(verify(leaf, [root, confined, between])), "NAME_NOT_PERMITTED");
});

test("an authority below cannot widen the constraints above it", () => {
  const permit = (value: string) => ({
    nameConstraints: { permitted: [{ kind: "uri", value }] as const, excluded: [] },
  });
  const root = testCreateRoot();
  const confined = testCreateAuthority(root, permit("store-17.example.org"));
  const wider = testCreateAuthority(confined, permit(".example.org"));
  const leaf = testCreateLeaf(wider, {
    subjectAltNames: [{ kind: "uri", value: "spiffe://store-18.example.org/gateway" }],
  });
  assert.equal(codeOf(verify(leaf, [root, confined, wider])), "NAME_NOT_PERMITTED");
});
