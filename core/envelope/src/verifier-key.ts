import {
  assert,
  ByteReader,
  ByteWriter,
  base64,
  type Crypto,
  concatBytes,
  err,
  hex,
  isSameBytes,
  ok,
  parseBase64,
  parseHex,
  type Result,
  type Signer,
  utf8,
} from "@vedette/base";

/** What a key says when it signs: "I issued this text" or, as a cosigner, "I saw this text at that time". */
export type NoteKeyKind = "ed25519" | "cosignature";

/** A key that may sign notes, known by its name and id together (C2SP signed-note, "Verifier keys"). */
export interface VerifierKey {
  readonly kind: NoteKeyKind;
  readonly name: string;
  readonly keyId: number;
  /** SubjectPublicKeyInfo, DER, of an Ed25519 key (RFC 8410). */
  readonly spki: Uint8Array;
}

export interface VerifierKeyError {
  readonly code: "VERIFIER_KEY_INVALID";
}

/** A private key with the name it signs notes under. */
export interface NoteSigner {
  readonly key: VerifierKey;
  readonly signer: Signer;
}

/** Type bytes assigned by signed-note and tlog-cosignature. */
const typeOf: Readonly<Record<NoteKeyKind, number>> = { ed25519: 0x01, cosignature: 0x04 };
/** RFC 8410 §4: every Ed25519 SubjectPublicKeyInfo is this and then the 32 bytes of RFC 8032. */
const SPKI_PREFIX: readonly number[] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const PUBLIC_KEY_LENGTH = 32;
/** A name, eight hex digits and 33 bytes in base64; names are host names with a path. */
const VERIFIER_KEY_LENGTH_MAX = 1_024;

/** `spki` must be an Ed25519 key and `name` a key name; both come from our own configuration. */
export function verifierKeyOf(
  kind: NoteKeyKind,
  name: string,
  spki: Uint8Array,
  crypto: Pick<Crypto, "hash">,
): VerifierKey {
  assert(isKeyName(name), "a note key's name has no spaces and no plus sign");
  assert(publicKeyOf(spki) !== undefined, "notes are signed with Ed25519 keys");
  return { kind, name, spki, keyId: keyIdOf(kind, name, spki, crypto) };
}

export function noteSignerOf(
  kind: NoteKeyKind,
  name: string,
  signer: Signer,
  crypto: Pick<Crypto, "hash">,
): NoteSigner {
  return { key: verifierKeyOf(kind, name, signer.spki, crypto), signer };
}

/** `<name>+<key id in hex>+<base64 of type and public key>`; the id must be the recommended hash of the rest. */
export function parseVerifierKey(text: string, crypto: Pick<Crypto, "hash">): Result<VerifierKey, VerifierKeyError> {
  const invalid = err({ code: "VERIFIER_KEY_INVALID" as const });
  if (text.length > VERIFIER_KEY_LENGTH_MAX) return invalid;
  // Only the first two "+" separate: base64 has the character too.
  const [, name = "", id = "", encoded = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text) ?? [];
  const keyId = parseHex(id);
  const material = parseBase64(encoded);
  if (!isKeyName(name) || !keyId.ok || !material.ok || material.value.length !== 1 + PUBLIC_KEY_LENGTH) return invalid;
  const kind = kindOf(material.value[0]);
  if (!kind) return invalid;
  const spki = concatBytes(Uint8Array.from(SPKI_PREFIX), material.value.subarray(1));
  const key = verifierKeyOf(kind, name, spki, crypto);
  return key.keyId === new ByteReader(keyId.value).u32() ? ok(key) : invalid;
}

export function formatVerifierKey(key: VerifierKey): string {
  const material = concatBytes(Uint8Array.of(typeOf[key.kind]), key.spki.subarray(SPKI_PREFIX.length));
  return `${key.name}+${hex(new ByteWriter().u32(key.keyId).finish())}+${base64(material)}`;
}

/** Key names are non-empty, without Unicode spaces and "+"; control characters cannot stand in a note at all. */
export function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return name.length > 0 && name.isWellFormed() && !/[\p{White_Space}\u0000-\u001f+]/u.test(name);
}

/** key ID = SHA-256(key name ‖ 0x0A ‖ signature type ‖ public key)[:4] */
function keyIdOf(kind: NoteKeyKind, name: string, spki: Uint8Array, crypto: Pick<Crypto, "hash">): number {
  const named = concatBytes(utf8(`${name}\n`), Uint8Array.of(typeOf[kind]), publicKeyOf(spki) ?? new Uint8Array(0));
  return new ByteReader(crypto.hash("sha256", named)).u32();
}

function publicKeyOf(spki: Uint8Array): Uint8Array | undefined {
  const prefix = spki.subarray(0, SPKI_PREFIX.length);
  const publicKey = spki.subarray(SPKI_PREFIX.length);
  return isSameBytes(prefix, Uint8Array.from(SPKI_PREFIX)) && publicKey.length === PUBLIC_KEY_LENGTH
    ? publicKey
    : undefined;
}

function kindOf(type: number | undefined): NoteKeyKind | undefined {
  if (type === typeOf.ed25519) return "ed25519";
  return type === typeOf.cosignature ? "cosignature" : undefined;
}
