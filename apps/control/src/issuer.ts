import type { AttestationResult } from "@vedette/attestation";
import {
  AdapterError,
  type Clock,
  type Crypto,
  type Duration,
  type Instant,
  isSameBytes,
  type Random,
  type Result,
} from "@vedette/base";
import {
  type CertificateAuthority,
  type IssuanceError,
  mintNodeSvid,
  mintServerCertificate,
  mintSiteCa,
  nodeIdOf,
} from "@vedette/identity";
import type { TlsCertificate } from "@vedette/net";
import { generateKey } from "@vedette/runtime";
import { type Certificate, certificatesToPem, parseCertificate, verifyPath } from "@vedette/x509";
import type { ControlFiles } from "./files.ts";
import { readCertificateFile, readKeyOfKind } from "./files.ts";

/** The fleet's issuing CA, and what it mints (PROTOCOLS §1). */
export interface Issuer {
  readonly root: Certificate;
  readonly certificate: Certificate;
  /** For a Fleet API listener: chain with the root last, because first contact pins the root. */
  serverCertificate(dnsNames: readonly string[]): TlsCertificate;
  nodeSvid(result: AttestationResult, lifetime: Duration): Chain;
  siteCa(site: string, spki: Uint8Array, lifetime: Duration): Chain;
}

/** DER, leaf first, ending below the root. */
interface Chain {
  readonly certificates: readonly Uint8Array[];
  readonly leaf: Certificate;
}

interface IssuerOptions {
  readonly files: ControlFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
}

/** Throws `AdapterError` when the CA's files are missing or do not belong together. */
export function openIssuer({ files, clock, random, crypto }: IssuerOptions): Issuer {
  const { certificate, root } = readIssuingChain(files.issuingChain, clock.now(), crypto);
  const signer = readKeyOfKind(files.issuingKey, "ES256");
  if (!isSameBytes(signer.spki, certificate.spki))
    throw new AdapterError("AUTHORITY_INVALID", "the issuing CA's certificate names another key", {
      key: files.issuingKey,
      certificate: files.issuingChain,
    });
  const authority: CertificateAuthority = { certificate, signer };
  const issuance = (lifetime?: Duration) => ({
    now: clock.now(),
    random,
    crypto,
    ...(lifetime === undefined ? {} : { lifetime }),
  });
  return {
    root,
    certificate,
    serverCertificate(dnsNames) {
      const key = generateKey("ES256");
      const leaf = issued(mintServerCertificate({ dnsNames, spki: key.spki }, authority, issuance()));
      return { chainPem: certificatesToPem([leaf.der, certificate.der, root.der]), key: key.exportPkcs8() };
    },
    nodeSvid(result, lifetime) {
      const nodeId = nodeIdOf(result);
      const leaf = issued(mintNodeSvid({ nodeId, spki: result.spki }, authority, issuance(lifetime)));
      return { certificates: [leaf.der, certificate.der], leaf };
    },
    siteCa(site, spki, lifetime) {
      const leaf = issued(mintSiteCa({ site, spki }, authority, issuance(lifetime)));
      return { certificates: [leaf.der, certificate.der], leaf };
    },
  };
}

/** The issuing CA and the root above it; nothing is signed in the name of a chain that does not hold. */
function readIssuingChain(path: string, now: Instant, crypto: Crypto) {
  const [certificate, root] = readCertificateFile(path);
  if (!certificate || !root) throw new AdapterError("AUTHORITY_INVALID", "the issuing chain lacks its root", { path });
  const verified = verifyPath({ leaf: certificate, intermediates: [], anchors: [root], now, crypto });
  if (!verified.ok)
    throw new AdapterError("AUTHORITY_INVALID", "the issuing CA's certificate does not hold", {
      path,
      reason: verified.error.code,
    });
  return { certificate, root };
}

function issued(minted: Result<Uint8Array, IssuanceError>): Certificate {
  if (!minted.ok)
    throw new AdapterError(minted.error.code, "the issuing CA cannot mint this certificate", { ...minted.error });
  const certificate = parseCertificate(minted.value);
  if (!certificate.ok) throw new AdapterError(certificate.error.code, "a certificate just minted does not parse");
  return certificate.value;
}
