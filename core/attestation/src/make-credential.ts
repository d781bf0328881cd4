import { ByteWriter, type Crypto, concatBytes, type Random, utf8 } from "@vedette/base";

/** What TPM2_ActivateCredential takes (TPM 2.0 Part 3 §12.5), each without the outer TPM2B length. */
export interface ProtectedCredential {
  /** TPMS_ID_OBJECT: TPM2B integrity HMAC ‖ encrypted identity. */
  readonly credentialBlob: Uint8Array;
  /** TPM2B_ENCRYPTED_SECRET's content: the seed under the EK. */
  readonly encryptedSecret: Uint8Array;
}

/** Seed, HMAC key and AES key of the L-1 EK template (TCG EK credential profile §B.3.3): nameAlg SHA-256, AES-128-CFB. */
const EK_NAME_ALGORITHM = "sha256";
const SEED_LENGTH = 32;
const HMAC_KEY_BITS = 256;
const AES_KEY_BITS = 128;
const AES_BLOCK_LENGTH = 16;

/**
 * TPM2_MakeCredential in software (TPM 2.0 Part 1 §24): only the TPM that holds the private EK *and* an object of the
 * given Name gives `secret` back. `ekSpki` comes from a verified EK certificate and is RSA-2048 with the L-1 template.
 * Undefined when the cipher cannot use the key.
 */
export function makeCredential(
  ekSpki: Uint8Array,
  akName: Uint8Array,
  secret: Uint8Array,
  { crypto, random }: { readonly crypto: Crypto; readonly random: Random },
): ProtectedCredential | undefined {
  const seed = random.bytes(SEED_LENGTH);
  const encryptedSecret = crypto.encryptRsaOaep(ekSpki, EK_NAME_ALGORITHM, utf8("IDENTITY\0"), seed);
  if (!encryptedSecret) return undefined;
  const aesKey = kdfa(seed, "STORAGE", akName, AES_KEY_BITS, crypto);
  const identity = new ByteWriter().sized16(secret).finish();
  // Part 1 §24.4: the IV is zero; the seed, and so the key, is used once.
  const encryptedIdentity = crypto.encryptAesCfb(aesKey, new Uint8Array(AES_BLOCK_LENGTH), identity);
  const hmacKey = kdfa(seed, "INTEGRITY", new Uint8Array(0), HMAC_KEY_BITS, crypto);
  const integrity = crypto.hmac(EK_NAME_ALGORITHM, hmacKey, concatBytes(encryptedIdentity, akName));
  return { credentialBlob: new ByteWriter().sized16(integrity).raw(encryptedIdentity).finish(), encryptedSecret };
}

/** KDFa (TPM 2.0 Part 1 §11.4.10.2: SP 800-108 in counter mode with HMAC) for at most one digest of key material. */
function kdfa(key: Uint8Array, label: string, contextU: Uint8Array, bits: number, crypto: Crypto): Uint8Array {
  const input = new ByteWriter().u32(1).raw(utf8(label)).u8(0).raw(contextU).u32(bits).finish();
  return crypto.hmac(EK_NAME_ALGORITHM, key, input).slice(0, bits / 8);
}
