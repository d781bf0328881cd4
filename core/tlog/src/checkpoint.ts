import { assert, base64, type Crypto, err, ok, parseBase64, type Result } from "@vedette/base";
import {
  formatNote,
  type NoteSigner,
  parseNote,
  type SignedNote,
  signNote,
  type VerifiedSignature,
  type VerifierKey,
  verifyNote,
} from "@vedette/envelope";
import type { CheckpointError } from "./errors.ts";
import { HASH_LENGTH } from "./tree-hasher.ts";

/** C2SP tlog-checkpoint: the head of one log's tree. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** A checkpoint with the note it stood in and the signatures on it that verified. */
export interface OpenedCheckpoint extends Checkpoint {
  readonly note: SignedNote;
  readonly signatures: readonly VerifiedSignature[];
}

/** Sizes are uint64 in the standard; our logs end at 2^53 - 1 leaves, 2,800 years at 100,000 a second. */
export const TREE_SIZE_MAX: number = Number.MAX_SAFE_INTEGER;

/** The log signs under its origin (tlog-checkpoint, "Signatures"). The caller signs only trees that grew out of each other. */
export function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): string {
  assert(signer.key.name === checkpoint.origin, "a log's key is named after its origin");
  const text = formatCheckpoint(checkpoint);
  return formatNote({ text, signatures: [signNote(text, signer)] });
}

/** The text of the note: origin, size, root; no extension lines. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${base64(root)}\n`;
}

/**
 * Reads a checkpoint and demands the signature of the log's key (of kind "ed25519", named after the origin) among `keys`;
 * cosignatures by other `keys` are checked as well and reported.
 */
export function openCheckpoint(
  note: Uint8Array | string,
  keys: readonly VerifierKey[],
  crypto: Pick<Crypto, "verify">,
): Result<OpenedCheckpoint, CheckpointError> {
  const parsed = parseNote(note);
  if (!parsed.ok) return err({ code: "CHECKPOINT_MALFORMED" });
  const checkpoint = parseCheckpoint(parsed.value.text);
  if (!checkpoint.ok) return checkpoint;
  const verified = verifyNote(parsed.value, keys, crypto);
  if (!verified.ok && verified.error.code === "NOTE_SIGNATURE_INVALID")
    return err({ code: "CHECKPOINT_SIGNATURE_INVALID", name: verified.error.name });
  const signatures = verified.ok ? verified.value : [];
  const { origin } = checkpoint.value;
  if (!signatures.some(({ key }) => key.kind === "ed25519" && key.name === origin))
    return err({ code: "CHECKPOINT_UNSIGNED", origin });
  return ok({ ...checkpoint.value, note: parsed.value, signatures });
}

/** The text of a checkpoint's note. Extension lines are allowed by the standard, and ignored. */
export function parseCheckpoint(text: string): Result<Checkpoint, CheckpointError> {
  const malformed = err({ code: "CHECKPOINT_MALFORMED" as const });
  const [origin = "", decimal = "", encoded = "", ...extensions] = text.slice(0, -1).split("\n");
  const root = parseBase64(encoded);
  if (!text.endsWith("\n") || origin === "" || extensions.includes("")) return malformed;
  if (!/^(0|[1-9]\d{0,19})$/.test(decimal) || !root.ok || root.value.length !== HASH_LENGTH) return malformed;
  const size = Number(decimal);
  if (size > TREE_SIZE_MAX) return err({ code: "CHECKPOINT_SIZE_UNSUPPORTED", size: decimal });
  return ok({ origin, size, root: root.value });
}
