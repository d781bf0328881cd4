import { ByteReader, concatBytes, err, type HashAlgorithm, ok, type Result } from "@vedette/base";
import type { TpmStructureError } from "./errors.ts";
import { padLeft } from "./spki.ts";
import { hashOfTpmAlgorithm, tpmAlgorithm } from "./tpm-algorithms.ts";

/** TPMT_SIGNATURE (TPM 2.0 Part 2 §11.3.4): ECDSA or RSASSA. */
export type TpmSignature =
  | {
      readonly algorithm: "ecdsa";
      readonly hash: HashAlgorithm;
      readonly r: Uint8Array;
      readonly s: Uint8Array;
    }
  | { readonly algorithm: "rsassa"; readonly hash: HashAlgorithm; readonly signature: Uint8Array };

/** An RSA-4096 signature is 518 bytes. */
export const TPM_SIGNATURE_LENGTH_MAX = 518;
/** `r` and `s` of P-384, the largest curve we take. */
const ECDSA_INTEGER_LENGTH_MAX = 48;

export function parseTpmSignature(bytes: Uint8Array): Result<TpmSignature, TpmStructureError> {
  if (bytes.length > TPM_SIGNATURE_LENGTH_MAX)
    return err({
      code: "TPM_STRUCTURE_TOO_LARGE",
      structure: "TPMT_SIGNATURE",
      length: bytes.length,
      lengthMax: TPM_SIGNATURE_LENGTH_MAX,
    });
  const reader = new ByteReader(bytes);
  const algorithm = reader.u16();
  const hashId = reader.u16();
  if (!reader.isWhole) return malformed;
  const hash = hashOfTpmAlgorithm(hashId);
  if (!hash) return unsupported(hashId);
  if (algorithm === tpmAlgorithm.rsassa) {
    const signature = reader.sized16();
    return reader.isFinished ? ok({ algorithm: "rsassa", hash, signature }) : malformed;
  }
  if (algorithm !== tpmAlgorithm.ecdsa) return unsupported(algorithm);
  const r = reader.sized16();
  const s = reader.sized16();
  const isWhole = reader.isFinished && r.length <= ECDSA_INTEGER_LENGTH_MAX && s.length <= ECDSA_INTEGER_LENGTH_MAX;
  return isWhole ? ok({ algorithm: "ecdsa", hash, r, s }) : malformed;
}

/** `r ‖ s` (IEEE P1363); undefined when a part is longer than the curve's field. */
export function ecdsaToP1363(r: Uint8Array, s: Uint8Array, length: number): Uint8Array | undefined {
  if (r.length > length || s.length > length) return undefined;
  return concatBytes(padLeft(r, length), padLeft(s, length));
}

const malformed = err({ code: "TPM_STRUCTURE_MALFORMED", structure: "TPMT_SIGNATURE" });

function unsupported(algorithm: number): Result<never, TpmStructureError> {
  return err({ code: "TPM_ALGORITHM_UNSUPPORTED", structure: "TPMT_SIGNATURE", algorithm });
}
