import type { HashAlgorithm } from "@vedette/base";

/** TPM 2.0 Part 2 §6.3 (TPM_ALG_ID), the identifiers this room understands. */
export const tpmAlgorithm = {
  rsa: 0x0001,
  null: 0x0010,
  rsassa: 0x0014,
  ecdsa: 0x0018,
  ecc: 0x0023,
} as const;

/** TPM 2.0 Part 2 §6.4 (TPM_ECC_CURVE). */
const TPM_ECC_NIST_P256 = 0x0003;
const TPM_ECC_NIST_P384 = 0x0004;

export type EccCurve = "P-256" | "P-384";

const hashById: ReadonlyMap<number, HashAlgorithm> = new Map([
  [0x0004, "sha1"],
  [0x000b, "sha256"],
  [0x000c, "sha384"],
  [0x000d, "sha512"],
]);
const idByHash: ReadonlyMap<HashAlgorithm, number> = new Map(Array.from(hashById, ([id, hash]) => [hash, id]));

export function hashOfTpmAlgorithm(id: number): HashAlgorithm | undefined {
  return hashById.get(id);
}

/** TPM_ALG_ID of a hash. */
export function tpmAlgorithmOfHash(hash: HashAlgorithm): number {
  return idByHash.get(hash)!; // the map is the inverse of one that names every HashAlgorithm
}

/** Digest lengths in bytes (FIPS 180-4). */
export const digestLength: Readonly<Record<HashAlgorithm, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

export function curveOfTpmId(id: number): EccCurve | undefined {
  return id === TPM_ECC_NIST_P256 ? "P-256" : id === TPM_ECC_NIST_P384 ? "P-384" : undefined;
}

/** Length of a coordinate, and of `r` and `s`, in bytes. */
export const coordinateLength: Readonly<Record<EccCurve, number>> = { "P-256": 32, "P-384": 48 };
