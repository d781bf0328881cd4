import { type Crypto, err, isSameBytes, ok, type Result } from "@vedette/base";
import { type AttestationKey, parseAttestationKey } from "./attestation-key.ts";
import type { QuoteError } from "./errors.ts";
import { isSameSelection, type PcrSelection, type PcrValues, pcrDigestOf, valuesInOrder } from "./pcr.ts";
import { coordinateLength } from "./tpm-algorithms.ts";
import { parseTpmQuote, type TpmClock } from "./tpm-attest.ts";
import { ecdsaToP1363, parseTpmSignature, type TpmSignature } from "./tpm-signature.ts";

export interface QuoteEvidence {
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: Uint8Array;
  /** TPMS_ATTEST. */
  readonly quoted: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly quoteSignature: Uint8Array;
  readonly pcrValues: PcrValues;
}

export interface QuoteExpectation {
  readonly selection: PcrSelection;
  readonly extraData: Uint8Array;
}

export interface VerifiedQuote {
  readonly ak: AttestationKey;
  readonly clock: TpmClock;
  readonly firmwareVersion: string;
  /** The reported values, now known to be those that the TPM signed. */
  readonly pcrValues: PcrValues;
}

/**
 * PROTOCOLS 2.3 and 2.4: the holder of this AK made this quote, over exactly this selection, for exactly this purpose. That
 * the AK lives in a TPM as its attributes say is not in the quote: the activation secret inside `extraData` shows it.
 */
export function verifyQuote(
  evidence: QuoteEvidence,
  expected: QuoteExpectation,
  crypto: Crypto,
): Result<VerifiedQuote, QuoteError> {
  const ak = parseAttestationKey(evidence.akPublic, crypto);
  if (!ak.ok) return ak;
  const quote = parseTpmQuote(evidence.quoted);
  if (!quote.ok) return quote;
  const signature = parseTpmSignature(evidence.quoteSignature);
  if (!signature.ok) return signature;
  if (!isSignedBy(ak.value, signature.value, evidence.quoted, crypto)) return err({ code: "QUOTE_SIGNATURE_INVALID" });
  const { selections, pcrDigest, extraData, clock, firmwareVersion } = quote.value;
  const [selection, ...others] = selections;
  if (!selection || others.length > 0 || !isSameSelection(selection, expected.selection))
    return err({ code: "QUOTE_SELECTION_MISMATCH" });
  const values = valuesInOrder(expected.selection, evidence.pcrValues);
  if (!values) return err({ code: "QUOTE_PCR_VALUES_MALFORMED" });
  if (!isSameBytes(pcrDigest, pcrDigestOf(values, ak.value.hash, crypto)))
    return err({ code: "QUOTE_PCR_DIGEST_MISMATCH" });
  if (!crypto.isEqual(extraData, expected.extraData)) return err({ code: "QUOTE_BINDING_MISMATCH" });
  return ok({ ak: ak.value, clock, firmwareVersion, pcrValues: evidence.pcrValues });
}

/** The signature's scheme must be the one the key is bound to; the key decides, never the signature. */
function isSignedBy(ak: AttestationKey, signature: TpmSignature, message: Uint8Array, crypto: Crypto): boolean {
  if (signature.algorithm !== ak.public.scheme?.algorithm || signature.hash !== ak.hash) return false;
  const raw = rawSignature(ak, signature);
  return raw !== undefined && crypto.verify(ak.algorithm, ak.spki, message, raw);
}

function rawSignature(ak: AttestationKey, signature: TpmSignature): Uint8Array | undefined {
  if (signature.algorithm === "rsassa") return signature.signature;
  if (ak.public.type !== "ecc") return undefined;
  return ecdsaToP1363(signature.r, signature.s, coordinateLength[ak.public.curve]);
}
