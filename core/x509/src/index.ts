export { type Certificate, parseCertificate } from "./certificate.ts";
export { contextTag, type DerElement, DerReader, TAG } from "./der-reader.ts";
export { bitString, der, oid, sequence, unsignedInteger } from "./der-writer.ts";
export { ECDSA_SCALAR_LENGTH, ecdsaSignatureToDer, parseEcdsaSignature } from "./ecdsa-signature.ts";
export type {
  CertificateError,
  NameConstraintError,
  PathError,
  PemError,
  PublicKeyError,
  X509Error,
} from "./errors.ts";
export {
  type BasicConstraints,
  type Extensions,
  type KeyUsage,
  type NameConstraints,
  PURPOSE,
} from "./extensions.ts";
export { type CertificateIssuer, type CertificateTemplate, mintCertificate } from "./mint.ts";
export { checkNameConstraints } from "./name-constraints.ts";
export { distinguishedName, EMPTY_NAME, type GeneralName } from "./names.ts";
export { INTERMEDIATES_MAX, type PathRequest, verifyPath } from "./path.ts";
export { certificatesToPem, parsePem } from "./pem.ts";
export { keyIdentifier, parsePublicKey } from "./public-key.ts";
