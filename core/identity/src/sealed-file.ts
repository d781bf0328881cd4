import { assert, type Crypto, concatBytes, err, ok, type Random, type Result, type Secret, utf8 } from "@vedette/base";
import type { SealedFileError } from "./errors.ts";

/** AES-256. */
const DATA_KEY_LENGTH = 32;
/** NIST SP 800-38D §8.2.2: 96 random bits serve 2^32 files under one key. */
const NONCE_LENGTH = 12;
const FORMAT_VERSION = 1;
const HEADER_LENGTH = 1 + NONCE_LENGTH;

/**
 * A secret file as it lies on disk (PROTOCOLS 4.1): version octet ‖ nonce ‖ AES-256-GCM under the data key. The purpose is
 * authenticated, so that one sealed file cannot be put in the place of another.
 */
export function sealFile(
  purpose: string,
  plaintext: Uint8Array,
  dataKey: Secret,
  deps: { readonly random: Random; readonly crypto: Crypto },
): Uint8Array {
  const nonce = deps.random.bytes(NONCE_LENGTH);
  const sealed = deps.crypto.sealAead(keyOf(dataKey), nonce, plaintext, associated(purpose));
  return concatBytes(Uint8Array.of(FORMAT_VERSION), nonce, sealed);
}

/** SEAL_BROKEN for another key, another purpose, another version, or a changed octet. */
export function openFile(
  purpose: string,
  sealed: Uint8Array,
  dataKey: Secret,
  crypto: Crypto,
): Result<Uint8Array, SealedFileError> {
  const key = keyOf(dataKey);
  if (sealed.length < HEADER_LENGTH || sealed[0] !== FORMAT_VERSION) return err({ code: "SEAL_BROKEN" });
  const nonce = sealed.subarray(1, HEADER_LENGTH);
  const plaintext = crypto.openAead(key, nonce, sealed.subarray(HEADER_LENGTH), associated(purpose));
  return plaintext === undefined ? err({ code: "SEAL_BROKEN" }) : ok(plaintext);
}

function associated(purpose: string): Uint8Array {
  return utf8(`vedette/sealed/${FORMAT_VERSION}/${purpose}`);
}

function keyOf(dataKey: Secret): Uint8Array {
  const key = dataKey.reveal();
  assert(key.length === DATA_KEY_LENGTH, "the data key has 32 octets");
  return key;
}
