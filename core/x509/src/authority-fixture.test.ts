import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { addDuration, days, type Instant, instant, type Result } from "@vedette/base";
import { createNodeCrypto, generateKey, type SoftwareKey } from "@vedette/runtime";
import {
  type Certificate,
  type CertificateTemplate,
  distinguishedName,
  EMPTY_NAME,
  keyIdentifier,
  mintCertificate,
  parseCertificate,
} from "./index.ts";

export const crypto: ReturnType<typeof createNodeCrypto> = createNodeCrypto();
export const NOW: Instant = instant(Date.UTC(2026, 10, 22, 12));

export interface TestAuthority {
  readonly certificate: Certificate;
  readonly key: SoftwareKey;
}

/** What is left out gets a sound value: one day around `NOW`, no purpose, no names. */
export type TestTemplate = Partial<CertificateTemplate>;

export function testCreateRoot(template: TestTemplate = {}): TestAuthority {
  const key = generateKey("ES256");
  const subject = distinguishedName("test", `root ${randomBytes(4).toString("hex")}`);
  const certificate = sign({ ...authorityTemplate(key.spki), subject, ...template }, { subject, spki: key.spki }, key);
  return { certificate, key };
}

export function testCreateAuthority(issuer: TestAuthority, template: TestTemplate = {}): TestAuthority {
  const key = generateKey("ES256");
  return {
    certificate: sign({ ...authorityTemplate(template.spki ?? key.spki), ...template }, issuer.certificate, issuer.key),
    key,
  };
}

export function testCreateLeaf(issuer: TestAuthority, template: TestTemplate = {}): Certificate {
  const key = generateKey("ES256");
  return sign({ ...leafTemplate(key.spki), ...template }, issuer.certificate, issuer.key);
}

export function leafTemplate(spki: Uint8Array): CertificateTemplate {
  return {
    serial: Uint8Array.of(0x40, ...randomBytes(15)),
    subject: EMPTY_NAME,
    notBefore: addDuration(NOW, days(-1)),
    notAfter: addDuration(NOW, days(1)),
    spki,
    subjectKeyId: keyIdentifier(spki, crypto),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: [],
    subjectAltNames: [{ kind: "uri", value: "spiffe://example.org/node/1" }],
  };
}

export function need<T, E>(result: Result<T, E>): T {
  assert.ok(result.ok, `refused: ${inspect(result)}`);
  return result.value;
}

export function codeOf<T, E extends { readonly code: string }>(result: Result<T, E>): string {
  return result.ok ? "accepted" : result.error.code;
}

function authorityTemplate(spki: Uint8Array): CertificateTemplate {
  return {
    ...leafTemplate(spki),
    subject: distinguishedName("test", `authority ${randomBytes(4).toString("hex")}`),
    basicConstraints: { isCa: true },
    keyUsage: ["keyCertSign", "cRLSign"],
    subjectAltNames: [],
  };
}

function sign(
  template: CertificateTemplate,
  issuer: { readonly subject: Uint8Array; readonly spki: Uint8Array },
  key: SoftwareKey,
): Certificate {
  const keyId = keyIdentifier(issuer.spki, crypto);
  return need(parseCertificate(mintCertificate(template, { name: issuer.subject, keyId, signer: key })));
}
