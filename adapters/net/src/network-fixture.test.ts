import { createHash } from "node:crypto";
import { addDuration, hours, instant } from "@vedette/base";
import { generateKey, type SoftwareKey, systemClock, systemRandom } from "@vedette/runtime";
import {
  type CertificateIssuer,
  type CertificateTemplate,
  certificatesToPem,
  distinguishedName,
  EMPTY_NAME,
  type GeneralName,
  mintCertificate,
} from "@vedette/x509";
import type { TlsCertificate } from "./certificates.ts";
import type { HttpRequest } from "./http.ts";
import type { ConnectionProblem } from "./http-server.ts";
import { listenTls, type TlsListener, type TlsListenerOptions } from "./tls-listener.ts";

// What the tests of this room share: a small PKI of its own and a listener on loopback. It holds no tests.

export interface TestAuthority {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly sha256: string;
  readonly issuer: CertificateIssuer;
}

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

function template(key: SoftwareKey, changes: Partial<CertificateTemplate>): CertificateTemplate {
  const now = systemClock.now();
  return {
    serial: systemRandom.bytes(8).map((byte, index) => (index === 0 ? byte & 0x7f : byte)),
    subject: EMPTY_NAME,
    notBefore: addDuration(now, hours(-1)),
    notAfter: addDuration(now, hours(1)),
    spki: key.spki,
    subjectKeyId: sha1(key.spki),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"],
    extendedKeyUsage: [],
    subjectAltNames: [],
    ...changes,
  };
}

export function testCreateAuthority(name: string, parent?: TestAuthority): TestAuthority {
  const key = generateKey("ES256");
  const subject = distinguishedName("Test", name);
  const own: CertificateIssuer = { name: subject, keyId: sha1(key.spki), signer: key };
  const basics = { subject, basicConstraints: { isCa: true }, keyUsage: ["keyCertSign", "cRLSign"] as const };
  const der = mintCertificate(template(key, basics), parent?.issuer ?? own);
  return {
    der,
    pem: certificatesToPem([der]),
    sha256: createHash("sha256").update(der).digest("hex"),
    issuer: own,
  };
}

export interface TestLeaf extends TlsCertificate {
  readonly der: Uint8Array;
}

/** A leaf; `above` are the certificates sent after it. */
export function testIssue(
  authority: TestAuthority,
  subjectAltNames: readonly GeneralName[],
  above: readonly TestAuthority[] = [],
  changes: Partial<CertificateTemplate> = {},
): TestLeaf {
  const key = generateKey("ES256");
  const der = mintCertificate(template(key, { subjectAltNames, ...changes }), authority.issuer);
  return { der, chainPem: certificatesToPem([der, ...above.map((each) => each.der)]), key: key.exportPkcs8() };
}

export const dns = (value: string): GeneralName => ({ kind: "dns", value });
export const uri = (value: string): GeneralName => ({ kind: "uri", value });
export const LONG_AGO = { notBefore: instant(Date.UTC(2020, 0, 1)), notAfter: instant(Date.UTC(2020, 0, 2)) };

export interface TestListener extends TlsListener {
  readonly problems: readonly ConnectionProblem[];
  readonly failures: readonly unknown[];
}

export const SERVER_NAME = "control.example.org";

/** Loopback, any port, no client certificates unless said otherwise; what it reports is kept. */
export async function testListen(
  authority: TestAuthority,
  options: Pick<TlsListenerOptions, "handler"> & Partial<TlsListenerOptions>,
): Promise<TestListener> {
  const problems: ConnectionProblem[] = [];
  const failures: unknown[] = [];
  const listener = await listenTls({
    certificate: testIssue(authority, [dns(SERVER_NAME)]),
    clientCa: "none",
    host: "127.0.0.1",
    port: 0,
    random: systemRandom,
    onConnectionError: (problem) => problems.push(problem),
    onHandlerError: (error: unknown, _request: HttpRequest) => failures.push(error),
    ...options,
  });
  return { ...listener, problems, failures };
}
