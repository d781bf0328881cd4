import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { AdapterError, assert, Secret, type Signer } from "@vedette/base";
import { parseEcdsaSignature } from "@vedette/x509";

export type KeyAlgorithm = Signer["algorithm"];

/** A software key: a `Signer`, and its PKCS #8 form for TLS and for sealing at rest. */
export interface SoftwareKey extends Signer {
  exportPkcs8(): Secret;
}

export function generateKey(algorithm: KeyAlgorithm): SoftwareKey {
  const { privateKey } =
    algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  return softwareKey(algorithm, privateKey);
}

/** Throws `AdapterError` KEY_INVALID when the bytes are not a PKCS #8 key of a kind we use (P-256, Ed25519). */
export function importKey(pkcs8: Secret): SoftwareKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(pkcs8.reveal()), format: "der", type: "pkcs8" });
  } catch (cause) {
    throw new AdapterError("KEY_INVALID", "key file is not PKCS #8", {}, cause);
  }
  if (key.asymmetricKeyType === "ed25519") return softwareKey("Ed25519", key);
  if (key.asymmetricKeyDetails?.namedCurve === "prime256v1") return softwareKey("ES256", key);
  throw new AdapterError("KEY_INVALID", "key is neither P-256 nor Ed25519", { kind: key.asymmetricKeyType });
}

function softwareKey(algorithm: KeyAlgorithm, key: KeyObject): SoftwareKey {
  const spki = new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }));
  return {
    algorithm,
    spki,
    sign: (message) => (algorithm === "Ed25519" ? bytes(sign(null, message, key)) : signEcdsa(message, key)),
    exportPkcs8: () => new Secret(bytes(key.export({ format: "der", type: "pkcs8" }))),
  };
}

/** Twice as fast as asking Node for IEEE P1363. */
function signEcdsa(message: Uint8Array, key: KeyObject): Uint8Array {
  const raw = parseEcdsaSignature(bytes(sign("sha256", message, key)), "ES256");
  assert(raw.ok, "OpenSSL signs in the form of RFC 3279");
  return raw.value;
}

function bytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}
