export {
  ADD_CHECKPOINT_LENGTH_MAX,
  type AddCheckpoint,
  encodeAddCheckpoint,
  PROOF_LENGTH_MAX,
  parseAddCheckpoint,
  type ReceivedCheckpoint,
} from "./add-checkpoint.ts";
export {
  ADD_ENTRIES_LENGTH_MAX,
  type AddEntriesHeader,
  type EntryPackage,
  encodeAddEntries,
  formatMirrorInfo,
  PACKAGES_MAX,
  type PackageRange,
  packageRanges,
  parseMirrorInfo,
  readAddEntriesHeader,
  readPackage,
} from "./add-entries.ts";
export { type AuditReport, type AuditTrust, type AuditWatcher, verifyExport } from "./audit.ts";
export {
  type Checkpoint,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
  TREE_SIZE_MAX,
} from "./checkpoint.ts";
export { ENTRY_LENGTH_MAX, encodeBundle, parseBundle } from "./entry-bundle.ts";
export type {
  AuditError,
  BundleError,
  CheckpointError,
  MirrorInfo,
  MirrorRefusal,
  ProofError,
  UploadError,
  WireError,
} from "./errors.ts";
export {
  acceptCheckpoint,
  acceptPackage,
  beginUpload,
  completeUpload,
  EMPTY_MIRRORED_LOG,
  type KnownCheckpoint,
  type MirroredLog,
  PENDING_CHECKPOINTS_MAX,
  type Upload,
} from "./mirror.ts";
export {
  acceptedAnswer,
  LOG_SIZE_TYPE,
  MIRROR_INFO_TYPE,
  type MirrorAnswer,
  partialAnswer,
  refusedAnswer,
} from "./mirror-answer.ts";
export type { ExportReader, LogReader } from "./ports.ts";
export {
  type ConsistencyClaim,
  type InclusionClaim,
  makeConsistencyProof,
  makeInclusionProof,
  verifyConsistency,
  verifyGrowth,
  verifyInclusion,
} from "./proof.ts";
export {
  makeSubtreeProof,
  type NodeReader,
  rangeRoot,
  type SubtreeClaim,
  verifySubtreeConsistency,
} from "./subtree-proof.ts";
export {
  bundlePath,
  nodesOfTiles,
  rootOfHashes,
  TILE_WIDTH,
  type Tile,
  type TileCoordinates,
  tilePath,
  tilesOf,
  tileWidthAt,
} from "./tile.ts";
export { TreeBuilder } from "./tree-builder.ts";
export { createTreeHasher, HASH_LENGTH, type TreeHasher } from "./tree-hasher.ts";
export {
  afterUpload,
  planUpload,
  startUpload,
  type UploadAnswer,
  type UploadProgress,
  type UploadRequest,
  type UploadState,
} from "./upload.ts";
