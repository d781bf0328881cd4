import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash as digest,
  type KeyObject,
  publicEncrypt,
  sign,
  timingSafeEqual,
  verify,
} from "node:crypto";
import type { Crypto, HashAlgorithm, SignatureAlgorithm } from "@vedette/base";
import { ECDSA_SCALAR_LENGTH, ecdsaSignatureToDer } from "@vedette/x509";

/** One entry is about 1 KiB; a site has at most a few thousand identities that sign within a minute. */
const KEY_CACHE_MAX = 4_096;
const AEAD_TAG_LENGTH = 16;

/** The `Crypto` port on node:crypto (OpenSSL). Imported public keys are kept, because the import costs as much as the check. */
export function createNodeCrypto(): Crypto {
  const keyBySpki = new Map<string, KeyObject | undefined>();
  const importKey = (spki: Uint8Array): KeyObject | undefined => {
    const id = Buffer.from(spki).toString("latin1");
    if (keyBySpki.has(id)) return keyBySpki.get(id);
    const key = tryImport(spki);
    if (keyBySpki.size >= KEY_CACHE_MAX) keyBySpki.clear();
    keyBySpki.set(id, key);
    return key;
  };
  return {
    hash: (algorithm, data) => bytes(digest(algorithm, data, "buffer")),
    hmac: (algorithm, key, data) => bytes(createHmac(algorithm, key).update(data).digest()),
    verify: (algorithm, spki, message, signature) => {
      const key = importKey(spki);
      return key !== undefined && fits(algorithm, key) && tryVerify(algorithm, key, message, signature);
    },
    verifyEcdsaDer: (hash, spki, message, signature) => {
      const key = importKey(spki);
      return key !== undefined && curveOf(key) !== undefined && tryVerifyDer(hash, key, message, signature);
    },
    sign: (algorithm, pkcs8, message) => {
      const key = tryImportPrivate(pkcs8);
      return key !== undefined && fits(algorithm, key) ? trySign(algorithm, key, message) : undefined;
    },
    publicKeyOf: (pkcs8) => {
      const key = tryImportPrivate(pkcs8);
      return key && bytes(createPublicKey(key).export({ format: "der", type: "spki" }));
    },
    legacyHash: (algorithm, data) => bytes(digest(algorithm, data, "buffer")),
    legacyHmac: (algorithm, key, data) => bytes(createHmac(algorithm, key).update(data).digest()),
    isEqual: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    encryptRsaOaep: (spki, hash, label, plaintext) => {
      const key = importKey(spki);
      if (key?.asymmetricKeyType !== "rsa") return undefined;
      return bytes(
        publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash, oaepLabel: label }, plaintext),
      );
    },
    encryptAesCfb: (key, iv, plaintext) => {
      const cipher = createCipheriv(`aes-${key.length * 8}-cfb`, key, iv);
      return bytes(Buffer.concat([cipher.update(plaintext), cipher.final()]));
    },
    sealAead: (key, nonce, plaintext, associated) => {
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(associated);
      return bytes(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
    },
    openAead: (key, nonce, sealed, associated) => {
      if (sealed.length < AEAD_TAG_LENGTH) return undefined;
      const split = sealed.length - AEAD_TAG_LENGTH;
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: AEAD_TAG_LENGTH })
        .setAAD(associated)
        .setAuthTag(sealed.subarray(split));
      const plaintext = decipher.update(sealed.subarray(0, split));
      try {
        return bytes(Buffer.concat([plaintext, decipher.final()]));
      } catch {
        // The port's answer for a tag that does not verify is undefined; OpenSSL gives no further reason.
        return undefined;
      }
    },
  };
}

/** Node's Buffers come from a shared pool; core gets plain Uint8Arrays so that equality and JSON behave. */
function bytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function tryImport(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    // Hostile bytes that are no key: remembered as such.
    return undefined;
  }
}

function tryImportPrivate(pkcs8: Uint8Array): KeyObject | undefined {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  } catch {
    // Hostile bytes that are no key.
    return undefined;
  }
}

/** A key is only used for the algorithm that its kind was made for. */
function fits(algorithm: SignatureAlgorithm, key: KeyObject): boolean {
  switch (algorithm) {
    case "ES256":
    case "ES384":
    case "ES512":
      return curveOf(key) === algorithm;
    case "Ed25519":
      return key.asymmetricKeyType === "ed25519";
    case "RS256":
    case "RS384":
    case "RS512":
    case "PS256":
    case "PS384":
    case "PS512":
      return key.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MODULUS_BITS_MIN;
    default:
      return false;
  }
}
/** NIST SP 800-131A: shorter RSA moduli are disallowed. */
const RSA_MODULUS_BITS_MIN = 2_048;

/** The algorithm that JOSE pairs with the key's curve (RFC 7518 §3.4). */
function curveOf(key: KeyObject): "ES256" | "ES384" | "ES512" | undefined {
  switch (key.asymmetricKeyType === "ec" ? key.asymmetricKeyDetails?.namedCurve : undefined) {
    case "prime256v1":
      return "ES256";
    case "secp384r1":
      return "ES384";
    case "secp521r1":
      return "ES512";
    default:
      return undefined;
  }
}

function tryVerify(algorithm: SignatureAlgorithm, key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    switch (algorithm) {
      case "ES256":
      case "ES384":
      case "ES512":
        // OpenSSL's own form: asking Node for IEEE P1363 costs half as much again as the check itself.
        if (signature.length !== 2 * ECDSA_SCALAR_LENGTH[algorithm]) return false;
        return verify(hashOf(algorithm), message, key, ecdsaSignatureToDer(signature));
      case "PS256":
      case "PS384":
      case "PS512":
        return verify(hashOf(algorithm), message, { key, ...PSS }, signature);
      default:
        return verify(hashOf(algorithm), message, key, signature);
    }
  } catch {
    // OpenSSL throws on signatures it cannot parse; for the caller that is a signature that does not verify.
    return false;
  }
}
/** The salt is as long as the hash (RFC 7518 §3.5). */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

function tryVerifyDer(hash: HashAlgorithm, key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(hash, message, key, signature);
  } catch {
    // As above.
    return false;
  }
}

function trySign(algorithm: SignatureAlgorithm, key: KeyObject, message: Uint8Array): Uint8Array | undefined {
  const options = algorithm.startsWith("PS") ? PSS : { dsaEncoding: "ieee-p1363" as const };
  try {
    return bytes(sign(hashOf(algorithm), message, { key, ...options }));
  } catch {
    // A key that imports but cannot be used: its numbers do not belong together.
    return undefined;
  }
}

function hashOf(algorithm: SignatureAlgorithm): HashAlgorithm | null {
  if (algorithm === "Ed25519") return null;
  return algorithm.endsWith("384") ? "sha384" : algorithm.endsWith("512") ? "sha512" : "sha256";
}
