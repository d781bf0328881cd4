import {
  assert,
  ByteReader,
  ByteWriter,
  base64,
  type Crypto,
  concatBytes,
  err,
  type Instant,
  instant,
  ok,
  parseBase64,
  parseUtf8,
  type Result,
  utf8,
} from "@vedette/base";
import { isKeyName, type NoteSigner, type VerifierKey } from "./verifier-key.ts";

export type NoteError =
  | { readonly code: "NOTE_MALFORMED" }
  | { readonly code: "NOTE_TOO_LARGE"; readonly length: number; readonly lengthMax: number }
  | { readonly code: "NOTE_SIGNATURE_INVALID"; readonly name: string }
  | { readonly code: "NOTE_SIGNER_UNKNOWN" };

/** C2SP signed-note: a text ending in a newline, and signatures over it by named keys. Nothing in it is trusted yet. */
export interface SignedNote {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface NoteSignature {
  readonly name: string;
  /** The first four bytes of a hash, big-endian: a name for a key, not a proof of it. */
  readonly keyId: number;
  readonly signature: Uint8Array;
}

/** A signature that one of the given keys made; a cosignature also says when. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  readonly cosignedAt?: Instant;
}

/** signed-note asks for room for 16 signatures, and a post-quantum one takes 6.6 kB in base64. */
export const NOTE_LENGTH_MAX = 131_072;

const SIGNATURE_PREFIX = "— ";
const UINT32_LENGTH = 4;
const UINT64_LENGTH = 8;

/** Reads the outer form only; `verifyNote` says who signed. */
export function parseNote(note: Uint8Array | string): Result<SignedNote, NoteError> {
  if (note.length > NOTE_LENGTH_MAX)
    return err({ code: "NOTE_TOO_LARGE", length: note.length, lengthMax: NOTE_LENGTH_MAX });
  const decoded = typeof note === "string" ? ok(note) : parseUtf8(note);
  if (!decoded.ok || !isNoteText(decoded.value)) return err({ code: "NOTE_MALFORMED" });
  // "the text is separated from the signatures by the last empty line in the note"
  const split = decoded.value.lastIndexOf("\n\n");
  if (split < 0 || !decoded.value.endsWith("\n")) return err({ code: "NOTE_MALFORMED" });
  const signatures = parseNoteSignatures(decoded.value.slice(split + 2));
  return signatures.ok ? ok({ text: decoded.value.slice(0, split + 1), signatures: signatures.value }) : signatures;
}

/** One or more signature lines alone, as a witness or mirror answers them. */
export function parseNoteSignatures(lines: string): Result<readonly NoteSignature[], NoteError> {
  const signatures: NoteSignature[] = [];
  if (!lines.endsWith("\n")) return err({ code: "NOTE_MALFORMED" });
  for (const line of lines.slice(0, -1).split("\n")) {
    const signature = parseSignatureLine(line);
    if (!signature) return err({ code: "NOTE_MALFORMED" });
    signatures.push(signature);
  }
  return ok(signatures);
}

export function formatNote(note: SignedNote): string {
  return `${note.text}\n${note.signatures.map(formatNoteSignature).join("")}`;
}

/** One signature line with its newline. */
export function formatNoteSignature(signature: NoteSignature): string {
  const bytes = new ByteWriter().u32(signature.keyId).raw(signature.signature).finish();
  return `${SIGNATURE_PREFIX}${signature.name} ${base64(bytes)}\n`;
}

/** Signature type 0x01: Ed25519 over the text. */
export function signNote(text: string, { key, signer }: NoteSigner): NoteSignature {
  assert(isNoteText(text) && text.endsWith("\n"), "a note's text is lines without control characters");
  assert(key.kind === "ed25519", "a cosigner's key signs cosignatures only");
  return { name: key.name, keyId: key.keyId, signature: signer.sign(utf8(text)) };
}

/** Signature type 0x04, tlog-cosignature `cosignature/v1`: the text as seen at `now`, in whole seconds. */
export function cosignNote(text: string, { key, signer }: NoteSigner, now: Instant): NoteSignature {
  assert(key.kind === "cosignature", "cosignatures need a key of their own kind");
  const timestamp = BigInt(Math.floor(now / 1_000));
  const signature = signer.sign(cosignedMessage(text, timestamp));
  return { name: key.name, keyId: key.keyId, signature: new ByteWriter().u64(timestamp).raw(signature).finish() };
}

/**
 * Who of `keys` signed the note: at least one, in the order of `keys`. Signatures by other keys are ignored; one by a
 * known key that does not verify spoils the whole note (signed-note, "Signatures").
 */
export function verifyNote(
  note: SignedNote,
  keys: readonly VerifierKey[],
  crypto: Pick<Crypto, "verify">,
): Result<readonly VerifiedSignature[], NoteError> {
  const verified: VerifiedSignature[] = [];
  for (const key of keys) {
    const signatures = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.keyId);
    const [first] = signatures.map((signature) => verifySignature(note.text, signature, key, crypto));
    if (signatures.length === 0) continue;
    // Two lines by one key would let each reader pick another one.
    if (signatures.length > 1 || !first) return err({ code: "NOTE_SIGNATURE_INVALID", name: key.name });
    verified.push(first);
  }
  return verified.length > 0 ? ok(verified) : err({ code: "NOTE_SIGNER_UNKNOWN" });
}

function verifySignature(
  text: string,
  { signature }: NoteSignature,
  key: VerifierKey,
  crypto: Pick<Crypto, "verify">,
): VerifiedSignature | undefined {
  if (key.kind === "ed25519") return crypto.verify("Ed25519", key.spki, utf8(text), signature) ? { key } : undefined;
  const reader = new ByteReader(signature);
  const timestamp = reader.u64();
  // tlog-cosignature allows up to 2^63 - 1; past the last date of ECMAScript there is no instant to speak of.
  if (!reader.isWhole || timestamp > TIMESTAMP_MAX) return undefined;
  const message = cosignedMessage(text, timestamp);
  if (!crypto.verify("Ed25519", key.spki, message, signature.subarray(UINT64_LENGTH))) return undefined;
  return { key, cosignedAt: instant(Number(timestamp) * 1_000) };
}
const TIMESTAMP_MAX = 8_640_000_000_000n;

function cosignedMessage(text: string, timestamp: bigint): Uint8Array {
  return concatBytes(utf8(`cosignature/v1\ntime ${timestamp}\n`), utf8(text));
}

function parseSignatureLine(line: string): NoteSignature | undefined {
  if (!line.startsWith(SIGNATURE_PREFIX)) return undefined;
  const [name = "", encoded = "", ...rest] = line.slice(SIGNATURE_PREFIX.length).split(" ");
  const bytes = parseBase64(encoded);
  if (!isKeyName(name) || rest.length > 0 || !bytes.ok || bytes.value.length <= UINT32_LENGTH) return undefined;
  return { name, keyId: new ByteReader(bytes.value).u32(), signature: bytes.value.subarray(UINT32_LENGTH) };
}

/** No ASCII control characters other than newline, and nothing that UTF-8 cannot carry. */
function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f]/.test(text);
}
