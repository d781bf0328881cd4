import { ByteWriter } from "@vedette/base";
import { ALGORITHM, CURVE_P256, OBJECT } from "./wire.ts";

// INVARIANT: these bytes are part of every enrolled identity. A changed template is another key after the next boot.

const EMPTY: Uint8Array = new Uint8Array(0);
const FIXED = OBJECT.fixedTpm | OBJECT.fixedParent;

// curve, no key derivation, x and y left to the TPM
const P256_WITHOUT_POINT: Uint8Array = new ByteWriter()
  .u16(CURVE_P256)
  .u16(ALGORITHM.none)
  .sized16(EMPTY)
  .sized16(EMPTY)
  .finish();

/**
 * The attestation key: ECC P-256, restricted signing, ECDSA with SHA-256 (PROTOCOLS 2.3). Outside dictionary-attack protection,
 * because its password is empty and a locked-out TPM must still be able to attest.
 */
export const AK_TEMPLATE: Uint8Array = signingTemplate(OBJECT.restricted);

/** Signs anything, so it can sign a forged quote: a verifier must refuse it. For the tests that hold this against it. */
export const UNRESTRICTED_KEY_TEMPLATE: Uint8Array = signingTemplate(0);

function signingTemplate(restricted: number): Uint8Array {
  const attributes =
    FIXED | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.noDictionaryAttack | OBJECT.sign | restricted;
  return new ByteWriter()
    .u16(ALGORITHM.ecc)
    .u16(ALGORITHM.sha256)
    .u32(attributes)
    .sized16(EMPTY)
    .u16(ALGORITHM.none)
    .u16(ALGORITHM.ecdsa)
    .u16(ALGORITHM.sha256)
    .raw(P256_WITHOUT_POINT)
    .finish();
}

/** The storage root: TCG Provisioning Guidance, ECC P-256 with AES-128-CFB. */
export const SRK_TEMPLATE: Uint8Array = new ByteWriter()
  .u16(ALGORITHM.ecc)
  .u16(ALGORITHM.sha256)
  .u32(
    FIXED |
      OBJECT.sensitiveDataOrigin |
      OBJECT.userWithAuth |
      OBJECT.noDictionaryAttack |
      OBJECT.restricted |
      OBJECT.decrypt,
  )
  .sized16(EMPTY)
  .u16(ALGORITHM.aes)
  .u16(128)
  .u16(ALGORITHM.cfb)
  .u16(ALGORITHM.none)
  .raw(P256_WITHOUT_POINT)
  .finish();

// TPM2_PolicySecret(TPM_RH_ENDORSEMENT): PolicyA of TCG EK Credential Profile v2.5, B.6.2.
const EK_POLICY: Uint8Array = Uint8Array.from([
  0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7,
  0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
]);

/** The endorsement key: TCG EK Credential Profile v2.5, B.3.3, template L-1 (RSA 2048). */
export const EK_TEMPLATE: Uint8Array = new ByteWriter()
  .u16(ALGORITHM.rsa)
  .u16(ALGORITHM.sha256)
  .u32(FIXED | OBJECT.sensitiveDataOrigin | OBJECT.adminWithPolicy | OBJECT.restricted | OBJECT.decrypt)
  .sized16(EK_POLICY)
  .u16(ALGORITHM.aes)
  .u16(128)
  .u16(ALGORITHM.cfb)
  .u16(ALGORITHM.none)
  .u16(2_048)
  .u32(0)
  .sized16(new Uint8Array(256))
  .finish();

/** Data sealed under a policy alone: no password opens it, and guessing one is no reason for a lock-out. */
export function sealedTemplate(policy: Uint8Array): Uint8Array {
  return new ByteWriter()
    .u16(ALGORITHM.keyedHash)
    .u16(ALGORITHM.sha256)
    .u32(FIXED | OBJECT.adminWithPolicy | OBJECT.noDictionaryAttack)
    .sized16(policy)
    .u16(ALGORITHM.none)
    .sized16(EMPTY)
    .finish();
}
