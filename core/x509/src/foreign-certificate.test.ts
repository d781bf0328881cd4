import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { instant } from "@vedette/base";
import { codeOf, crypto, need } from "./authority-fixture.test.ts";
import { type Certificate, PURPOSE, parseCertificate, parsePem, verifyPath } from "./index.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const skip = hasOpenssl ? false : "openssl is not installed: certificates made by others are not checked";
const folder = mkdtempSync(join(tmpdir(), "vedette-x509-"));
after(() => rmSync(folder, { recursive: true }));

// The profile of swtpm-localca and of the TPM makers (TCG EK Credential Profile): no subject, the TPM named in a critical
// subjectAltName as a directory name, an attribute that nobody here knows.
const CONFIG = `
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[local]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer:always
[ek]
basicConstraints = critical, CA:FALSE
keyUsage = critical, keyEncipherment
extendedKeyUsage = 2.23.133.8.1
subjectAltName = critical, dirName:tpm
authorityKeyIdentifier = keyid
2.5.29.9 = DER:3016301406056781050210310b300902013202010102020164
certificatePolicies = 1.2.3.4
[odd]
basicConstraints = critical, CA:FALSE
subjectAltName = critical, dirName:tpm
1.2.3.4.5 = critical, DER:0500
[tpm]
1.2.23.133.2.1 = id:00001014
2.2.23.133.2.2 = swtpm
3.2.23.133.2.3 = id:20191023
`;

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

function makeKey(name: string, ...algorithm: readonly string[]): void {
  openssl("genpkey", "-algorithm", ...algorithm, "-out", `${name}.key`);
}

function certify(
  name: string,
  issuer: string,
  profile: string,
  subject: string,
  ...hash: readonly string[]
): Certificate {
  openssl("req", "-new", "-config", "ca.cnf", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
  const signer = issuer === name ? ["-signkey", `${name}.key`] : ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`];
  openssl(
    ...["x509", "-req", "-in", `${name}.csr`, "-days", "30", "-extfile", "ca.cnf", "-extensions", profile],
    ...["-out", `${name}.pem`, ...signer, ...hash],
  );
  const [der] = need(parsePem(readFileSync(join(folder, `${name}.pem`), "utf8")));
  assert.ok(der);
  return need(parseCertificate(der));
}

function setupMaker() {
  writeFileSync(join(folder, "ca.cnf"), CONFIG);
  makeKey("root", "RSA", "-pkeyopt", "rsa_keygen_bits:3072");
  makeKey("local", "EC", "-pkeyopt", "ec_paramgen_curve:P-384");
  makeKey("ek", "RSA", "-pkeyopt", "rsa_keygen_bits:2048");
  return {
    root: certify("root", "root", "root", "/CN=swtpm-localca-rootca", "-sha256"),
    local: certify("local", "root", "local", "/CN=swtpm-localca", "-sha384"),
    ek: certify("ek", "local", "ek", "/", "-sha384"),
  };
}

test("an endorsement key certificate of another maker is read and verified", { skip }, () => {
  const { root, local, ek } = setupMaker();
  assert.equal(root.signatureAlgorithm, "RS256");
  assert.equal(local.signatureAlgorithm, "RS384");
  assert.equal(ek.signatureAlgorithm, "ES384");
  assert.equal(ek.subject.length, 2);
  assert.deepEqual(
    ek.subjectAltNames.map((name) => name.kind),
    ["directory"],
  );
  assert.deepEqual(ek.unknownCriticalExtensions, []);
  const request = { intermediates: [local], anchors: [root], now: instant(Date.now()), crypto };
  const path = need(verifyPath({ ...request, leaf: ek, purpose: PURPOSE.tpmEndorsementKey }));
  assert.equal(path.length, 3);
  assert.equal(codeOf(verifyPath({ ...request, leaf: ek, purpose: PURPOSE.clientAuth })), "PURPOSE_REFUSED");
  assert.equal(codeOf(verifyPath({ ...request, leaf: ek, anchors: [] })), "ISSUER_UNKNOWN");

  const odd = certify("ek", "local", "odd", "/", "-sha384");
  assert.equal(codeOf(verifyPath({ ...request, leaf: odd })), "EXTENSION_UNSUPPORTED");
  assert.equal(codeOf(verifyPath({ ...request, leaf: odd, handledExtensions: ["1.2.3.4.5"] })), "accepted");
});

const vectors = join(
  process.env["VEDETTE_VECTORS"] ?? fileURLToPath(new URL("../../../../shared/vectors", import.meta.url)),
  "attestation/platform-certificates",
);
const noVectors = existsSync(vectors) ? false : `no test vectors at ${vectors}: the platform certificates are not read`;

test("certificates of real platforms end in a value, whatever they are", { skip: noVectors }, () => {
  const verdicts = new Map<string, string>();
  for (const file of readdirSync(vectors).filter((name) => name.endsWith(".cer"))) {
    const bytes = readFileSync(join(vectors, file));
    const isPem = bytes.subarray(0, 5).toString() === "-----";
    const [der = new Uint8Array(bytes)] = isPem ? need(parsePem(bytes.toString())) : [];
    verdicts.set(file, codeOf(parseCertificate(der)));
  }
  // One public key certificate, signed with SHA-1; the others are attribute certificates (RFC 5755), which we do not read.
  assert.equal(verdicts.get("IntelSigningKey_20April2017.cer"), "SIGNATURE_ALGORITHM_UNSUPPORTED");
  verdicts.delete("IntelSigningKey_20April2017.cer");
  assert.deepEqual(new Set(verdicts.values()), new Set(["DER_MALFORMED"]));
});
