import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addDuration, hours, type Instant, minutes, Secret } from "@vedette/base";
import { controlFiles } from "@vedette/control";
import { type CertificateAuthority, openFile } from "@vedette/identity";
import type { TlsCertificate } from "@vedette/net";
import { dataKeyFile, nodeIdentityFile, parseMessage } from "@vedette/protocol";
import {
  createNodeCrypto,
  generateKey,
  importKey,
  readKeyFile,
  type SoftwareKey,
  systemClock,
  systemRandom,
} from "@vedette/runtime";
import {
  type Certificate,
  certificatesToPem,
  EMPTY_NAME,
  type GeneralName,
  keyIdentifier,
  mintCertificate,
  PURPOSE,
  parseCertificate,
  parsePem,
} from "@vedette/x509";
import { type Fleet, NODE } from "./fleet.ts";

const crypto = createNodeCrypto();

/** A CA, and the certificates above it up to below the root. */
export interface TestAuthority extends CertificateAuthority {
  /** DER, its own certificate first. */
  readonly chain: readonly Uint8Array[];
}

/** The fleet's issuing CA, as whoever breaks into the control plane has it. */
export function issuingCaOf(fleet: Fleet): TestAuthority {
  const files = controlFiles(fleet.controlData);
  const [certificate] = readChain(files.issuingChain);
  assert.ok(certificate);
  return { certificate, signer: readKeyFile(files.issuingKey), chain: [certificate.der] };
}

/** The site's CA with its key, as whoever has broken into the running node has it: the TPM unseals for the node's software. */
export async function stealSiteCa(fleet: Fleet): Promise<TestAuthority> {
  const dataKey = await unsealDataKey(fleet);
  const open = (name: string): Uint8Array => {
    const opened = openFile(name, readFile(fleet, `${name}.sealed`), dataKey, crypto);
    assert.ok(opened.ok, name);
    return opened.value;
  };
  const identity = parseMessage(nodeIdentityFile, open("node-identity"));
  assert.ok(identity.ok);
  const certificate = parseCertificate(identity.value.siteCa[0] ?? new Uint8Array(0));
  assert.ok(certificate.ok);
  return {
    certificate: certificate.value,
    signer: importKey(new Secret(open("site-ca-key"))),
    chain: identity.value.siteCa,
  };
}

/** The node's data key, from its own TPM. */
export async function unsealDataKey(fleet: Fleet): Promise<Secret> {
  const file = parseMessage(dataKeyFile, readFile(fleet, "data-key.json"));
  assert.ok(file.ok);
  const tpm = await fleet.tpmOf(NODE).open();
  try {
    return await tpm.unseal(file.value, { bank: "sha256", pcrs: file.value.pcrs });
  } finally {
    await tpm.close();
  }
}

export interface LeafChanges {
  readonly names: readonly GeneralName[];
  readonly notBefore?: Instant;
  readonly notAfter?: Instant;
}

/** A leaf that says whatever the test wants, for a fresh key; the issuance table has no part in it. */
export function mintIdentity(authority: TestAuthority, { names, ...changes }: LeafChanges): TlsCertificate {
  const key = generateKey("ES256");
  const now = systemClock.now();
  const notBefore = changes.notBefore ?? addDuration(now, minutes(-1));
  const notAfter = changes.notAfter ?? addDuration(now, hours(1));
  const template = {
    serial: systemRandom.bytes(8).map((byte, i) => (i === 0 ? (byte & 0x3f) | 0x40 : byte)),
    subject: EMPTY_NAME,
    notBefore,
    notAfter,
    spki: key.spki,
    subjectKeyId: keyIdentifier(key.spki, crypto),
    basicConstraints: { isCa: false },
    keyUsage: ["digitalSignature"] as const,
    extendedKeyUsage: [PURPOSE.serverAuth, PURPOSE.clientAuth],
    subjectAltNames: names,
  };
  const { subject, subjectKeyId, spki } = authority.certificate;
  const keyId = subjectKeyId ?? keyIdentifier(spki, crypto);
  const leaf = mintCertificate(template, { name: subject, keyId, signer: authority.signer });
  return identityOf(leaf, authority.chain, key);
}

export function identityOf(leaf: Uint8Array, chain: readonly Uint8Array[], key: SoftwareKey): TlsCertificate {
  return { chainPem: certificatesToPem([leaf, ...chain]), key: key.exportPkcs8() };
}

function readFile(fleet: Fleet, name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(fleet.edgeData, name)));
}

function readChain(path: string): readonly Certificate[] {
  const ders = parsePem(readFileSync(path, "utf8"));
  assert.ok(ders.ok);
  return ders.value.map((der) => {
    const certificate = parseCertificate(der);
    assert.ok(certificate.ok);
    return certificate.value;
  });
}
