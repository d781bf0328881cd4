import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { addDuration, hex, hours, type Instant, instant, utf8 } from "@vedette/base";
import { connectTls, createRouter, listenTls, type TlsCertificate } from "@vedette/net";
import { createNodeCrypto, generateKey, systemClock, systemRandom } from "@vedette/runtime";
import {
  type CertificateTemplate,
  certificatesToPem,
  distinguishedName,
  EMPTY_NAME,
  mintCertificate,
} from "@vedette/x509";
import { BundleApi, type BundleApiOptions } from "./bundle-api.ts";

const crypto = createNodeCrypto();

function testPki() {
  const rootKey = generateKey("ES256");
  const keyId = (spki: Uint8Array) => new Uint8Array(createHash("sha1").update(spki).digest());
  const name = distinguishedName("Test", "bundles");
  const issuer = { name, keyId: keyId(rootKey.spki), signer: rootKey };
  const mint = (spki: Uint8Array, changes: Partial<CertificateTemplate>) =>
    mintCertificate(
      {
        serial: systemRandom.bytes(8).map((byte, i) => (i === 0 ? byte & 0x7f : byte)),
        subject: EMPTY_NAME,
        notBefore: instant(systemClock.now() - hours(1)),
        notAfter: addDuration(systemClock.now(), hours(1)),
        spki,
        subjectKeyId: keyId(spki),
        basicConstraints: { isCa: false },
        keyUsage: ["digitalSignature"],
        extendedKeyUsage: [],
        subjectAltNames: [{ kind: "dns", value: "control.example.org" }],
        ...changes,
      },
      issuer,
    );
  const root = mint(rootKey.spki, {
    subject: name,
    basicConstraints: { isCa: true },
    keyUsage: ["keyCertSign", "cRLSign"],
    subjectAltNames: [],
  });
  const leaf = (): TlsCertificate & { readonly keyHash: string } => {
    const key = generateKey("ES256");
    const keyHash = hex(crypto.hash("sha256", key.spki));
    return { chainPem: certificatesToPem([mint(key.spki, {})]), key: key.exportPkcs8(), keyHash };
  };
  return { rootPem: certificatesToPem([root]), leaf };
}

test("a registered client gets the bundles of its sites, and the next one as soon as it is published", async (t) => {
  const { rootPem, leaf } = testPki();
  const [known, stranger] = [leaf(), leaf()];
  const published = { bytes: utf8("one") };
  const policies: BundleApiOptions["store"]["policies"] = {
    current: async (site) =>
      site === "store-19" ? undefined : { site, sequence: 1, revision: "r", publishedAt: 0 as Instant, ...published },
  };
  const clients = [{ name: "opa-1", key: known.keyHash, sites: ["store-17", "store-19"] }];
  const api = new BundleApi({ store: { policies }, clients, crypto, log: () => undefined });
  const listener = await listenTls({
    certificate: leaf(),
    clientCa: { pems: [rootPem], required: true },
    ...{ host: "127.0.0.1", port: 0, handler: createRouter(api.routes()), random: systemRandom },
    onConnectionError: () => undefined,
    onHandlerError: (error) => t.diagnostic(String(error)),
  });
  const connect = (identity: TlsCertificate) => {
    const expectedServer = { dns: "control.example.org" };
    const client = connectTls({ url: listener.url, anchors: { roots: [rootPem] }, expectedServer, identity });
    t.after(() => client.close());
    return client;
  };
  t.after(async () => {
    api[Symbol.dispose]();
    await listener.close({ graceMs: 0 });
  });
  const opa = connect(known);
  const first = await opa.request("GET", "/bundles/store-17");
  assert.deepEqual([first.status, Buffer.from(first.body).toString()], [200, "one"]);
  for (const site of ["store-18", "store-19"]) assert.equal((await opa.request("GET", `/bundles/${site}`)).status, 404);
  assert.equal((await connect(stranger).request("GET", "/bundles/store-17")).status, 403);
  const headers = { "if-none-match": first.headers["etag"] ?? "", prefer: "modes=snapshot,delta;wait=30" };
  const waiting = opa.request("GET", "/bundles/store-17", { headers });
  const timer = setInterval(() => {
    published.bytes = utf8("two");
    api.changed("store-17");
  }, 20);
  const next = await waiting;
  clearInterval(timer);
  assert.deepEqual([next.status, Buffer.from(next.body).toString()], [200, "two"]);
});
