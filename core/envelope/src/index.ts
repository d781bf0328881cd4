export { JWS_LENGTH_MAX, type JwsError, type OpenedJws, signJws, type VerificationKey, verifyJws } from "./jws.ts";
export {
  cosignNote,
  formatNote,
  formatNoteSignature,
  NOTE_LENGTH_MAX,
  type NoteError,
  type NoteSignature,
  parseNote,
  parseNoteSignatures,
  type SignedNote,
  signNote,
  type VerifiedSignature,
  verifyNote,
} from "./note.ts";
export {
  formatVerifierKey,
  type NoteKeyKind,
  type NoteSigner,
  noteSignerOf,
  parseVerifierKey,
  type VerifierKey,
  type VerifierKeyError,
  verifierKeyOf,
} from "./verifier-key.ts";
