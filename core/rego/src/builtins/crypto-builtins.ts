import { type HashAlgorithm, hex } from "@vedette/base";
import { BOOLEAN, functionOf, STRING } from "../types.ts";
import type { Builtin, BuiltinContext } from "./builtin.ts";
import { taking } from "./operands.ts";
import { textToBytes } from "./text-bytes.ts";

/** OPA policy reference, "Crypto", hashes and message authentication. MD5 and SHA-1 are for comparing with what others made. */
export const CRYPTO_BUILTINS: readonly Builtin[] = [
  hashBuiltin("crypto.md5", ({ crypto }, text) => crypto.legacyHash("md5", text)),
  hashBuiltin("crypto.sha1", ({ crypto }, text) => crypto.hash("sha1", text)),
  hashBuiltin("crypto.sha256", ({ crypto }, text) => crypto.hash("sha256", text)),
  hmacBuiltin("crypto.hmac.md5", ({ crypto }, key, text) => crypto.legacyHmac("md5", key, text)),
  hmacBuiltin("crypto.hmac.sha1", hmac("sha1")),
  hmacBuiltin("crypto.hmac.sha256", hmac("sha256")),
  hmacBuiltin("crypto.hmac.sha512", hmac("sha512")),
  {
    name: "crypto.hmac.equal",
    type: functionOf([STRING, STRING], BOOLEAN),
    run: taking(["string", "string"], ({ crypto }, one, other) => crypto.isEqual(textToBytes(one), textToBytes(other))),
  },
];

function hashBuiltin(name: string, hash: (context: BuiltinContext, text: Uint8Array) => Uint8Array): Builtin {
  return {
    name,
    type: functionOf([STRING], STRING),
    run: taking(["string"], (context, text) => hex(hash(context, textToBytes(text)))),
  };
}

type Mac = (context: BuiltinContext, key: Uint8Array, text: Uint8Array) => Uint8Array;

function hmac(algorithm: HashAlgorithm): Mac {
  return ({ crypto }, key, text) => crypto.hmac(algorithm, key, text);
}

function hmacBuiltin(name: string, mac: Mac): Builtin {
  return {
    name,
    type: functionOf([STRING, STRING], STRING),
    run: taking(["string", "string"], (context, text, key) => hex(mac(context, textToBytes(key), textToBytes(text)))),
  };
}
