import { AdapterError, type Crypto, hex, type SignatureAlgorithm } from "@vedette/base";
import { sha256 } from "./sha256.ts";
import type { SubtleVerifier, WebAlgorithm } from "./web-host.ts";

/**
 * What a host can do within one call: SHA-256. All else throws `AdapterError` CRYPTO_MISSING, and whoever evaluates turns that
 * into a denial or a refusal; nothing here ever answers that a signature is good.
 */
export function basicCrypto(): Crypto {
  const missing = (): never => {
    throw new AdapterError("CRYPTO_MISSING", "the policy uses cryptography that this PDP was not given");
  };
  return {
    hash: (algorithm, data) => (algorithm === "sha256" ? sha256(data) : missing()),
    hmac: missing,
    verify: missing,
    verifyEcdsaDer: missing,
    sign: missing,
    publicKeyOf: missing,
    legacyHash: missing,
    legacyHmac: missing,
    isEqual: missing,
    encryptRsaOaep: missing,
    encryptAesCfb: missing,
    sealAead: missing,
    openAead: missing,
  };
}

/** Signatures that one bundle can have us ask about: it bears one, and a site has a few policy keys. */
const QUESTIONS_MAX = 16;

/**
 * Runs `work`, which asks for signatures within one call, over WebCrypto, which answers only later: what is not known yet
 * counts as bad, is asked, and `work` runs again. Its last run had every answer.
 */
export async function withSignatures<T>(work: (crypto: Crypto) => T, subtle: SubtleVerifier): Promise<T> {
  const known = new Map<string, boolean>();
  for (let asked = 0; ; asked++) {
    let open: (() => Promise<void>) | undefined;
    const crypto: Crypto = {
      ...basicCrypto(),
      verify: (algorithm, spki, message, signature) => {
        const question = [algorithm, hex(spki), hex(message), hex(signature)].join(" ");
        const answer = known.get(question);
        if (answer === undefined)
          open ??= async () => void known.set(question, await isSigned(algorithm, spki, message, signature, subtle));
        return answer ?? false;
      },
    };
    const result = work(crypto);
    if (!open || asked === QUESTIONS_MAX) return result;
    await open();
  }
}

const WEB_ALGORITHMS: Readonly<Partial<Record<SignatureAlgorithm, WebAlgorithm>>> = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  Ed25519: { name: "Ed25519" },
};

async function isSigned(
  algorithm: SignatureAlgorithm,
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  subtle: SubtleVerifier,
): Promise<boolean> {
  const web = WEB_ALGORITHMS[algorithm];
  if (!web) return false;
  try {
    const key = await subtle.importKey("spki", spki.slice(), web, false, ["verify"]);
    return await subtle.verify(web, key, signature.slice(), message.slice());
  } catch {
    // No key of that kind, or a host without the algorithm: not verified, so not good.
    return false;
  }
}
