import { join } from "node:path";
import { AdapterError, parseUtf8 } from "@vedette/base";
import { type KeyAlgorithm, readFileIfExists, readKeyFile, type SoftwareKey } from "@vedette/runtime";
import { type Certificate, parseCertificate, parsePem } from "@vedette/x509";

/** Where the control plane keeps what it needs online. */
export interface ControlFiles {
  readonly issuingKey: string;
  /** PEM: the issuing CA, then the root. */
  readonly issuingChain: string;
  readonly mirrorKey: string;
  readonly trustDocument: string;
  readonly trustKey: string;
  readonly store: string;
  readonly mirror: string;
}

export function controlFiles(data: string): ControlFiles {
  return {
    issuingKey: join(data, "issuing-ca.key"),
    issuingChain: join(data, "issuing-ca.pem"),
    mirrorKey: join(data, "mirror.key"),
    trustDocument: join(data, "trust.jws"),
    trustKey: join(data, "trust-key.pub"),
    store: join(data, "store"),
    mirror: join(data, "mirror.db"),
  };
}

/**
 * What must not lie on the control plane once the fleet runs: the root key, the key of the trust document, the policy key.
 * `vedette control init` makes them in a folder of their own, to be taken away.
 */
export interface AuthorityFiles {
  readonly rootKey: string;
  readonly rootCertificate: string;
  readonly trustKey: string;
  readonly policyKey: string;
}

export function authorityFiles(directory: string): AuthorityFiles {
  return {
    rootKey: join(directory, "root.key"),
    rootCertificate: join(directory, "root.pem"),
    trustKey: join(directory, "trust.key"),
    policyKey: join(directory, "policy.key"),
  };
}

/** Certificates and documents that people hand around: kilobytes, never more. */
const TEXT_FILE_LENGTH_MAX = 1_048_576;

/** Throws `AdapterError` FILE_MISSING or FILE_NOT_TEXT. */
export function readTextFile(path: string): string {
  const bytes = readFileIfExists(path, TEXT_FILE_LENGTH_MAX);
  if (!bytes) throw new AdapterError("FILE_MISSING", "file does not exist", { path });
  const text = parseUtf8(bytes);
  if (!text.ok) throw new AdapterError("FILE_NOT_TEXT", "file is not UTF-8 text", { path });
  return text.value;
}

/** Throws `AdapterError` KEY_MISSING, or KEY_INVALID also for a key of the other kind. */
export function readKeyOfKind(path: string, algorithm: KeyAlgorithm): SoftwareKey {
  const key = readKeyFile(path);
  if (key.algorithm !== algorithm)
    throw new AdapterError("KEY_INVALID", "key file holds a key of another kind", {
      path,
      expected: algorithm,
      found: key.algorithm,
    });
  return key;
}

/** Throws `AdapterError` CERTIFICATE_FILE_INVALID when any certificate in the file does not parse. */
export function readCertificateFile(path: string): readonly Certificate[] {
  const ders = parsePem(readTextFile(path));
  const certificates = ders.ok ? ders.value.map((der) => parseCertificate(der)) : [];
  const parsed = certificates.flatMap((certificate) => (certificate.ok ? [certificate.value] : []));
  if (parsed.length === 0 || parsed.length !== certificates.length)
    throw new AdapterError("CERTIFICATE_FILE_INVALID", "file does not hold PEM certificates", { path });
  return parsed;
}
