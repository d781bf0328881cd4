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
} from "./tpm-algorithms.ts";

/** TPMT_PUBLIC (TPM 2.0 Part 2 §12.2.4) of a signing key. Storage keys, which name a cipher for their children, are not read. */
export type TpmPublic = RsaPublic | EccPublic;

interface CommonPublic {
  readonly nameAlgorithm: HashAlgorithm;
  /** TPMA_OBJECT; bits are named in `objectAttribute`. */
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
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
  const scheme = parseScheme(reader);
  if (!scheme.ok) return scheme;
  const keyBits = reader.u16();
  const exponent = reader.u32() || RSA_EXPONENT_DEFAULT;
  const modulus = reader.sized16();
  if (!reader.isWhole || scheme.value?.algorithm === "ecdsa") return malformed;
  if (!RSA_KEY_BITS.includes(keyBits)) return unsupported(tpmAlgorithm.rsa);
  const isModulusWhole = modulus.length * 8 === keyBits && modulus[0]! >= 0x80;
  return isModulusWhole ? ok({ type: "rsa", scheme: scheme.value, keyBits, exponent, modulus }) : malformed;
}

// TPMS_ECC_PARMS (Part 2 §12.2.3.6) and TPMS_ECC_POINT.
function parseEcc(reader: ByteReader): Parsed {
  const scheme = parseScheme(reader);
  if (!scheme.ok) return scheme;
  const curveId = reader.u16();
  const kdf = reader.u16();
  const x = reader.sized16();
  const y = reader.sized16();
  if (!reader.isWhole || scheme.value?.algorithm === "rsassa") return malformed;
  const curve = curveOfTpmId(curveId);
  if (!curve) return unsupported(tpmAlgorithm.ecc);
  if (kdf !== tpmAlgorithm.null) return unsupported(kdf);
  const length = coordinateLength[curve];
  // Older TPMs drop leading zeros of a coordinate, so shorter is right and only longer is wrong.
  const isPointWhole = x.length > 0 && x.length <= length && y.length > 0 && y.length <= length;
  return isPointWhole ? ok({ type: "ecc", scheme: scheme.value, curve, x, y }) : malformed;
}

// TPMT_SYM_DEF_OBJECT+ and TPMT_RSA_SCHEME+ / TPMT_ECC_SCHEME+ (Part 2 §11.1.7, §12.2.3.5, §12.2.3.6).
function parseScheme(reader: ByteReader): Result<SigningScheme | undefined, TpmStructureError> {
  const symmetric = reader.u16();
  const id = reader.u16();
  if (reader.isWhole && symmetric !== tpmAlgorithm.null) return unsupported(symmetric);
  if (id === tpmAlgorithm.null) return ok(undefined);
  if (id !== tpmAlgorithm.rsassa && id !== tpmAlgorithm.ecdsa) return unsupported(id);
  const hashId = reader.u16();
  const hash = hashOfTpmAlgorithm(hashId);
  if (!hash) return unsupported(hashId);
  return ok({ algorithm: id === tpmAlgorithm.rsassa ? "rsassa" : "ecdsa", hash });
}

const malformed = err({ code: "TPM_STRUCTURE_MALFORMED", structure: "TPMT_PUBLIC" });

function unsupported(algorithm: number): Result<never, TpmStructureError> {
  return err({ code: "TPM_ALGORITHM_UNSUPPORTED", structure: "TPMT_PUBLIC", algorithm });
}
