import {
  ByteReader,
  ByteWriter,
  type Crypto,
  concatBytes,
  err,
  type HashAlgorithm,
  ok,
  type Result,
} from "@vedette/base";
import type { TpmStructureError } from "./errors.ts";
import { eccPointToSpki, rsaModulusToSpki } from "./spki.ts";
import {
  coordinateLength,
  curveOfTpmId,
  digestLength,
  type EccCurve,
  hashOfTpmAlgorithm,
  tpmAlgorithm,
  tpmAlgorithmOfHash,
  tpmIdOfCurve,
} from "./tpm-algorithms.ts";

/** TPMT_PUBLIC (TPM 2.0 Part 2 §12.2.4) of an asymmetric key. */
export type TpmPublic = RsaPublic | EccPublic;

interface CommonPublic {
  readonly nameAlgorithm: HashAlgorithm;
  /** TPMA_OBJECT; bits are named in `objectAttribute`. */
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  /** The cipher with which a storage key protects its children; absent for signing keys. */
  readonly symmetric: AesCfb | undefined;
  readonly scheme: SigningScheme | undefined;
}
export interface RsaPublic extends CommonPublic {
  readonly type: "rsa";
  readonly keyBits: number;
  readonly exponent: number;
  readonly modulus: Uint8Array;
}
export interface EccPublic extends CommonPublic {
  readonly type: "ecc";
  readonly curve: EccCurve;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}
export interface AesCfb {
  readonly keyBits: 128 | 256;
}
export interface SigningScheme {
  readonly algorithm: "rsassa" | "ecdsa";
  readonly hash: HashAlgorithm;
}

/** TPMA_OBJECT (TPM 2.0 Part 2 §8.3). */
export const objectAttribute = {
  fixedTPM: 0x0000_0002,
  stClear: 0x0000_0004,
  fixedParent: 0x0000_0010,
  sensitiveDataOrigin: 0x0000_0020,
  userWithAuth: 0x0000_0040,
  adminWithPolicy: 0x0000_0080,
  noDA: 0x0000_0400,
  encryptedDuplication: 0x0000_0800,
  restricted: 0x0001_0000,
  decrypt: 0x0002_0000,
  sign: 0x0004_0000,
} as const;
/** Bits 0, 3, 12-15 and 20-31 are reserved and zero in every key that a TPM made. */
const RESERVED_ATTRIBUTES = 0xfff0_f009;

/** An RSA-4096 key with a SHA-512 policy is 606 bytes. */
export const TPM_PUBLIC_LENGTH_MAX = 1_024;
/** TPM 2.0 Part 2 §12.2.3.5: zero stands for 2^16 + 1. */
const RSA_EXPONENT_DEFAULT = 65_537;
const RSA_KEY_BITS: readonly number[] = [2_048, 3_072, 4_096];

/** Strict: every length, every reserved bit, nothing left over; so that one key has one encoding and one Name. */
export function parseTpmPublic(bytes: Uint8Array): Result<TpmPublic, TpmStructureError> {
  if (bytes.length > TPM_PUBLIC_LENGTH_MAX)
    return err({
      code: "TPM_STRUCTURE_TOO_LARGE",
      structure: "TPMT_PUBLIC",
      length: bytes.length,
      lengthMax: TPM_PUBLIC_LENGTH_MAX,
    });
  const reader = new ByteReader(bytes);
  const type = reader.u16();
  const nameId = reader.u16();
  const attributes = reader.u32();
  const authPolicy = reader.sized16();
  if (!reader.isWhole) return malformed;
  const nameAlgorithm = hashOfTpmAlgorithm(nameId);
  if (!nameAlgorithm) return unsupported(nameId);
  const isPolicyWhole = authPolicy.length === 0 || authPolicy.length === digestLength[nameAlgorithm];
  if (!isPolicyWhole || (attributes & RESERVED_ATTRIBUTES) !== 0) return malformed;
  const parsed =
    type === tpmAlgorithm.rsa ? parseRsa(reader) : type === tpmAlgorithm.ecc ? parseEcc(reader) : unsupported(type);
  if (!parsed.ok) return parsed;
  return reader.isFinished ? ok({ ...parsed.value, nameAlgorithm, attributes, authPolicy }) : malformed;
}

/** The inverse of `parseTpmPublic`; an empty modulus or point makes a template for CreatePrimary and Create. */
export function marshalTpmPublic(key: TpmPublic): Uint8Array {
  const writer = new ByteWriter()
    .u16(tpmAlgorithm[key.type])
    .u16(tpmAlgorithmOfHash(key.nameAlgorithm))
    .u32(key.attributes)
    .sized16(key.authPolicy);
  if (key.symmetric) writer.u16(tpmAlgorithm.aes).u16(key.symmetric.keyBits).u16(tpmAlgorithm.cfb);
  else writer.u16(tpmAlgorithm.null);
  if (key.scheme) writer.u16(tpmAlgorithm[key.scheme.algorithm]).u16(tpmAlgorithmOfHash(key.scheme.hash));
  else writer.u16(tpmAlgorithm.null);
  if (key.type === "rsa") {
    const exponent = key.exponent === RSA_EXPONENT_DEFAULT ? 0 : key.exponent;
    return writer.u16(key.keyBits).u32(exponent).sized16(key.modulus).finish();
  }
  return writer.u16(tpmIdOfCurve(key.curve)).u16(tpmAlgorithm.null).sized16(key.x).sized16(key.y).finish();
}

/** SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER. */
export function tpmPublicToSpki(key: TpmPublic): Uint8Array {
  return key.type === "rsa" ? rsaModulusToSpki(key.modulus, key.exponent) : eccPointToSpki(key.curve, key.x, key.y);
}

/** Name = nameAlg ‖ H_nameAlg(TPMT_PUBLIC) (TPM 2.0 Part 1 §16). `bytes` is the encoding that `key` was parsed from. */
export function nameOfTpmPublic(key: TpmPublic, bytes: Uint8Array, crypto: Crypto): Uint8Array {
  const algorithm = new ByteWriter().u16(tpmAlgorithmOfHash(key.nameAlgorithm)).finish();
  return concatBytes(algorithm, crypto.hash(key.nameAlgorithm, bytes));
}

type WithoutCommon<T> = Omit<T, "nameAlgorithm" | "attributes" | "authPolicy">;
type Parsed = Result<WithoutCommon<RsaPublic> | WithoutCommon<EccPublic>, TpmStructureError>;

// TPMS_RSA_PARMS (Part 2 §12.2.3.5) and TPM2B_PUBLIC_KEY_RSA.
function parseRsa(reader: ByteReader): Parsed {
  const ciphers = parseCiphers(reader);
  if (!ciphers.ok) return ciphers;
  const keyBits = reader.u16();
  const exponent = reader.u32() || RSA_EXPONENT_DEFAULT;
  const modulus = reader.sized16();
  if (!reader.isWhole || ciphers.value.scheme?.algorithm === "ecdsa") return malformed;
  if (!RSA_KEY_BITS.includes(keyBits)) return unsupported(tpmAlgorithm.rsa);
  const isModulusWhole = modulus.length * 8 === keyBits && modulus[0]! >= 0x80;
  return isModulusWhole ? ok({ type: "rsa", ...ciphers.value, keyBits, exponent, modulus }) : malformed;
}

// TPMS_ECC_PARMS (Part 2 §12.2.3.6) and TPMS_ECC_POINT.
function parseEcc(reader: ByteReader): Parsed {
  const ciphers = parseCiphers(reader);
  if (!ciphers.ok) return ciphers;
  const curveId = reader.u16();
  const kdf = reader.u16();
  const x = reader.sized16();
  const y = reader.sized16();
  if (!reader.isWhole || ciphers.value.scheme?.algorithm === "rsassa") return malformed;
  const curve = curveOfTpmId(curveId);
  if (!curve) return unsupported(tpmAlgorithm.ecc);
  if (kdf !== tpmAlgorithm.null) return unsupported(kdf);
  const length = coordinateLength[curve];
  // Older TPMs drop leading zeros of a coordinate, so shorter is right and only longer is wrong.
  const isPointWhole = x.length > 0 && x.length <= length && y.length > 0 && y.length <= length;
  return isPointWhole ? ok({ type: "ecc", ...ciphers.value, curve, x, y }) : malformed;
}

// TPMT_SYM_DEF_OBJECT+ and TPMT_RSA_SCHEME+ / TPMT_ECC_SCHEME+ (Part 2 §11.1.7, §11.2.4, §11.2.5).
function parseCiphers(reader: ByteReader): Result<Pick<CommonPublic, "symmetric" | "scheme">, TpmStructureError> {
  const symmetric = parseSymmetric(reader);
  if (!symmetric.ok) return symmetric;
  const id = reader.u16();
  if (id === tpmAlgorithm.null) return ok({ symmetric: symmetric.value, scheme: undefined });
  if (id !== tpmAlgorithm.rsassa && id !== tpmAlgorithm.ecdsa) return unsupported(id);
  const hashId = reader.u16();
  const hash = hashOfTpmAlgorithm(hashId);
  if (!hash) return unsupported(hashId);
  const algorithm = id === tpmAlgorithm.rsassa ? "rsassa" : "ecdsa";
  return ok({ symmetric: symmetric.value, scheme: { algorithm, hash } });
}

function parseSymmetric(reader: ByteReader): Result<AesCfb | undefined, TpmStructureError> {
  const id = reader.u16();
  if (id === tpmAlgorithm.null) return ok(undefined);
  if (id !== tpmAlgorithm.aes) return unsupported(id);
  const keyBits = reader.u16();
  const mode = reader.u16();
  if (mode !== tpmAlgorithm.cfb) return unsupported(mode);
  return keyBits === 128 || keyBits === 256 ? ok({ keyBits }) : malformed;
}

const malformed = err({ code: "TPM_STRUCTURE_MALFORMED", structure: "TPMT_PUBLIC" });

function unsupported(algorithm: number): Result<never, TpmStructureError> {
  return err({ code: "TPM_ALGORITHM_UNSUPPORTED", structure: "TPMT_PUBLIC", algorithm });
}
