/** Why a Merkle proof does not show what it claims. */
export type ProofError =
  | { readonly code: "PROOF_RANGE_INVALID" }
  | { readonly code: "PROOF_LENGTH_INVALID"; readonly length: number }
  | { readonly code: "PROOF_MISMATCH" };

export type CheckpointError =
  | { readonly code: "CHECKPOINT_MALFORMED" }
  | { readonly code: "CHECKPOINT_SIZE_UNSUPPORTED"; readonly size: string }
  | { readonly code: "CHECKPOINT_ORIGIN_MISMATCH"; readonly origin: string }
  | { readonly code: "CHECKPOINT_SIGNATURE_INVALID"; readonly name: string }
  | { readonly code: "CHECKPOINT_UNSIGNED"; readonly origin: string };

export interface BundleError {
  readonly code: "BUNDLE_MALFORMED";
  /** Those that could be read before it broke. */
  readonly entries: readonly Uint8Array[];
}

export interface WireError {
  readonly code: "REQUEST_MALFORMED" | "MIRROR_INFO_MALFORMED";
}

/** Why a mirror refuses; `mirrorAnswer` says how HTTP carries it. */
export type MirrorRefusal =
  | { readonly code: "REQUEST_MALFORMED" }
  | { readonly code: "LOG_UNKNOWN" }
  | { readonly code: "CHECKPOINT_UNTRUSTED" }
  | { readonly code: "OLD_SIZE_PAST_CHECKPOINT" }
  | { readonly code: "OLD_SIZE_STALE"; readonly pendingSize: number }
  | { readonly code: "CHECKPOINT_INCONSISTENT" }
  | { readonly code: "CHECKPOINT_NEVER_SEEN" }
  | { readonly code: "UPLOAD_CONFLICT"; readonly info: MirrorInfo }
  | { readonly code: "PACKAGE_UNPROVEN"; readonly start: number; readonly end: number };

/** What a mirror tells a client so that it can go on (tlog-mirror, `text/x.tlog.mirror-info`). */
export interface MirrorInfo {
  /** The size of a checkpoint that the mirror holds as pending. */
  readonly size: number;
  readonly nextEntry: number;
  readonly ticket: Uint8Array;
}

/** Why an upload cannot go on by itself. */
export type UploadError =
  | { readonly code: "MIRROR_AHEAD"; readonly mirrorSize: number; readonly size: number }
  | { readonly code: "MIRROR_REFUSED"; readonly status: number }
  | { readonly code: "MIRROR_UNINTELLIGIBLE"; readonly status: number }
  | { readonly code: "MIRROR_UNSTEADY"; readonly conflicts: number };

/** What in an export does not fit, by name. */
export type AuditError =
  | { readonly code: "CHECKPOINT_MISSING" }
  | CheckpointError
  | { readonly code: "COSIGNATURE_MISSING"; readonly origin: string }
  | { readonly code: "FILE_MISSING"; readonly path: string }
  | { readonly code: "TILE_MALFORMED"; readonly path: string }
  | { readonly code: "TILE_MISMATCH"; readonly path: string }
  | { readonly code: "ENTRY_MALFORMED"; readonly path: string; readonly index: number }
  | { readonly code: "ENTRY_MISMATCH"; readonly path: string; readonly index: number }
  | { readonly code: "TREE_MISMATCH"; readonly size: number };
