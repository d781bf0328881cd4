import { assert, ByteWriter, type Crypto, utf8 } from "@vedette/base";

/** What one enrolment or renewal ties together (PROTOCOLS 2.4). */
export interface Binding {
  /** 32 bytes, from the challenge. */
  readonly nonce: Uint8Array;
  /** 32 bytes that only the TPM with this EK and this AK can know; zeros from the software attester, which has neither. */
  readonly activationSecret: Uint8Array;
  /** SHA-256 of message 1 exactly as it was sent. */
  readonly messageDigest: Uint8Array;
  /** The TLS key that the SVID will name. */
  readonly spki: Uint8Array;
  readonly journalSize: number;
  /** 32 bytes; zeros, with size zero, at first enrolment and for whoever keeps no journal. */
  readonly journalRoot: Uint8Array;
}

const BINDING_LABEL = "vedette/enrol/1";
/** Nonce, secret, digest and root: all of one SHA-256. */
export const BINDING_PART_LENGTH = 32;

/**
 * PROTOCOLS 2.4: the 32 bytes that the quote carries as extraData and that the TLS key signs. All parts but the label
 * have a fixed length, so no two bindings share an encoding. Used by attester and verifier.
 */
export function bindingDigest(binding: Binding, crypto: Crypto): Uint8Array {
  const { nonce, activationSecret, messageDigest, spki, journalSize, journalRoot } = binding;
  for (const part of [nonce, activationSecret, messageDigest, journalRoot])
    assert(part.length === BINDING_PART_LENGTH, "every part of a binding has 32 bytes");
  assert(Number.isSafeInteger(journalSize) && journalSize >= 0, "a journal size is a whole number");
  const input = new ByteWriter()
    .raw(utf8(BINDING_LABEL))
    .raw(nonce)
    .raw(activationSecret)
    .raw(messageDigest)
    .raw(crypto.hash("sha256", spki))
    .u64(BigInt(journalSize))
    .raw(journalRoot);
  return crypto.hash("sha256", input.finish());
}
