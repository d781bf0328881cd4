import { existsSync } from "node:fs";
import { AdapterError, type Clock, type Crypto, hex, type Instant, type Random, type Result } from "@vedette/base";
import {
  type IssuanceError,
  mintFleetRoot,
  mintIssuingCa,
  parseTrustDomain,
  signTrustDocument,
} from "@vedette/identity";
import type { ControlConfig } from "@vedette/protocol";
import { generateKey, makePrivateDirectory, writeFileDurably, writeKeyFile } from "@vedette/runtime";
import { type Certificate, certificatesToPem, parseCertificate } from "@vedette/x509";
import { authorityFiles, controlFiles } from "./files.ts";
import { describeTrust, formatTrustKeyFile, readAnchors, TRUST_KEY_ID, trustKeyOf } from "./trust.ts";

export interface InitOptions {
  readonly config: ControlConfig;
  /** Folder of the configuration file; relative paths in it start there. */
  readonly folder: string;
  readonly data: string;
  /** Where the keys go that are to be taken away. */
  readonly authority: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
}

export interface Initialised {
  /** SHA-256 of the fleet root certificate: what join files pin. */
  readonly root: string;
  readonly trustVersion: number;
  readonly trustNotAfter: Instant;
}

/**
 * The ceremony that founds a fleet: root, issuing CA, trust key, policy key, mirror key, first trust document.
 * Throws `AdapterError` ALREADY_INITIALISED and touches nothing when either folder holds a fleet already.
 */
export function initControl(options: InitOptions): Initialised {
  const { config, data, authority, clock, random, crypto } = options;
  const files = controlFiles(data);
  const offline = authorityFiles(authority);
  for (const path of [...Object.values(offline), files.issuingKey, files.trustDocument])
    if (existsSync(path))
      throw new AdapterError("ALREADY_INITIALISED", "a fleet has been founded here; nothing was changed", { path });
  const fleetDomain = parseTrustDomain(config.fleet);
  if (!fleetDomain.ok)
    throw new AdapterError(fleetDomain.error.code, "the fleet's name is not a trust domain", { fleet: config.fleet });
  const anchors = readAnchors(config, options.folder);
  makePrivateDirectory(data);
  makePrivateDirectory(authority);

  const issuance = { now: clock.now(), random, crypto };
  const rootKey = generateKey("ES256");
  const root = minted(mintFleetRoot({ fleetDomain: fleetDomain.value, signer: rootKey }, issuance));
  const issuingKey = generateKey("ES256");
  const issuing = minted(mintIssuingCa({ spki: issuingKey.spki }, { certificate: root, signer: rootKey }, issuance));
  const trustKey = generateKey("ES256");
  const policyKey = generateKey("ES256");
  const mirrorKey = generateKey("Ed25519");
  const keys = { root: root.der, policy: policyKey, mirrorSpki: mirrorKey.spki };
  const document = describeTrust(config, anchors, keys, 1, issuance.now, crypto);

  writeKeyFile(offline.rootKey, rootKey);
  writeFileDurably(offline.rootCertificate, certificatesToPem([root.der]));
  writeKeyFile(offline.policyKey, policyKey);
  writeKeyFile(files.mirrorKey, mirrorKey);
  writeFileDurably(files.trustKey, formatTrustKeyFile(trustKeyOf(trustKey)));
  writeKeyFile(offline.trustKey, trustKey);
  writeKeyFile(files.issuingKey, issuingKey);
  writeFileDurably(files.issuingChain, certificatesToPem([issuing.der, root.der]));
  // INVARIANT: last, so that a fleet is founded when its trust document is there, and not before.
  writeFileDurably(files.trustDocument, signTrustDocument(document, TRUST_KEY_ID, trustKey));
  return { root: hex(crypto.hash("sha256", root.der)), trustVersion: 1, trustNotAfter: document.notAfter };
}

function minted(certificate: Result<Uint8Array, IssuanceError>): Certificate {
  if (!certificate.ok)
    throw new AdapterError(certificate.error.code, "the certificate cannot be minted", { ...certificate.error });
  const parsed = parseCertificate(certificate.value);
  if (!parsed.ok) throw new AdapterError(parsed.error.code, "a certificate just minted does not parse");
  return parsed.value;
}
